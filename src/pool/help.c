/* SPDX-License-Identifier: MIT */
/*
 * pool/help.c - what a worker does when its task waits.
 *
 * It runs the awaited task itself if nobody has begun it, wherever that is
 * queued: starting it is one compare-and-swap, and the queue finds it started.
 * Else it runs tasks that were submitted by the waiting task or by tasks that
 * it ran: what lies above the deque's floor. Never anything else: unrelated
 * work may wait for what the waiter does next, or hold it up for long.
 *
 * When there is nothing of that kind, or the stack is deep already, it parks.
 * A parked worker does not count as active, so another may take its place, up
 * to max_threads. If all are parked then, and this one waits for what lies in
 * the pool's own queue, nobody will ever run it: -EDEADLK.
 */
#include <errno.h>

#include "pool/thread_pool.h"

#define HELP_MOST_DEPTH    100u
#define HELP_STACK_RESERVE (48 * 1024) /* bytes below which it stops */

static bool help_is_deep(const struct thrumi_worker *worker)
{
    const char *here = __builtin_frame_address(0);

    return worker->help_depth >= HELP_MOST_DEPTH ||
           (worker->stack_low != NULL &&
            here - worker->stack_low < HELP_STACK_RESERVE);
}

/* Takes the newest slot above the floor and runs it. */
static bool help_newest(struct thrumi_worker *worker)
{
    struct thrumi_slot slot;

    if (!thrumi_deque_pop(&worker->deque, worker->floor, &slot))
        return false;
    worker->help_depth++;
    thrumi_worker_run(worker, slot);
    worker->help_depth--;
    return true;
}

/* The awaited task lies on top of the own deque: the way of fork and join. */
static bool help_top(struct thrumi_worker *worker, thrum_future *future)
{
    return thrumi_deque_is_top(&worker->deque, worker->floor, future) &&
           help_newest(worker);
}

/* The awaited task lies somewhere in this pool's queues. */
static bool help_awaited(struct thrumi_worker *worker, thrum_future *future)
{
    if (future->executor != &worker->pool->executor ||
        !thrumi_future_start(future))
        return false;
    worker->help_depth++;
    thrumi_worker_execute(worker, future, false);
    worker->help_depth--;
    return true;
}

bool thrumi_worker_help(struct thrumi_context *context, thrum_future *future)
{
    struct thrumi_worker *worker =
        thrumi_container_of(context, struct thrumi_worker, context);

    if (thrumi_unlikely(help_is_deep(worker)))
        return false;
    return thrumi_likely(help_top(worker, future)) ||
           help_awaited(worker, future) || help_newest(worker);
}

/* Is this the last one to be blocked, by what lies in the pool's own queues,
 * with no thread to be had for that? The lock is held. */
static bool help_is_stuck(struct thrumi_pool *pool,
                          const struct thrumi_parking *parking)
{
    return parking->queue == &pool->executor && thrumi_pool_active(pool) == 0 &&
           thrumi_pool_has_work(pool) &&
           thrumi_worker_start_locked(pool, false) != 0;
}

/* To be counted and to look whether that was the last is one step: of those
 * that block at the same time the newest is told, and no other. */
int thrumi_worker_block(struct thrumi_context *context,
                        struct thrumi_parking *parking)
{
    struct thrumi_worker *worker =
        thrumi_container_of(context, struct thrumi_worker, context);
    struct thrumi_pool *pool = worker->pool;
    bool stuck;

    thrumi_mutex_lock(&pool->lock);
    atomic_fetch_add_explicit(&pool->blocked, 1, memory_order_seq_cst);
    stuck = help_is_stuck(pool, parking);
    if (stuck)
        atomic_fetch_sub_explicit(&pool->blocked, 1, memory_order_seq_cst);
    thrumi_mutex_unlock(&pool->lock);
    if (stuck)
        return -EDEADLK;
    if (thrumi_pool_has_work(pool))
        thrumi_pool_notify(pool);
    return 0;
}

void thrumi_worker_unblock(struct thrumi_context *context)
{
    struct thrumi_worker *worker =
        thrumi_container_of(context, struct thrumi_worker, context);

    atomic_fetch_sub_explicit(&worker->pool->blocked, 1, memory_order_seq_cst);
}
