/* SPDX-License-Identifier: MIT */
/*
 * test/unit/sync_waiting.h - how many wait for an object of thrum/sync.h.
 */
#ifndef TEST_SYNC_WAITING_H
#define TEST_SYNC_WAITING_H

#include "hub/sync.h"

static inline unsigned sync_waiting(struct thrum_sync_ *object)
{
    struct thrumi_sync *sync = thrumi_sync_of(object);
    unsigned state = thrumi_sync_enter(sync);
    struct thrumi_link *first = sync->waiters.first;
    struct thrumi_link *link = first;
    unsigned count = 0;

    while (link != NULL && (count == 0 || link != first)) {
        count++;
        link = link->next;
    }
    thrumi_sync_leave(sync, state);
    return count;
}

/* Until so many wait for it. */
#define AWAIT_WAITING(object, n) \
 WAIT_UNTIL(sync_waiting(&(object)->sync) == (n))

/* Who came when. */
struct log {
    atomic_uint begun;
    atomic_uint count; /* of those that are written */
    unsigned index[64];
};

static inline void log_add(struct log *log, unsigned index)
{
    log->index[atomic_fetch_add(&log->begun, 1)] = index;
    atomic_fetch_add(&log->count, 1);
}

#endif /* TEST_SYNC_WAITING_H */
