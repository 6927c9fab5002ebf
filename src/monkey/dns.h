/* SPDX-License-Identifier: MIT */
/*
 * monkey/dns.h - copies of what is asked, for those who ask elsewhere.
 */
#ifndef THRUMI_MONKEY_DNS_H
#define THRUMI_MONKEY_DNS_H

#include <stddef.h>

/* The bytes of a text with its end; 0 of NULL. */
size_t thrumi_dns_length(const char *text);

/* Copies a text to `*at` and moves that behind it. NULL stays NULL. */
const char *thrumi_dns_copy(char **at, const char *text);

#endif /* THRUMI_MONKEY_DNS_H */
