/* SPDX-License-Identifier: MIT */
/*
 * sys/spinlock.h - a lock that costs one read-modify-write, and not two.
 *
 * As sys/mutex.h, but who unlocks only stores: nobody is told. Who finds it
 * locked looks again a few times, and then naps and looks again, so that a
 * holder that was preempted gets a processor, also from one of higher priority.
 * For what is locked a few instructions at a time, so often that an atomic
 * operation less is worth it.
 */
#ifndef THRUMI_SYS_SPINLOCK_H
#define THRUMI_SYS_SPINLOCK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/container.h"
#include "sys/alone.h"

struct thrumi_spinlock {
    atomic_uint word; /* 0 free, 1 locked */
};

void thrumi_spinlock_lock_slow(struct thrumi_spinlock *lock);

static inline void thrumi_spinlock_init(struct thrumi_spinlock *lock)
{
    atomic_init(&lock->word, 0);
}

static inline bool thrumi_spinlock_try(struct thrumi_spinlock *lock)
{
    unsigned unlocked = 0;

    if (thrumi_alone())
        return thrumi_alone_take(&lock->word);
    /* acquire: pairs with the release in thrumi_spinlock_unlock() */
    return atomic_compare_exchange_strong_explicit(
        &lock->word, &unlocked, 1, memory_order_acquire, memory_order_relaxed);
}

static inline void thrumi_spinlock_lock(struct thrumi_spinlock *lock)
{
    if (thrumi_unlikely(!thrumi_spinlock_try(lock)))
        thrumi_spinlock_lock_slow(lock);
}

static inline void thrumi_spinlock_unlock(struct thrumi_spinlock *lock)
{
    /* release: pairs with the acquire of the lock */
    atomic_store_explicit(&lock->word, 0, memory_order_release);
}

#endif /* THRUMI_SYS_SPINLOCK_H */
