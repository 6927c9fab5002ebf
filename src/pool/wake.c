/* SPDX-License-Identifier: MIT */
/*
 * pool/wake.c - seeing to it that somebody takes what is queued.
 *
 * The protocol of who sleeps and who is woken is idle.c's. Here is what a
 * submitter does with it: it wakes a sleeper, or starts a thread while there
 * are fewer than asked for, and otherwise leaves it to those who are awake.
 */
#include <limits.h>

#include "base/fence.h"
#include "pool/thread_pool.h"
#include "sys/barrier.h"
#include "sys/clock.h"

static bool wake_may_grow(struct thrumi_pool *pool)
{
    return thrumi_pool_active(pool) < pool->max_workers &&
           atomic_load_explicit(&pool->alive, memory_order_relaxed) <
               pool->max_threads;
}

/* Starts a thread that gets our token; a failure is not tried again at once. */
static bool wake_grow(struct thrumi_pool *pool)
{
    int64_t until =
        atomic_load_explicit(&pool->no_growth_until, memory_order_relaxed);

    if (!wake_may_grow(pool) || (until != 0 && thrumi_clock_ns() < until))
        return false;
    if (thrumi_worker_start(pool, true) == 0)
        return true;
    atomic_store_explicit(&pool->no_growth_until, thrum_in_ms(10).ns,
                          memory_order_relaxed);
    return false;
}

/* Gives the token up; true if it was the last and there is work. */
static bool wake_give_up_token(struct thrumi_pool *pool)
{
    if (!thrumi_idle_stop_search(&pool->idle))
        return false;
    thrumi_fence_after_rmw(&pool->idle.parked);
    return thrumi_pool_has_work(pool);
}

/* Uses a token: wakes a sleeper or starts a thread, but not for a task that a
 * worker has taken already. */
static void wake_use_token(struct thrumi_pool *pool)
{
    bool grow = true;

    do {
        if (thrumi_idle_wake_one(&pool->idle))
            return;
        if (thrumi_pool_has_work(pool)) {
            if (!thrumi_idle_others_search(&pool->idle) && wake_grow(pool))
                return;
            grow = false;
        }
        /* Others may have submitted and woken nobody, since we had the token,
         * and whoever could have found that may sleep by now. */
    } while (wake_give_up_token(pool) &&
             thrumi_idle_want_wake(&pool->idle, grow && wake_may_grow(pool)));
}

/* After the fence. */
static inline void wake_if_wanted(struct thrumi_pool *pool)
{
    if (thrumi_unlikely(
            thrumi_idle_want_wake(&pool->idle, wake_may_grow(pool))))
        wake_use_token(pool);
}

void thrumi_pool_notify(struct thrumi_pool *pool)
{
    thrumi_fence(&pool->idle.parked);
    wake_if_wanted(pool);
}

void thrumi_pool_notify_unlocked(struct thrumi_pool *pool)
{
    thrumi_fence_after_rmw(&pool->idle.parked);
    wake_if_wanted(pool);
}

bool thrumi_pool_has_work(struct thrumi_pool *pool)
{
    unsigned places = atomic_load_explicit(&pool->places, memory_order_acquire);

    if (!thrumi_injection_empty(&pool->injection))
        return true;
    for (unsigned i = 0; i < places; i++) {
        struct thrumi_worker *worker =
            atomic_load_explicit(&pool->workers[i], memory_order_acquire);

        if (worker != NULL && thrumi_deque_length(&worker->deque) > 0)
            return true;
    }
    return false;
}

/* Starts the first worker. It holds a token, so that the wake of the task which
 * it is started for does not start a second one (F52). */
static int wake_start_first(struct thrumi_pool *pool)
{
    int rc;

    thrumi_idle_start_search(&pool->idle, UINT_MAX);
    rc = thrumi_worker_start(pool, true);
    if (rc != 0 && thrumi_idle_stop_search(&pool->idle) &&
        thrumi_pool_has_work(pool))
        thrumi_pool_notify(pool);
    return rc;
}

static inline bool wake_nobody_lives(struct thrumi_pool *pool)
{
    return thrumi_unlikely(
        atomic_load_explicit(&pool->alive, memory_order_relaxed) == 0);
}

/* When there are enough by the time that a thread is to be started, another has
 * been faster. The first task may have ended that one's thread already. */
int thrumi_pool_need_worker(struct thrumi_pool *pool)
{
    int rc = 0;

    while (wake_nobody_lives(pool)) {
        if (rc < 0)
            return rc;
        rc = wake_start_first(pool);
    }
    return 0;
}
