/* SPDX-License-Identifier: MIT */
/*
 * hub/semaphore.c - so many units, each for one at a time.
 *
 * The state is how many units there are to be had. While somebody waits there
 * are none: a release hands its unit to the oldest.
 */
#include <errno.h>

#include "hub/sync.h"

#define SEMAPHORE_ONE (unsigned)THRUMI_SYNC_ONE
#define SEMAPHORE_MOST \
 (~0u / SEMAPHORE_ONE) /* what fits, if there is no other limit */

static struct thrumi_sync *semaphore_sync(thrum_semaphore *semaphore)
{
    return thrumi_sync_of(&semaphore->sync);
}

static unsigned semaphore_limit(const thrum_semaphore *semaphore)
{
    return semaphore->limit == 0 ? SEMAPHORE_MOST : semaphore->limit;
}

int thrum_semaphore_init(thrum_semaphore *semaphore, unsigned units,
                         unsigned limit)
{
    if (limit > SEMAPHORE_MOST || units > (limit == 0 ? SEMAPHORE_MOST : limit))
        return -EINVAL;
    *semaphore = (thrum_semaphore)THRUM_SEMAPHORE_INIT(units, limit);
    return 0;
}

void thrum_semaphore_fini(thrum_semaphore *semaphore)
{
    thrumi_sync_fini(semaphore_sync(semaphore), "thrum_semaphore_fini");
}

unsigned thrum_semaphore_units(const thrum_semaphore *semaphore)
{
    const struct thrumi_sync *sync = (const void *)&semaphore->sync;

    return atomic_load_explicit(&sync->word, memory_order_relaxed) /
           SEMAPHORE_ONE;
}

static bool semaphore_try(struct thrumi_sync *sync)
{
    unsigned word = atomic_load_explicit(&sync->word, memory_order_relaxed);

    while (word >= SEMAPHORE_ONE && (word & THRUMI_SYNC_FLAGS) == 0)
        /* acquire: pairs with the release in thrum_semaphore_release() */
        if (atomic_compare_exchange_weak_explicit(
                &sync->word, &word, word - SEMAPHORE_ONE, memory_order_acquire,
                memory_order_relaxed))
            return true;
    return false;
}

static __attribute__((noinline)) int
semaphore_acquire_slow(thrum_semaphore *semaphore, thrum_time deadline)
{
    struct thrumi_sync *sync = semaphore_sync(semaphore);
    struct thrumi_sync_waiter waiter;
    unsigned units;

    thrumi_sync_waiter_init(&waiter, "semaphore", semaphore);
    units = thrumi_sync_enter(sync);
    if (units == 0)
        return thrumi_sync_wait(sync, &waiter, 0, deadline);
    thrumi_sync_leave(sync, units - SEMAPHORE_ONE);
    return 0;
}

int thrum_semaphore_acquire(thrum_semaphore *semaphore, thrum_time deadline)
{
    thrumi_sync_spend(deadline);
    if (thrumi_likely(semaphore_try(semaphore_sync(semaphore))))
        return 0;
    return semaphore_acquire_slow(semaphore, deadline);
}

static __attribute__((noinline)) int
semaphore_release_slow(struct thrumi_sync *sync, unsigned limit)
{
    unsigned units = thrumi_sync_enter(sync);
    bool full = units / SEMAPHORE_ONE >= limit;

    if (thrumi_sync_hand_over(sync, units,
                              full ? units : units + SEMAPHORE_ONE))
        return 0;
    return full ? -EOVERFLOW : 0;
}

int thrum_semaphore_release(thrum_semaphore *semaphore)
{
    struct thrumi_sync *sync = semaphore_sync(semaphore);
    unsigned limit = semaphore_limit(semaphore);
    unsigned word = atomic_load_explicit(&sync->word, memory_order_relaxed);

    while ((word & THRUMI_SYNC_FLAGS) == 0) {
        if (word / SEMAPHORE_ONE >= limit)
            return -EOVERFLOW;
        /* release: pairs with the acquire in semaphore_try() */
        if (atomic_compare_exchange_weak_explicit(
                &sync->word, &word, word + SEMAPHORE_ONE, memory_order_release,
                memory_order_relaxed))
            return 0;
    }
    return semaphore_release_slow(sync, limit);
}
