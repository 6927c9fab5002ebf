/* SPDX-License-Identifier: MIT */
/*
 * hub/green_pool_end.c - the end of a green pool.
 *
 * Closing is one store, and a kick for every hub, so that a signal handler can
 * do it. A submit looks at that under the pool's lock, so nothing comes in after
 * it was seen there.
 *
 * It is drained when it is closed, nothing is queued and no task is under way:
 * then its threads end. When there is none left it is over.
 */
#include <errno.h>

#include "hub/green_pool.h"

/* ---- closing ---- */

bool thrumi_green_pool_drained(struct thrumi_green_pool *pool)
{
    return atomic_load_explicit(&pool->closing, memory_order_relaxed) != 0 &&
           pool->live == 0 && thrumi_green_pool_empty(pool);
}

/* Its threads are to end. The lock is held; they cannot go on without it. */
static void green_pool_wake_threads(struct thrumi_green_pool *pool)
{
    for (unsigned i = 0; i < pool->place_count; i++) {
        struct thrumi_parking *sleeper = pool->places[i].sleeper;

        pool->places[i].sleeper = NULL;
        if (sleeper != NULL)
            thrumi_parking_wake(sleeper);
    }
}

void thrumi_green_pool_unlock(struct thrumi_green_pool *pool)
{
    struct thrumi_green_place *place = &pool->places[0];
    struct thrumi_waitnode *waiters = NULL;
    bool listed = false;

    if (thrumi_unlikely(thrumi_green_pool_drained(pool))) {
        green_pool_wake_threads(pool);
        if (pool->alive == 0)
            waiters = thrumi_waitlist_take_all(&pool->waiters);
        if (pool->options.threads == 0) {
            listed = place->listed;
            place->listed = false;
            atomic_store_explicit(&place->hub, NULL, memory_order_release);
        }
    }
    thrumi_mutex_unlock(&pool->lock);
    thrumi_waitnode_wake_all(waiters);
    if (listed)
        thrumi_green_place_unlist(place);
}

/* Looks whether it is over; whoever calls this keeps the pool. */
static void green_pool_look(struct thrumi_green_pool *pool)
{
    int code = atomic_load_explicit(&pool->closing, memory_order_acquire);

    if (code != 0)
        thrumi_admission_close(&pool->admission, code);
    thrumi_mutex_lock(&pool->lock);
    thrumi_green_pool_unlock(pool);
}

static void green_pool_kicked(struct thrumi_hub *hub,
                              struct thrumi_errand *errand)
{
    struct thrumi_green_place *place =
        thrumi_container_of(errand, struct thrumi_green_place, kick);
    struct thrumi_green_pool *pool = place->pool;

    (void)hub;
    atomic_store_explicit(&place->kicked, false, memory_order_release);
    green_pool_look(pool);
    thrumi_executor_release(&pool->executor);
}

void thrumi_green_pool_kick_init(struct thrumi_green_place *place)
{
    place->kick.run = green_pool_kicked;
}

/* Async-signal-safe; the sending is what a thread does that the hub is not of,
 * also in the hub's own. */
static void green_pool_kick(struct thrumi_green_place *place)
{
    struct thrumi_hub *hub =
        atomic_load_explicit(&place->hub, memory_order_acquire);

    if (hub == NULL ||
        atomic_exchange_explicit(&place->kicked, true, memory_order_acq_rel))
        return;
    thrumi_executor_hold(&place->pool->executor);
    if (thrumi_hub_send(hub, thrumi_ready_errand(&place->kick)))
        return;
    atomic_store_explicit(&place->kicked, false, memory_order_release);
    thrumi_executor_release(&place->pool->executor);
}

/* True: nobody has closed it before. */
static bool green_pool_set_closing(struct thrumi_green_pool *pool, int code)
{
    int open = 0;

    return atomic_compare_exchange_strong_explicit(&pool->closing, &open, code,
                                                   memory_order_acq_rel,
                                                   memory_order_relaxed);
}

void thrumi_green_pool_close(struct thrumi_green_pool *pool, int code)
{
    (void)green_pool_set_closing(pool, code);
    green_pool_look(pool);
}

int thrumi_green_pool_request_shutdown(void *self)
{
    struct thrumi_green_pool *pool = self;

    (void)green_pool_set_closing(pool, THRUM_ESHUTDOWN);
    for (unsigned i = 0; i < pool->place_count; i++)
        green_pool_kick(&pool->places[i]);
    return 0;
}

/* ---- what has not begun ---- */

static void green_pool_drop(struct thrumi_green_pool *pool, thrum_future *task,
                            int code)
{
    unsigned phase;

    thrum_future_ref(task);
    thrumi_task_drop(task, code);
    phase = thrumi_future_phase(task);
    thrum_future_unref(task);
    atomic_fetch_add_explicit(&pool->dropped, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(phase == THRUMI_CANCELLED
                                  ? &pool->outside_cancelled
                                  : &pool->outside_failed,
                              1, memory_order_relaxed);
    thrumi_admission_leave(&pool->admission);
}

void thrumi_green_pool_drain(struct thrumi_green_pool *pool, int code)
{
    thrum_future *task;

    do {
        thrumi_mutex_lock(&pool->lock);
        task = thrumi_green_pool_pop(pool);
        if (task != NULL)
            pool->live++; /* until its callbacks have returned */
        thrumi_green_pool_unlock(pool);
        if (task == NULL)
            break;
        green_pool_drop(pool, task, code);
        thrumi_mutex_lock(&pool->lock);
        pool->live--;
        thrumi_green_pool_unlock(pool);
    } while (true);
}

/* ---- waiting for the end ---- */

static bool green_pool_is_over(struct thrumi_green_pool *pool)
{
    return thrumi_green_pool_drained(pool) && pool->alive == 0;
}

static int green_pool_wait_over(struct thrumi_green_pool *pool,
                                thrum_time deadline)
{
    int rc = 0;

    thrumi_mutex_lock(&pool->lock);
    while (rc == 0 && !green_pool_is_over(pool))
        rc = thrumi_waitlist_wait(&pool->waiters, &pool->lock,
                                  "end of green pool", pool, deadline);
    thrumi_mutex_unlock(&pool->lock);
    return rc;
}

/* All threads that have ended are joined when it returns, also those that
 * another caller has taken. */
static void green_pool_join(struct thrumi_green_pool *pool)
{
    thrumi_mutex_lock(&pool->join_lock);
    for (unsigned i = 0; i < pool->place_count; i++) {
        struct thrumi_green_place *place = &pool->places[i];
        bool ended;

        thrumi_mutex_lock(&pool->lock);
        ended = place->state == THRUMI_GREEN_ENDED;
        if (ended)
            place->state = THRUMI_GREEN_NONE;
        thrumi_mutex_unlock(&pool->lock);
        if (ended)
            pthread_join(place->thread, NULL);
    }
    thrumi_mutex_unlock(&pool->join_lock);
}

int thrumi_green_pool_shutdown(void *self, unsigned flags, thrum_time deadline)
{
    struct thrumi_green_pool *pool = self;
    int rc;

    if ((flags & THRUM_WAIT) != 0 && thrumi_green_pool_inside(pool))
        return -EDEADLK;
    thrumi_green_pool_close(pool, THRUM_ESHUTDOWN);
    if ((flags & THRUM_CANCEL_FUTURES) != 0)
        thrumi_green_pool_drain(pool, THRUM_ECANCELLED);
    if ((flags & THRUM_WAIT) == 0)
        return 0;
    rc = green_pool_wait_over(pool, deadline);
    if (rc == 0)
        green_pool_join(pool);
    return rc;
}

/* The last user is gone. What was submitted still runs; nobody will join. */
void thrumi_green_pool_destroy(void *self)
{
    struct thrumi_green_pool *pool = self;

    thrumi_mutex_lock(&pool->lock);
    pool->orphaned = true;
    for (unsigned i = 0; i < pool->place_count; i++) {
        struct thrumi_green_place *place = &pool->places[i];

        if (place->state != THRUMI_GREEN_ENDED)
            continue;
        place->state = THRUMI_GREEN_NONE;
        pthread_detach(place->thread);
    }
    thrumi_mutex_unlock(&pool->lock);
    thrumi_green_pool_close(pool, THRUM_ESHUTDOWN);
}
