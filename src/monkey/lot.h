/* SPDX-License-Identifier: MIT */
/*
 * monkey/lot.h - greenlets that wait for an object of pthreads, by its address.
 *
 * What an object is stays the C library's: whether it can be taken is found out
 * by its own call that only tries. A greenlet that cannot have it waits here, and
 * whoever gives the object back wakes the first of those. Who gives back in code
 * that is not patched wakes nobody, so the wait looks again by itself, after a
 * millisecond and then twice as long each time, up to ten.
 *
 * These waits are no cancellation points: neither a kill nor the deadline of a
 * block ends them.
 *
 * Memory-order partners: whoever waits is counted before it tries once more, and
 * whoever gives back does that before it looks at the count, with a full fence
 * between on both sides.
 */
#ifndef THRUMI_MONKEY_LOT_H
#define THRUMI_MONKEY_LOT_H

#include <stdatomic.h>
#include <stdbool.h>

#include <thrum/sync.h>

#include "base/fence.h"
#include "base/list.h"

struct thrumi_lot_wait {
    struct thrumi_link link; /* in its bucket */
    const void *at;
    thrum_event event; /* it was woken */
};

/* How many wait, of all objects. */
extern atomic_uint thrumi_lot_waiting;

/* Begins and ends to wait for the object, for whoever does more than to try. It
 * may be woken from the first on. */
void thrumi_lot_enter(struct thrumi_lot_wait *wait, const void *at);
/* True: it was woken since it looked last, perhaps after it gave up. */
bool thrumi_lot_leave(struct thrumi_lot_wait *wait);
/* Waits to be woken: 0, or -ETIMEDOUT. */
int thrumi_lot_wait(struct thrumi_lot_wait *wait, thrum_time deadline);

/* Takes the object: calls try(object) until it is something else than EBUSY,
 * and returns that; ETIMEDOUT. */
int thrumi_lot_take(void *object, int (*try)(void *object),
                    thrum_time deadline);

/* How to wake. */
enum {
    THRUMI_LOT_ALL = 1,    /* and not the first alone */
    THRUMI_LOT_SIGNAL = 2, /* perhaps from a signal handler: better nobody than
                            * to wait for a lock */
};

/* Whoever forks has all buckets, and in the child nobody else is left who waits.
 */
void thrumi_lot_before_fork(void);
void thrumi_lot_after_fork(bool child);

void thrumi_lot_wake_some(const void *at, unsigned how);

/* The object was given back, or told of. */
static inline void thrumi_lot_wake(const void *at, unsigned how)
{
    thrumi_fence(&thrumi_lot_waiting);
    /* relaxed: after the fence */
    if (atomic_load_explicit(&thrumi_lot_waiting, memory_order_relaxed) != 0)
        thrumi_lot_wake_some(at, how);
}

#endif /* THRUMI_MONKEY_LOT_H */
