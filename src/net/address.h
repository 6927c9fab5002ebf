/* SPDX-License-Identifier: MIT */
/*
 * net/address.h - an address in text, as thrum/resolve.h describes it.
 */
#ifndef THRUMI_NET_ADDRESS_H
#define THRUMI_NET_ADDRESS_H

#include <netdb.h>
#include <stdbool.h>
#include <sys/un.h>

#include <thrum/base.h>

/* What was found. A UNIX address lies in here, others on getaddrinfo's list. */
struct thrumi_address {
    struct addrinfo *list;
    struct addrinfo one;
    struct sockaddr_un name;
};

/* Finds the addresses, of sockets of a type; `passive`: to listen at. 0 or a
 * code of thrum_resolve(). */
int thrumi_address_find(struct thrumi_address *address, const char *text,
                        int type, bool passive, thrum_time deadline);
void thrumi_address_fini(struct thrumi_address *address);

/* The path in the file system, NULL if it has none. */
const char *thrumi_address_path(const struct thrumi_address *address);

#endif /* THRUMI_NET_ADDRESS_H */
