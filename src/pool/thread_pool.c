/* SPDX-License-Identifier: MIT */
/*
 * pool/thread_pool.c - how tasks come into a thread pool.
 *
 * From outside a task goes to a lane of the injection; from a task of the pool
 * it goes to its worker's own deque, which takes no lock and knows no limit: a
 * task that waited for room in its own pool's queue might wait for itself.
 *
 * A call that nobody waits for needs no record: its function and argument are
 * the slot.
 */
#include "pool/thread_pool.h"

#include <errno.h>

#include "base/alloc.h"
#include "task/waitgraph.h"

struct thrumi_worker *thrumi_worker_current(const struct thrumi_pool *pool)
{
    struct thrumi_context *context = thrumi_context_running();
    struct thrumi_worker *worker;

    if (context->help != thrumi_worker_help)
        return NULL;
    worker = thrumi_container_of(context, struct thrumi_worker, context);
    return worker->pool == pool ? worker : NULL;
}

/* ---- coming in ---- */

static int pool_closing(struct thrumi_pool *pool)
{
    return atomic_load_explicit(&pool->closing, memory_order_acquire);
}

static enum thrumi_lane_kind pool_lane_kind(int priority)
{
    if (thrumi_likely(priority == 0))
        return THRUMI_LANE_NORMAL;
    return priority > 0 ? THRUMI_LANE_URGENT : THRUMI_LANE_BACKGROUND;
}

/* From a task of this pool: to its worker's deque. False: it is full and there
 * is no memory; the lanes may have room. */
static bool pool_push_own(struct thrumi_pool *pool,
                          struct thrumi_worker *worker, struct thrumi_slot slot)
{
    if (!thrumi_deque_push(&worker->deque, slot))
        return false;
    thrumi_count(&worker->counts.submitted, 1);
    thrumi_pool_notify(pool);
    return true;
}

/* From outside. */
static int pool_push_lane(struct thrumi_pool *pool, struct thrumi_slot slot,
                          enum thrumi_lane_kind kind)
{
    int rc = thrumi_pool_need_worker(pool);

    if (thrumi_likely(rc == 0))
        rc = thrumi_lane_push(thrumi_injection_lane(&pool->injection, kind),
                              &slot, 1);
    if (thrumi_likely(rc == 0))
        thrumi_pool_notify_unlocked(pool);
    return rc;
}

static void pool_count_outside(struct thrumi_pool *pool, unsigned phase)
{
    _Atomic uint64_t *counter = phase == THRUMI_VALUE ? &pool->outside_done
                                : phase == THRUMI_ERROR
                                    ? &pool->outside_failed
                                    : &pool->outside_cancelled;

    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* The queue is full and the caller runs it. */
static void pool_run_outside(struct thrumi_pool *pool, struct thrumi_slot slot)
{
    struct thrumi_context *context = thrumi_context_running();
    thrum_future *task = slot.arg;

    if (slot.fn != NULL) {
        pool_count_outside(pool,
                           thrumi_body_run_detached(context, &pool->executor,
                                                    slot.fn, slot.arg));
        return;
    }
    thrum_future_ref(task);
    thrumi_task_run(task);
    pool_count_outside(pool, thrumi_future_phase(task));
    thrum_future_unref(task);
}

/* The way of one slot from outside, through the limit. */
static int pool_submit_slot(struct thrumi_pool *pool, struct thrumi_slot slot,
                            enum thrumi_lane_kind kind)
{
    int rc = thrumi_admission_admit(
        &pool->admission, pool->options.queue_policy, pool->options.block_ns);

    if (thrumi_unlikely(rc != 0)) {
        if (rc == 1)
            pool_run_outside(pool, slot);
        return rc;
    }
    rc = pool_push_lane(pool, slot, kind);
    if (thrumi_unlikely(rc != 0))
        thrumi_admission_leave(&pool->admission);
    return rc;
}

/* From a task of this pool: to a lane, whether there is room or not. */
static int pool_push_past_limit(struct thrumi_pool *pool,
                                struct thrumi_slot slot,
                                enum thrumi_lane_kind kind)
{
    int rc;

    thrumi_admission_enter(&pool->admission);
    rc = pool_push_lane(pool, slot, kind);
    if (thrumi_unlikely(rc != 0))
        thrumi_admission_leave(&pool->admission);
    return rc;
}

static int pool_enqueue(void *self, thrum_task *opaque)
{
    struct thrumi_pool *pool = self;
    thrum_future *task = (thrum_future *)opaque;
    int priority = thrumi_task_priority(task);
    struct thrumi_worker *worker = thrumi_worker_current(pool);
    int rc = pool_closing(pool);

    if (thrumi_unlikely(rc != 0))
        return rc;
    if (worker != NULL && thrumi_likely(priority == 0) &&
        thrumi_likely(
            pool_push_own(pool, worker, (struct thrumi_slot){NULL, task})))
        return 0;
    if (worker != NULL)
        return pool_push_past_limit(pool, (struct thrumi_slot){NULL, task},
                                    pool_lane_kind(priority));
    return pool_submit_slot(pool, (struct thrumi_slot){NULL, task},
                            pool_lane_kind(priority));
}

/* Puts a call that nobody waits for where it belongs. */
static int pool_post_slot(struct thrumi_pool *pool,
                          struct thrumi_worker *worker, struct thrumi_slot slot)
{
    if (worker == NULL)
        return pool_submit_slot(pool, slot, THRUMI_LANE_NORMAL);
    if (pool_push_own(pool, worker, slot))
        return 0;
    return pool_push_past_limit(pool, slot, THRUMI_LANE_NORMAL);
}

/* One that is timed needs a record: that of a task which nobody waits for. */
static int pool_post_timed(struct thrumi_pool *pool,
                           struct thrumi_worker *worker, thrum_fn *fn,
                           void *arg)
{
    const struct thrumi_call call = {fn, arg, 0, NULL};
    thrum_future *task;
    int rc = thrumi_task_new(&pool->executor, &call, &task);

    if (rc != 0)
        return rc;
    task->detached = true;
    rc = pool_post_slot(pool, worker, (struct thrumi_slot){NULL, task});
    if (rc < 0)
        thrumi_task_discard(task);
    else
        thrum_future_unref(task);
    return rc;
}

static int pool_post_one(struct thrumi_pool *pool, struct thrumi_worker *worker,
                         thrum_fn *fn, void *arg)
{
    struct thrumi_self *self = thrumi_self();

    /* the one that is due is counted by thrumi_task_new() */
    if (thrumi_unlikely(self->since_timed + 1 >= pool->executor.time_every))
        return pool_post_timed(pool, worker, fn, arg);
    self->since_timed++;
    return pool_post_slot(pool, worker, (struct thrumi_slot){fn, arg});
}

/* One after the other: from a worker, or through the limit. */
static int pool_post_each(struct thrumi_pool *pool,
                          struct thrumi_worker *worker, thrum_fn *fn,
                          void *const *args, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int rc = pool_post_one(pool, worker, fn, args[i]);

        if (rc < 0)
            return i > 0 ? (int)i : rc;
    }
    return (int)n;
}

static int pool_post(void *self, thrum_fn *fn, void *const *args, size_t n)
{
    struct thrumi_pool *pool = self;
    struct thrumi_worker *worker = thrumi_worker_current(pool);
    struct thrumi_lane *lane;
    int rc = pool_closing(pool);

    if (thrumi_unlikely(rc != 0))
        return rc;
    if (n == 1 || worker != NULL || pool->admission.limit != 0)
        return pool_post_each(pool, worker, fn, args, n);
    rc = thrumi_pool_need_worker(pool);
    if (rc != 0)
        return rc;
    lane = thrumi_injection_lane(&pool->injection, THRUMI_LANE_NORMAL);
    rc = thrumi_lane_push_calls(lane, fn, args, n);
    if (rc != 0)
        return rc;
    thrumi_pool_notify_unlocked(pool);
    return (int)n;
}

#define POOL_BULK 64u /* slots that are handed over under one lock */

/* Up to POOL_BULK tasks from outside, without a limit. */
static int pool_enqueue_bulk(struct thrumi_pool *pool, thrum_task *const *tasks,
                             size_t n)
{
    struct thrumi_slot slots[POOL_BULK];
    int rc = thrumi_pool_need_worker(pool);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        slots[i] = (struct thrumi_slot){NULL, tasks[i]};
    rc = thrumi_lane_push(
        thrumi_injection_lane(&pool->injection, THRUMI_LANE_NORMAL), slots, n);
    if (rc == 0)
        thrumi_pool_notify_unlocked(pool);
    return rc;
}

static int pool_enqueue_many(void *self, thrum_task *const *tasks, size_t n)
{
    struct thrumi_pool *pool = self;
    bool bulk = pool->admission.limit == 0 &&
                thrumi_worker_current(pool) == NULL && pool_closing(pool) == 0;
    size_t done = 0;

    while (done < n) {
        size_t step = n - done < POOL_BULK ? n - done : POOL_BULK;
        int rc;

        if (!bulk)
            step = 1;
        rc = bulk ? pool_enqueue_bulk(pool, tasks + done, step)
                  : pool_enqueue(pool, tasks[done]);
        if (rc < 0)
            return done > 0 ? (int)done : rc;
        done += step;
    }
    return (int)done;
}

/* ---- making and freeing ---- */

static void pool_free(thrum_executor *executor)
{
    struct thrumi_pool *pool =
        thrumi_container_of(executor, struct thrumi_pool, executor);

    /* somebody may still be looking at a worker's context */
    thrumi_waitgraph_barrier();
    for (unsigned i = 0; pool->workers != NULL && i < pool->max_threads; i++) {
        struct thrumi_worker *worker =
            atomic_load_explicit(&pool->workers[i], memory_order_relaxed);

        if (worker != NULL)
            thrumi_deque_fini(&worker->deque);
        thrumi_free(worker);
    }
    thrumi_free(pool->workers);
    thrumi_injection_fini(&pool->injection);
    thrumi_free(pool->name_prefix);
    thrumi_free(pool->affinity);
    thrumi_free(pool->memory);
}

void thrumi_pool_release(struct thrumi_pool *pool)
{
    thrumi_executor_release(&pool->executor);
}

static void pool_init_executor(struct thrumi_pool *pool)
{
    const thrum_executor_ops ops = {sizeof(ops),
                                    "threads",
                                    pool_enqueue,
                                    thrumi_pool_shutdown,
                                    thrumi_pool_destroy,
                                    thrumi_pool_stats,
                                    thrumi_pool_request_shutdown,
                                    pool->max_workers,
                                    true};

    thrumi_executor_init(&pool->executor, &ops, pool);
    pool->executor.own = true;
    pool->executor.free_fn = pool_free;
    pool->executor.time_every = (unsigned)pool->options.stats_every;
    pool->executor.fast.post = pool_post;
    pool->executor.fast.enqueue_many = pool_enqueue_many;
}

void thrumi_pool_limit_idle(thrum_executor *executor, int64_t ns)
{
    thrumi_container_of(executor, struct thrumi_pool, executor)->idle_ns = ns;
}

/* As many as there are submitters that may run at once, up to a few. */
static unsigned pool_shards(unsigned workers)
{
    unsigned shards = 1;

    while (shards < workers * 2 && shards < 16)
        shards *= 2;
    return shards;
}

static struct thrumi_pool *pool_alloc(void)
{
    char *memory =
        thrumi_alloc_zero(sizeof(struct thrumi_pool) + THRUMI_CACHE_LINE);
    struct thrumi_pool *pool;

    if (memory == NULL)
        return NULL;
    pool =
        (struct thrumi_pool *)(void *)(memory + THRUMI_CACHE_LINE -
                                       (uintptr_t)memory % THRUMI_CACHE_LINE);
    pool->memory = memory;
    return pool;
}

static int pool_init(struct thrumi_pool *pool)
{
    int rc =
        thrumi_injection_init(&pool->injection, pool_shards(pool->max_workers));

    if (rc != 0)
        return rc;
    pool->workers =
        thrumi_alloc_zero(pool->max_threads * sizeof(pool->workers[0]));
    if (pool->workers == NULL)
        return -ENOMEM;
    thrumi_idle_init(&pool->idle);
    thrumi_admission_init(&pool->admission, pool->options.queue_limit);
    thrumi_mutex_init(&pool->lock);
    thrumi_mutex_init(&pool->join_lock);
    thrumi_list_init(&pool->ended);
    pool_init_executor(pool);
    return pool->options.wait_at_exit ? thrumi_pool_wait_at_exit(pool) : 0;
}

int thrum_thread_pool_new(const thrum_thread_pool_options *options,
                          thrum_executor **ret)
{
    static const thrum_thread_pool_options none = THRUM_THREAD_POOL_OPTIONS;
    struct thrumi_pool *pool = pool_alloc();
    int rc;

    if (pool == NULL)
        return -ENOMEM;
    rc = thrumi_pool_set_options(pool, options == NULL ? &none : options);
    if (rc == 0)
        rc = pool_init(pool);
    if (rc != 0) {
        pool_free(&pool->executor);
        return rc;
    }
    *ret = &pool->executor;
    return 0;
}
