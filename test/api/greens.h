/* SPDX-License-Identifier: MIT */
/*
 * greens.h - spawned greenlets, for tests.
 */
#ifndef GREENS_H
#define GREENS_H

#include <string.h>

#include <thrum.h>

#include "futures.h"
#include "thrum_test.h"

static inline thrum_future *spawn(thrum_fn *fn, const void *arg)
{
    thrum_future *future = NULL;

    CHECK_INT(thrum_spawn(fn, arg, 0, &future), 0);
    return future;
}

/* Waits for it, and drops it; what its wait returned. */
static inline int spawned_end(thrum_future *future)
{
    int rc = thrum_future_result(future, THRUM_FOREVER, NULL);

    thrum_future_unref(future);
    return rc;
}

/* Runs a function as a greenlet, to its end. */
static inline void in_greenlet(thrum_fn *fn, const void *arg)
{
    CHECK_INT(spawned_end(spawn(fn, arg)), 0);
}

/* What ran, in order. */
static char trail[64];

static inline void trail_clear(void)
{
    trail[0] = '\0';
}

static inline void trail_add(const char *mark)
{
    strncat(trail, mark, sizeof(trail) - strlen(trail) - 1);
}

/* A greenlet that leaves a mark, and returns it. */
static inline void *mark_fn(void *mark)
{
    trail_add(mark);
    return mark;
}

/* One that sleeps for long, and notes what its sleep returned. */
static inline void *sleep_long(void *ret_rc)
{
    *(int *)ret_rc = thrum_sleep(thrum_in_s(1000));
    return NULL;
}

#endif /* GREENS_H */
