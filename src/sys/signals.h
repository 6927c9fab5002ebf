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

/* Is there a handler that ends calls (without SA_RESTART)? Which one has run is not
 * told, so one that there is, is taken to have been it. Those of a program's own
 * faults do not count. */
bool thrumi_signal_ends_calls(void);

#endif /* THRUMI_SYS_SIGNALS_H */
