/* SPDX-License-Identifier: MIT */
/*
 * pool/shutdown.c - the end of a thread pool.
 *
 * Closing is one store, and a kick for every sleeper, so that a signal handler
 * can do it. Sealing makes it sure: every lane is closed under its lock, so
 * what was accepted is in a queue and nothing comes after it. A worker that
 * finds the pool closing seals it before it looks at the queues for the last
 * time. It ends when they are empty.
 *
 * Threads are joined by whoever waits for the end; when nobody can any more,
 * since the last user is gone, they detach themselves.
 */
#include <errno.h>

#include "base/error.h"
#include "pool/thread_pool.h"

void thrumi_pool_close(struct thrumi_pool *pool, int code)
{
    int open = 0;
    unsigned places;

    /* release: pairs with the acquire of who sees it */
    if (!atomic_compare_exchange_strong_explicit(&pool->closing, &open, code,
                                                 memory_order_seq_cst,
                                                 memory_order_relaxed))
        code = open;
    places = atomic_load_explicit(&pool->places, memory_order_acquire);
    for (unsigned i = 0; i < places; i++) {
        struct thrumi_worker *worker =
            atomic_load_explicit(&pool->workers[i], memory_order_acquire);

        if (worker != NULL)
            thrumi_idle_kick(&worker->sleeper);
    }
}

void thrumi_pool_seal(struct thrumi_pool *pool)
{
    int code = atomic_load_explicit(&pool->closing, memory_order_acquire);

    thrumi_injection_close(&pool->injection, code);
    thrumi_admission_close(&pool->admission, code);
}

int thrumi_pool_request_shutdown(void *self)
{
    thrumi_pool_close(self, THRUM_ESHUTDOWN);
    return 0;
}

/* ---- what has not begun ---- */

static void shutdown_count(struct thrumi_pool *pool, bool cancelled)
{
    _Atomic uint64_t *counter =
        cancelled ? &pool->outside_cancelled : &pool->outside_failed;

    atomic_fetch_add_explicit(&pool->dropped, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void shutdown_drop_call(struct thrumi_pool *pool, int code)
{
    shutdown_count(pool, code == THRUM_ECANCELLED);
    if (code != THRUM_ECANCELLED)
        thrumi_error_unhandled(thrumi_error_new(code, NULL));
}

/* A task that somebody has run who waited for it may still lie in a queue; it
 * was counted there. */
static void shutdown_drop_task(struct thrumi_pool *pool, thrum_future *task,
                               int code)
{
    unsigned phase;

    thrum_future_ref(task);
    thrumi_task_drop(task, code);
    phase = thrumi_future_phase(task);
    if (phase >= THRUMI_VALUE &&
        atomic_load_explicit(&task->runner, memory_order_relaxed) == NULL)
        shutdown_count(pool, phase == THRUMI_CANCELLED);
    thrum_future_unref(task);
}

static bool shutdown_take(struct thrumi_pool *pool, unsigned *rotor,
                          struct thrumi_slot *ret)
{
    if (thrumi_injection_pop_kind(&pool->injection, THRUMI_LANE_URGENT, ret) ||
        thrumi_injection_pop(&pool->injection, rotor, ret, 1, 1) == 1 ||
        thrumi_injection_pop_kind(&pool->injection, THRUMI_LANE_BACKGROUND,
                                  ret)) {
        thrumi_admission_leave(&pool->admission);
        return true;
    }
    return thrumi_worker_steal(pool, rotor, NULL, ret);
}

void thrumi_pool_drain(struct thrumi_pool *pool, int code)
{
    struct thrumi_slot slot;
    unsigned rotor = 0;

    while (shutdown_take(pool, &rotor, &slot)) {
        if (slot.fn != NULL)
            shutdown_drop_call(pool, code);
        else
            shutdown_drop_task(pool, slot.arg, code);
    }
}

/* ---- waiting for the end ---- */

/* They cannot go on before they have the lock. */
void thrumi_pool_ended(struct thrumi_pool *pool)
{
    thrumi_waitnode_wake_all(thrumi_waitlist_take_all(&pool->waiters));
}

static int shutdown_wait_ended(struct thrumi_pool *pool, thrum_time deadline)
{
    int rc = 0;

    thrumi_mutex_lock(&pool->lock);
    while (rc == 0 && thrumi_pool_some_run(pool))
        rc = thrumi_waitlist_wait(&pool->waiters, &pool->lock,
                                  "end of thread pool", pool, deadline);
    thrumi_mutex_unlock(&pool->lock);
    return rc;
}

int thrumi_pool_shutdown(void *self, unsigned flags, thrum_time deadline)
{
    struct thrumi_pool *pool = self;
    int rc;

    if ((flags & THRUM_WAIT) != 0 && thrumi_worker_current(pool) != NULL)
        return -EDEADLK;
    thrumi_pool_close(pool, THRUM_ESHUTDOWN);
    thrumi_pool_seal(pool);
    if ((flags & THRUM_CANCEL_FUTURES) != 0)
        thrumi_pool_drain(pool, THRUM_ECANCELLED);
    if ((flags & THRUM_WAIT) == 0)
        return 0;
    rc = shutdown_wait_ended(pool, deadline);
    if (rc == 0)
        thrumi_pool_join_ended(pool);
    return rc;
}

/* The last user is gone. What was submitted still runs. */
void thrumi_pool_destroy(void *self)
{
    struct thrumi_pool *pool = self;

    thrumi_pool_close(pool, THRUM_ESHUTDOWN);
    thrumi_pool_seal(pool);
    thrumi_pool_detach_ended(pool);
}
