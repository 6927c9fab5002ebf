/* SPDX-License-Identifier: MIT */
/*
 * coro/sight.h - what is running in another thread.
 */
#ifndef THRUMI_CORO_SIGHT_H
#define THRUMI_CORO_SIGHT_H

#include "coro/strand.h"

struct thrumi_sight {
    char name[THRUMI_STRAND_NAME]; /* "main" of the thread's own program */
    thrum_fn *fn;                  /* NULL of the thread's own program */
    uintptr_t top;                 /* where its stack ends; 0: not known */
};

/* Of the strand that runs in the thread, while all strands are frozen. */
void thrumi_sight_take(const struct thrumi_self *self,
                       struct thrumi_sight *ret);

#endif /* THRUMI_CORO_SIGHT_H */
