/* SPDX-License-Identifier: MIT */
/*
 * hub/lock.c - one at a time, in the order in which they came.
 *
 * The state is one bit: locked. A release with waiters does not unlock; it
 * hands the lock to the oldest, so nobody who comes later is faster, and a
 * waiter that is woken has it.
 */
#include "hub/lock.h"

#define LOCK_LOCKED (unsigned)THRUMI_SYNC_ONE

static struct thrumi_sync *lock_sync(thrum_lock *lock)
{
    return thrumi_sync_of(&lock->sync);
}

void thrum_lock_init(thrum_lock *lock)
{
    *lock = (thrum_lock)THRUM_LOCK_INIT;
}

void thrum_lock_fini(thrum_lock *lock)
{
    thrumi_sync_fini(lock_sync(lock), "thrum_lock_fini");
}

static bool lock_try(struct thrumi_sync *sync)
{
    unsigned unlocked = 0;

    /* acquire: pairs with the release in thrum_lock_release() */
    return atomic_compare_exchange_strong_explicit(
        &sync->word, &unlocked, LOCK_LOCKED, memory_order_acquire,
        memory_order_relaxed);
}

/* Acquires it if it is free; else the word is busy. */
static bool lock_enter(struct thrumi_sync *sync)
{
    if (thrumi_sync_enter(sync) == LOCK_LOCKED)
        return false;
    thrumi_sync_leave(sync, LOCK_LOCKED);
    return true;
}

static __attribute__((noinline)) int lock_acquire_slow(thrum_lock *lock,
                                                       thrum_time deadline)
{
    struct thrumi_sync *sync = lock_sync(lock);
    struct thrumi_sync_waiter waiter;

    thrumi_sync_waiter_init(&waiter, "lock", lock);
    if (lock_enter(sync))
        return 0;
    return thrumi_sync_wait(sync, &waiter, LOCK_LOCKED, deadline);
}

int thrum_lock_acquire(thrum_lock *lock, thrum_time deadline)
{
    thrumi_sync_spend(deadline);
    if (thrumi_likely(lock_try(lock_sync(lock))))
        return 0;
    return lock_acquire_slow(lock, deadline);
}

void thrumi_lock_take(thrum_lock *lock)
{
    struct thrumi_sync *sync = lock_sync(lock);
    struct thrumi_sync_waiter waiter;

    if (lock_try(sync))
        return;
    thrumi_sync_waiter_init(&waiter, "lock", lock);
    if (lock_enter(sync))
        return;
    thrumi_waitlist_add(&sync->waiters, &waiter.node);
    thrumi_sync_leave(sync, LOCK_LOCKED);
    thrumi_parking_finish(&waiter.parking);
}

void thrumi_lock_give(thrum_lock *lock, struct thrumi_waitnode *node)
{
    struct thrumi_sync *sync = lock_sync(lock);

    if (lock_enter(sync)) {
        thrumi_waitnode_wake(node);
        return;
    }
    thrumi_waitlist_add(&sync->waiters, node);
    thrumi_sync_leave(sync, LOCK_LOCKED);
}

static __attribute__((noinline)) void
lock_release_slow(struct thrumi_sync *sync)
{
    if (thrumi_sync_enter(sync) != LOCK_LOCKED)
        thrumi_sync_misused("thrum_lock_release", "the lock is not held");
    thrumi_sync_hand_over(sync, LOCK_LOCKED, 0);
}

void thrum_lock_release(thrum_lock *lock)
{
    struct thrumi_sync *sync = lock_sync(lock);
    unsigned locked = LOCK_LOCKED;

    /* release: pairs with the acquires of those who come next */
    if (thrumi_unlikely(!atomic_compare_exchange_strong_explicit(
            &sync->word, &locked, 0, memory_order_release,
            memory_order_relaxed)))
        lock_release_slow(sync);
}
