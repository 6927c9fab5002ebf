/* SPDX-License-Identifier: MIT */
/*
 * sys/mutex.c - a lock of four bytes: what happens when it is taken.
 *
 * The holder is gone in nanoseconds unless it was preempted, so a locker looks
 * a few times before it sleeps.
 */
#include "sys/mutex.h"

#include "sys/fork.h"
#include "sys/park.h"

#define MUTEX_SPINS 20u

void thrumi_mutex_lock_slow(struct thrumi_mutex *mutex)
{
    for (unsigned step = 0; step < MUTEX_SPINS; step++) {
        unsigned unlocked = 0;

        if (atomic_load_explicit(&mutex->word, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_weak_explicit(&mutex->word, &unlocked, 1,
                                                  memory_order_acquire,
                                                  memory_order_relaxed))
            return;
        thrumi_spin(step);
    }
    /* From here on it is locked with 2: somebody may sleep. */
    while (atomic_exchange_explicit(&mutex->word, 2, memory_order_acquire) != 0)
        thrumi_park_word(&mutex->word, 2, THRUM_FOREVER);
}

void thrumi_mutex_unlock_slow(struct thrumi_mutex *mutex)
{
    thrumi_wake_word(&mutex->word, 1);
}

bool thrumi_global_mutex_lock(struct thrumi_global_mutex *global)
{
    unsigned now = thrumi_fork_generation();
    unsigned before =
        atomic_load_explicit(&global->generation, memory_order_relaxed);
    bool inherited = false;

    if (thrumi_unlikely(before != now) &&
        atomic_compare_exchange_strong_explicit(&global->generation, &before,
                                                now, memory_order_relaxed,
                                                memory_order_relaxed)) {
        inherited = before != 0;
        if (inherited)
            thrumi_mutex_init(&global->mutex);
    }
    thrumi_mutex_lock(&global->mutex);
    return inherited;
}
