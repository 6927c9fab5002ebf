/* SPDX-License-Identifier: MIT */
/*
 * green.h - greenlets of the main thread, and how they make blocking calls.
 *
 * There are two ways, and the build takes one. green_patched.c has libcurl call
 * Thrum where it calls libc, so that whoever waits gives its turn away: one
 * thread has as many transfers under way as there are descriptors for them.
 * Where libthrum-monkey is not to be had, green_offloaded.c has threads make
 * the calls.
 */
#ifndef GREEN_H
#define GREEN_H

#include <stdbool.h>

#include "executors.h"

extern const char green_label[]; /* in tables */
extern const char green_about[]; /* for the help */

/* How many transfers fit, each with a file of its own if they are saved; and
 * whether to have so many if nobody says how many. */
int green_fits(bool save);
extern const bool green_is_many;

int green_make(const struct executor_setup *setup, thrum_executor **ret);

/* When the executor is gone. */
void green_leave(void);

/* In a greenlet of it: calls fn(arg), which blocks. 0; THRUM_ECANCELLED when fn
 * was never called; or why it could not be. */
int green_call(thrum_fn *fn, void *arg);

#endif /* GREEN_H */
