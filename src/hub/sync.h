/* SPDX-License-Identifier: MIT */
/*
 * hub/sync.h - what all of thrum/sync.h is made of: a word and a wait list.
 *
 *     bit 0     busy: somebody changes the list; also the state is his alone
 *     bit 1     somebody sleeps until it is not busy any more
 *     bit 2     there are waiters
 *     above     the state: is it locked, how many units there are, ...
 *
 * The quick ways of the objects are one compare-and-swap from a word in which
 * these three bits are as they want them. Everything else enters: it makes the
 * word busy, has the list and the state for itself, and leaves with a new
 * state. So the lock of the list is a bit of the state's own word, and leaving
 * is the last access to the object: whoever sees the new state may destroy it
 * at once, as the one that waits for an event on his stack does.
 *
 * All zero is an object that nobody waits for, so there are initialisers.
 *
 * Not here: what the state means, which is each object's own file's.
 */
#ifndef THRUMI_HUB_SYNC_H
#define THRUMI_HUB_SYNC_H

#include <stdatomic.h>
#include <stdbool.h>

#include <thrum/sync.h>

#include "task/waitlist.h"

enum {
    THRUMI_SYNC_BUSY = 1,
    THRUMI_SYNC_SLEEPER = 2,
    THRUMI_SYNC_WAITERS = 4,
    THRUMI_SYNC_FLAGS = 7,
    THRUMI_SYNC_ONE = 8, /* the lowest bit of a state */
};

struct thrumi_sync {
    atomic_uint word;
    struct thrumi_waitlist waiters; /* guarded by the busy bit */
};

/* What a program has in its objects, which is public for its size alone. */
static inline struct thrumi_sync *thrumi_sync_of(struct thrum_sync_ *object)
{
    return (struct thrumi_sync *)(void *)object;
}

/* Before the quick way of a wait: one who never has to wait must not keep his
 * thread for ever. One that only tries keeps it. */
static inline void thrumi_sync_spend(thrum_time deadline)
{
    if (deadline.ns > 0)
        thrumi_context_spend();
}

/* One that waits, on its stack. */
struct thrumi_sync_waiter {
    struct thrumi_waitnode node;
    struct thrumi_parking parking;
};

/* For `what`, which is `on`: see thrumi_parking_for(). */
void thrumi_sync_waiter_init(struct thrumi_sync_waiter *waiter,
                             const char *what, const void *on);

/* Makes the word busy; returns the state, without flags. */
unsigned thrumi_sync_enter(struct thrumi_sync *sync);
/* Ends that with a new state. */
void thrumi_sync_leave(struct thrumi_sync *sync, unsigned state);

/* All three are called when the word is busy, and it is not any more when they
 * return. Leaves with the state, and waits: 0 when its node was taken, else
 * what the wait says, and the node may be on the list or not. */
int thrumi_sync_park(struct thrumi_sync *sync,
                     struct thrumi_sync_waiter *waiter, unsigned state,
                     thrum_time deadline);
/* Likewise, but to its end: 0 when the node was taken, else it is off the list.
 * With THRUM_NOW it does not wait. */
int thrumi_sync_wait(struct thrumi_sync *sync,
                     struct thrumi_sync_waiter *waiter, unsigned state,
                     thrum_time deadline);
/* Takes the oldest waiter and wakes it, having left with `handed`; without any
 * it leaves with `kept`. True: there was one. */
bool thrumi_sync_hand_over(struct thrumi_sync *sync, unsigned handed,
                           unsigned kept);

/* For a wait that is for more than the event: puts its node on the event's
 * list; false when the event is set. Takes it off, if it is there still. */
bool thrumi_event_listen(thrum_event *event, struct thrumi_waitnode *node);
void thrumi_event_unlisten(thrum_event *event, struct thrumi_waitnode *node);

/* Ends the program, with a sentence, if somebody waits for it. */
void thrumi_sync_fini(struct thrumi_sync *sync, const char *function);
/* Ends the program: "FUNCTION: COMPLAINT". */
_Noreturn void thrumi_sync_misused(const char *function, const char *complaint);

#endif /* THRUMI_HUB_SYNC_H */
