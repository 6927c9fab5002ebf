/* SPDX-License-Identifier: MIT */
/*
 * pool/process_pool.c - how tasks come into a process pool.
 *
 * Whoever submits hands the task to a worker himself, if one has room: that is
 * one lock, and a wake-up if the worker sleeps. The manager is woken only when
 * there is something for it: a worker to be started, a large argument.
 */
#include "pool/process_pool.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "sys/clock.h"
#include "sys/message.h"
#include "sys/wakefd.h"

void thrumi_process_wake(struct thrumi_process_pool *pool)
{
    atomic_store_explicit(&pool->work, 1, memory_order_relaxed);
    if (thrumi_bell_rings(&pool->bell))
        thrumi_wakefd_set(pool->bell_fd, true);
}

/* ---- coming in ---- */

static int process_closing(struct thrumi_process_pool *pool)
{
    return atomic_load_explicit(&pool->closing, memory_order_acquire);
}

static unsigned process_queue_of(const thrum_future *task)
{
    int priority = thrumi_task_priority(task);

    if (thrumi_likely(priority == 0))
        return THRUMI_QUEUE_NORMAL;
    return priority > 0 ? THRUMI_QUEUE_URGENT : THRUMI_QUEUE_BACKGROUND;
}

#define PROCESS_UNKNOWN 1 /* the function's object is still to be learnt */

/* Takes it, with the lock held; `*ret_wake`: the manager is to be woken. */
static int process_take(struct thrumi_process_pool *pool, thrum_future *task,
                        bool *ret_wake)
{
    struct thrumi_process_function function;
    int rc = process_closing(pool);

    if (rc != 0)
        return rc;
    if (!thrumi_process_function(&pool->objects, thrumi_crew_function(task),
                                 &function))
        return PROCESS_UNKNOWN;
    pool->outstanding++;
    thrumi_process_push(pool, task, process_queue_of(task));
    thrumi_process_dispatch(pool);
    *ret_wake =
        pool->queued > 0 || pool->crew_count < thrumi_process_wanted(pool);
    return 0;
}

static int process_put(struct thrumi_process_pool *pool, thrum_future *task,
                       bool *ret_wake)
{
    int rc;

    thrumi_mutex_lock(&pool->lock);
    rc = process_take(pool, task, ret_wake);
    thrumi_mutex_unlock(&pool->lock);
    return rc;
}

static int process_put_unknown(struct thrumi_process_pool *pool,
                               thrum_future *task, bool *ret_wake)
{
    int rc = thrumi_process_learn(pool, thrumi_crew_function(task));

    return rc != 0 ? rc : process_put(pool, task, ret_wake);
}

static void process_run_here(struct thrumi_process_pool *pool,
                             thrum_future *task)
{
    thrumi_task_run(task);
    thrumi_mutex_lock(&pool->lock);
    pool->counts.done++;
    thrumi_mutex_unlock(&pool->lock);
}

static int process_enqueue(void *self, thrum_task *opaque)
{
    struct thrumi_process_pool *pool = self;
    thrum_future *task = (thrum_future *)opaque;
    bool wake = false;
    int rc = process_closing(pool);

    /* a step of thrum_future_then() comes with a pointer */
    if (task->extra.task == NULL || task->extra.task->size == 0)
        return THRUM_ENOTSHARED;
    if (rc == 0)
        rc =
            thrumi_admission_admit(&pool->admission, pool->options.queue_policy,
                                   pool->options.block_ns);
    if (rc == 1)
        process_run_here(pool, task);
    if (rc != 0)
        return rc;
    if (task->extra.task->run_ns == 0)
        task->extra.task->run_ns = pool->options.run_ns;
    rc = process_put(pool, task, &wake);
    if (rc == PROCESS_UNKNOWN)
        rc = process_put_unknown(pool, task, &wake);
    if (rc != 0)
        thrumi_admission_leave(&pool->admission);
    else if (wake)
        thrumi_process_wake(pool);
    return rc;
}

static int process_stats(void *self, thrum_stats *stats)
{
    struct thrumi_process_pool *pool = self;

    thrumi_mutex_lock(&pool->lock);
    stats->queued = pool->queued;
    for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
         link = link->next) {
        struct thrumi_crew *crew =
            thrumi_container_of(link, struct thrumi_crew, link);

        bool alive =
            crew->hired && (crew->pid != 0 || crew->state == THRUMI_CREW_ALIVE);

        stats->workers += alive;
        stats->idle += alive && crew->in_flight == 0;
        stats->running += crew->in_flight > 0;
        stats->queued += crew->in_flight > 0 ? crew->in_flight - 1 : 0;
    }
    stats->done = pool->counts.done;
    stats->failed = pool->counts.failed;
    stats->cancelled = pool->counts.cancelled;
    thrumi_histogram_read(&pool->wait, &stats->wait);
    thrumi_histogram_read(&pool->run, &stats->run);
    thrumi_mutex_unlock(&pool->lock);
    return 0;
}

/* ---- making and freeing ---- */

static void process_free(thrum_executor *executor)
{
    struct thrumi_process_pool *pool =
        thrumi_container_of(executor, struct thrumi_process_pool, executor);

    thrumi_process_end_zygote(pool);
    thrumi_close(pool->bell_fd);
    thrumi_process_objects_free(&pool->objects);
    thrumi_error_free(pool->broken_by);
    thrumi_free(pool->environment);
    thrumi_free(pool->variable);
    thrumi_free(pool->initializer_arg);
    thrumi_free(pool);
}

void thrumi_process_release(struct thrumi_process_pool *pool)
{
    thrumi_executor_release(&pool->executor);
}

static void process_init_executor(struct thrumi_process_pool *pool)
{
    const thrum_executor_ops ops = {sizeof(ops),
                                    "processes",
                                    process_enqueue,
                                    thrumi_process_shutdown,
                                    thrumi_process_destroy,
                                    process_stats,
                                    thrumi_process_request_shutdown,
                                    pool->max_workers,
                                    false};

    thrumi_executor_init(&pool->executor, &ops, pool);
    pool->executor.own = true;
    pool->executor.free_fn = process_free;
    pool->executor.time_every = (unsigned)pool->options.stats_every;
    pool->executor.fast.kill = thrumi_process_kill;
    pool->executor.fast.limits_run = true;
    pool->executor.fast.cancel = thrumi_process_cancel;
    pool->executor.fast.look = thrumi_process_look;
    pool->executor.fast.ask = thrumi_process_ask;
}

static void process_init(struct thrumi_process_pool *pool)
{
    pool->bell_fd = -1;
    pool->zygote = -1;
    pool->zygote_pidfd = -1;
    thrumi_mutex_init(&pool->lock);
    thrumi_mutex_init(&pool->join_lock);
    for (unsigned i = 0; i < THRUMI_QUEUES; i++)
        thrumi_list_init(&pool->queues[i]);
    thrumi_list_init(&pool->crew);
    thrumi_list_init(&pool->answers);
    thrumi_list_init(&pool->settling);
    thrumi_list_init(&pool->remains);
}

/* Can workers find the initializer? */
static int process_check_initializer(struct thrumi_process_pool *pool)
{
    thrum_fn *fn;

    memcpy(&fn, &pool->options.initializer, sizeof(fn));
    return fn == NULL ? 0 : thrumi_process_learn(pool, fn);
}

/* The manager holds the pool's memory. */
static int process_begin(struct thrumi_process_pool *pool)
{
    int rc = process_check_initializer(pool);

    if (rc != 0)
        return rc;
    thrumi_admission_init(&pool->admission, pool->options.queue_limit);
    process_init_executor(pool);
    pool->bell_fd = thrumi_wakefd_open();
    if (pool->bell_fd < 0)
        return pool->bell_fd;
    rc = thrumi_process_start_zygote(pool);
    if (rc != 0)
        return rc;
    thrumi_executor_hold(&pool->executor);
    return thrumi_process_start_manager(pool);
}

int thrum_process_pool_new(const thrum_process_pool_options *options,
                           thrum_executor **ret)
{
    static const thrum_process_pool_options none = THRUM_PROCESS_POOL_OPTIONS;
    struct thrumi_process_pool *pool = thrumi_alloc_zero(sizeof(*pool));
    int rc;

    if (pool == NULL)
        return -ENOMEM;
    process_init(pool);
    rc = thrumi_process_set_options(pool, options == NULL ? &none : options);
    if (rc == 0)
        rc = process_begin(pool);
    if (rc != 0) {
        process_free(&pool->executor);
        return rc;
    }
    *ret = &pool->executor;
    return 0;
}

/* ---- what only process pools can ---- */

/* The pool of the executor: 0, -EINVAL or -ECHILD. */
static int process_of(thrum_executor *executor,
                      struct thrumi_process_pool **ret)
{
    if (executor == NULL || executor->free_fn != process_free)
        return -EINVAL;
    *ret = executor->self;
    return thrumi_executor_check(executor);
}

int thrum_process_pool_resize(thrum_executor *executor, int max_workers)
{
    struct thrumi_process_pool *pool;
    int rc = process_of(executor, &pool);

    if (rc != 0)
        return rc;
    if (max_workers < 1 || max_workers > THRUMI_CREW_MOST)
        return -EINVAL;
    thrumi_mutex_lock(&pool->lock);
    pool->max_workers = (unsigned)max_workers;
    thrumi_mutex_unlock(&pool->lock);
    thrumi_process_wake(pool);
    return 0;
}

int thrum_process_pool_kill_workers(thrum_executor *executor, int number)
{
    struct thrumi_process_pool *pool;
    int rc = process_of(executor, &pool);

    return rc != 0 ? rc : thrumi_process_kill_workers(pool, number);
}

int thrum_process_pool_pids(thrum_executor *executor, int *ret_pids, size_t n)
{
    struct thrumi_process_pool *pool;
    int count = 0;
    int rc = process_of(executor, &pool);

    if (rc != 0)
        return rc;
    thrumi_mutex_lock(&pool->lock);
    for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
         link = link->next) {
        struct thrumi_crew *crew =
            thrumi_container_of(link, struct thrumi_crew, link);

        if (crew->pid == 0 || !crew->hired)
            continue;
        if ((size_t)count < n)
            ret_pids[count] = crew->pid;
        count++;
    }
    thrumi_mutex_unlock(&pool->lock);
    return count;
}
