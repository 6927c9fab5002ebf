/* SPDX-License-Identifier: MIT */
/*
 * sys/signals.h - signals by number.
 */
#ifndef THRUMI_SYS_SIGNALS_H
#define THRUMI_SYS_SIGNALS_H

#include <stdbool.h>

bool thrumi_signal_exists(int number);
/* "SIGSEGV"; "a signal" if it has no name. */
const char *thrumi_signal_name(int number);

#endif /* THRUMI_SYS_SIGNALS_H */
