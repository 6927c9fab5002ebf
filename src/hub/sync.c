/* SPDX-License-Identifier: MIT */
/*
 * hub/sync.c - what all of thrum/sync.h is made of: a word and a wait list.
 *
 * The busy bit is a lock as sys/mutex.c has one, for a few instructions at a
 * time. Those who sleep on it are all woken when it is free, since the bit that
 * tells of them is dropped with the leave; there is rarely more than one.
 */
#include "hub/sync.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sys/park.h"

#define SYNC_SPINS 20u

_Static_assert(sizeof(struct thrumi_sync) == sizeof(struct thrum_sync_) &&
                   offsetof(struct thrumi_sync, waiters) ==
                       offsetof(struct thrum_sync_, waiters),
               "programs have room for it");

void thrumi_sync_waiter_init(struct thrumi_sync_waiter *waiter,
                             const char *what, const void *on)
{
    thrumi_parking_init(&waiter->parking);
    thrumi_parking_for(&waiter->parking, what, on);
    thrumi_waitnode_init(&waiter->node, &waiter->parking);
}

/* One try; `*word` is what was there. */
static bool sync_try_enter(struct thrumi_sync *sync, unsigned *word)
{
    *word = atomic_load_explicit(&sync->word, memory_order_relaxed);
    return (*word & THRUMI_SYNC_BUSY) == 0 &&
           /* acquire: pairs with the release in thrumi_sync_leave() */
           atomic_compare_exchange_weak_explicit(
               &sync->word, word, *word | THRUMI_SYNC_BUSY,
               memory_order_acquire, memory_order_relaxed);
}

static void sync_sleep(struct thrumi_sync *sync)
{
    unsigned word = atomic_load_explicit(&sync->word, memory_order_relaxed);

    if ((word & THRUMI_SYNC_BUSY) == 0)
        return;
    if ((word & THRUMI_SYNC_SLEEPER) == 0 &&
        !atomic_compare_exchange_weak_explicit(
            &sync->word, &word, word | THRUMI_SYNC_SLEEPER,
            memory_order_relaxed, memory_order_relaxed))
        return;
    thrumi_park_word(&sync->word, word | THRUMI_SYNC_SLEEPER, THRUM_FOREVER);
}

unsigned thrumi_sync_enter(struct thrumi_sync *sync)
{
    unsigned word;

    for (unsigned step = 0; !sync_try_enter(sync, &word); step++)
        if (step < SYNC_SPINS)
            thrumi_spin(step);
        else
            sync_sleep(sync);
    return word & ~(unsigned)THRUMI_SYNC_FLAGS;
}

void thrumi_sync_leave(struct thrumi_sync *sync, unsigned state)
{
    atomic_uint *at = &sync->word;

    if (!thrumi_waitlist_empty(&sync->waiters))
        state |= THRUMI_SYNC_WAITERS;
    /* release: pairs with the acquire in sync_try_enter(), and with those of
       the quick ways; the object may be gone after it */
    if (atomic_exchange_explicit(at, state, memory_order_release) &
        THRUMI_SYNC_SLEEPER)
        thrumi_wake_word(at, INT_MAX);
}

int thrumi_sync_park(struct thrumi_sync *sync,
                     struct thrumi_sync_waiter *waiter, unsigned state,
                     thrum_time deadline)
{
    thrumi_waitlist_add(&sync->waiters, &waiter->node);
    thrumi_sync_leave(sync, state);
    return thrumi_parking_wait(&waiter->parking, deadline);
}

int thrumi_sync_wait(struct thrumi_sync *sync,
                     struct thrumi_sync_waiter *waiter, unsigned state,
                     thrum_time deadline)
{
    bool removed;
    int rc;

    if (deadline.ns <= 0) {
        thrumi_sync_leave(sync, state);
        return -ETIMEDOUT;
    }
    rc = thrumi_sync_park(sync, waiter, state, deadline);
    if (rc == 0)
        return 0;
    state = thrumi_sync_enter(sync);
    removed = thrumi_waitlist_remove(&sync->waiters, &waiter->node);
    thrumi_sync_leave(sync, state);
    if (removed)
        return rc;
    thrumi_parking_finish(&waiter->parking);
    return 0;
}

bool thrumi_sync_hand_over(struct thrumi_sync *sync, unsigned handed,
                           unsigned kept)
{
    struct thrumi_waitnode *node = thrumi_waitlist_take(&sync->waiters);

    thrumi_sync_leave(sync, node == NULL ? kept : handed);
    if (node != NULL)
        thrumi_waitnode_wake(node);
    return node != NULL;
}

_Noreturn void thrumi_sync_misused(const char *function, const char *complaint)
{
    fprintf(stderr, "%s: %s\n", function, complaint);
    abort();
}

void thrumi_sync_fini(struct thrumi_sync *sync, const char *function)
{
    /* acquire: all that others did with it is over */
    if (atomic_load_explicit(&sync->word, memory_order_acquire) &
        THRUMI_SYNC_WAITERS)
        thrumi_sync_misused(function, "somebody still waits for it");
}
