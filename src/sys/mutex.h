/* SPDX-License-Identifier: MIT */
/*
 * sys/mutex.h - a lock of four bytes.
 *
 * For a few instructions at a time, on small structures; nobody parks for
 * long or runs user code while holding one. The word is 0 free, 1 held, 2 held
 * and somebody sleeps (U. Drepper, "Futexes Are Tricky", mutex 2).
 */
#ifndef THRUMI_SYS_MUTEX_H
#define THRUMI_SYS_MUTEX_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/container.h"
#include "sys/alone.h"

struct thrumi_mutex {
    atomic_uint word;
};

#define THRUMI_MUTEX_INIT \
 {                        \
  0                       \
 }

void thrumi_mutex_lock_slow(struct thrumi_mutex *mutex);
void thrumi_mutex_unlock_slow(struct thrumi_mutex *mutex);

static inline void thrumi_mutex_init(struct thrumi_mutex *mutex)
{
    atomic_init(&mutex->word, 0);
}

static inline bool thrumi_mutex_take(struct thrumi_mutex *mutex)
{
    unsigned unlocked = 0;

    if (thrumi_alone())
        return thrumi_alone_take(&mutex->word);
    /* acquire: pairs with the release in thrumi_mutex_unlock() */
    return atomic_compare_exchange_strong_explicit(
        &mutex->word, &unlocked, 1, memory_order_acquire, memory_order_relaxed);
}

static inline void thrumi_mutex_lock(struct thrumi_mutex *mutex)
{
    if (thrumi_unlikely(!thrumi_mutex_take(mutex)))
        thrumi_mutex_lock_slow(mutex);
}

static inline void thrumi_mutex_unlock(struct thrumi_mutex *mutex)
{
    unsigned word;

    if (thrumi_alone()) {
        word = atomic_load_explicit(&mutex->word, memory_order_relaxed);
        atomic_store_explicit(&mutex->word, 0, memory_order_relaxed);
    } else {
        /* release: pairs with the acquires of the lock */
        word = atomic_exchange_explicit(&mutex->word, 0, memory_order_release);
    }
    if (thrumi_unlikely(word == 2))
        thrumi_mutex_unlock_slow(mutex);
}

/* A lock of the whole process: a forked child may inherit it held by a thread
 * that is not there, and begins with a new one. */
struct thrumi_global_mutex {
    struct thrumi_mutex mutex;
    atomic_uint generation; /* of the process that used it, 0: none yet */
};

/* Locks; true when this process is the first since a fork to do so, so that
 * what the lock guards may have been left half changed. */
bool thrumi_global_mutex_lock(struct thrumi_global_mutex *global);

static inline void
thrumi_global_mutex_unlock(struct thrumi_global_mutex *global)
{
    thrumi_mutex_unlock(&global->mutex);
}

#endif /* THRUMI_SYS_MUTEX_H */
