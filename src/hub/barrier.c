/* SPDX-License-Identifier: MIT */
/*
 * hub/barrier.c - so many go on together.
 *
 * The state is how many have arrived, and a bit: it is broken. Somebody who
 * gives up breaks it in the same step in which he leaves, so nobody is counted
 * on who has gone.
 */
#include <errno.h>

#include "hub/sync.h"

#define BARRIER_BROKEN  (unsigned)THRUMI_SYNC_ONE
#define BARRIER_ARRIVED (unsigned)(THRUMI_SYNC_ONE * 2)
#define BARRIER_MOST    (~0u / BARRIER_ARRIVED)

struct barrier_waiter {
    struct thrumi_sync_waiter waiter;
    bool broken; /* guarded by the busy bit until it is woken */
};

static struct thrumi_sync *barrier_sync(thrum_barrier *barrier)
{
    return thrumi_sync_of(&barrier->sync);
}

int thrum_barrier_init(thrum_barrier *barrier, unsigned parties)
{
    if (parties == 0 || parties > BARRIER_MOST)
        return -EINVAL;
    *barrier = (thrum_barrier)THRUM_BARRIER_INIT(parties);
    return 0;
}

void thrum_barrier_fini(thrum_barrier *barrier)
{
    thrumi_sync_fini(barrier_sync(barrier), "thrum_barrier_fini");
}

/* Lets all go who are there, and leaves. */
static void barrier_open(struct thrumi_sync *sync, bool broken, unsigned state)
{
    struct thrumi_waitnode *all = thrumi_waitlist_take_all(&sync->waiters);

    for (struct thrumi_waitnode *node = all; node != NULL; node = node->after)
        thrumi_container_of(node, struct barrier_waiter, waiter.node)->broken =
            broken;
    thrumi_sync_leave(sync, state);
    thrumi_waitnode_wake_all(all);
}

/* Waits for the others; 0 or a code. */
static int barrier_park(struct thrumi_sync *sync, struct barrier_waiter *self,
                        unsigned state, thrum_time deadline)
{
    int rc = thrumi_sync_park(sync, &self->waiter, state, deadline);

    if (rc != 0) {
        state = thrumi_sync_enter(sync);
        if (thrumi_waitlist_remove(&sync->waiters, &self->waiter.node)) {
            barrier_open(sync, true, BARRIER_BROKEN);
            return rc;
        }
        thrumi_sync_leave(sync, state);
        thrumi_parking_finish(&self->waiter.parking);
    }
    return self->broken ? THRUM_EBROKEN : 0;
}

int thrum_barrier_wait(thrum_barrier *barrier, thrum_time deadline)
{
    struct thrumi_sync *sync = barrier_sync(barrier);
    struct barrier_waiter self = {.broken = false};
    unsigned index, state;
    int rc = 0;

    thrumi_sync_waiter_init(&self.waiter, "barrier", barrier);
    state = thrumi_sync_enter(sync);
    if (state & BARRIER_BROKEN) {
        thrumi_sync_leave(sync, state);
        return THRUM_EBROKEN;
    }
    index = state / BARRIER_ARRIVED;
    if (index + 1 == barrier->parties)
        barrier_open(sync, false, 0);
    else
        rc = barrier_park(sync, &self, state + BARRIER_ARRIVED, deadline);
    return rc != 0 ? rc : (int)index;
}

void thrum_barrier_abort(thrum_barrier *barrier)
{
    struct thrumi_sync *sync = barrier_sync(barrier);

    thrumi_sync_enter(sync);
    barrier_open(sync, true, BARRIER_BROKEN);
}

void thrum_barrier_reset(thrum_barrier *barrier)
{
    struct thrumi_sync *sync = barrier_sync(barrier);

    thrumi_sync_enter(sync);
    barrier_open(sync, true, 0);
}
