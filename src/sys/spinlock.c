/* SPDX-License-Identifier: MIT */
/*
 * sys/spinlock.c - a lock that costs one read-modify-write: when it is taken.
 */
#include "sys/spinlock.h"

#include "sys/clock.h"
#include "sys/park.h"

#define SPINLOCK_SPINS  40u
#define SPINLOCK_NAP_NS 50000

void thrumi_spinlock_lock_slow(struct thrumi_spinlock *lock)
{
    for (unsigned step = 0;; step++) {
        if (atomic_load_explicit(&lock->word, memory_order_relaxed) == 0 &&
            thrumi_spinlock_try(lock))
            return;
        if (step < SPINLOCK_SPINS)
            thrumi_spin(step);
        else
            thrumi_park_word(&lock->word, 1,
                             thrum_at_ns(thrumi_clock_ns() + SPINLOCK_NAP_NS));
    }
}
