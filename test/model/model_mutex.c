/* SPDX-License-Identifier: MIT */
/*
 * model_mutex.c - the slow paths of locks, for models of what uses them.
 *
 * It does not spin before it parks, which would only add states. The client of
 * sys/mutex.c links that file, and then this one stays in the archive.
 */
#include "model_shim.h"

#include "sys/mutex.h"
#include "sys/park.h"
#include "sys/spinlock.h"

void thrumi_mutex_lock_slow(struct thrumi_mutex *mutex)
{
    while (atomic_exchange_explicit(&mutex->word, 2, memory_order_acquire) != 0)
        thrumi_park_word(&mutex->word, 2, THRUM_FOREVER);
}

void thrumi_mutex_unlock_slow(struct thrumi_mutex *mutex)
{
    thrumi_wake_word(&mutex->word, 1);
}

void thrumi_spinlock_lock_slow(struct thrumi_spinlock *lock)
{
    while (!thrumi_spinlock_try(lock))
        thrumi_spin(~0u); /* it has no end of its own */
}

bool thrumi_global_mutex_lock(struct thrumi_global_mutex *global)
{
    thrumi_mutex_lock(&global->mutex);
    return false;
}
