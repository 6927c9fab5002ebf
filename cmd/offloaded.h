/* SPDX-License-Identifier: MIT */
/*
 * offloaded.h - a blocking call in another thread, made for a greenlet.
 */
#ifndef OFFLOADED_H
#define OFFLOADED_H

#include <thrum/future.h>

/* Calls fn(arg) in a thread while the greenlet waits. It does not come back
 * before fn has returned, whatever happens: one that is cancelled meanwhile
 * finds thrum_cancelled() true in fn. 0; or a code, THRUM_ECANCELLED or another,
 * when fn was not called. */
int offloaded_call(thrum_fn *fn, void *arg);

#endif /* OFFLOADED_H */
