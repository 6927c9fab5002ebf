/* SPDX-License-Identifier: MIT */
/*
 * task/parallel.c - a loop, cut into ranges that run in parallel.
 *
 * One index, taken forward a grain at a time by whoever is free: the caller
 * and as many tasks as there are workers. Tasks that have not begun when the
 * loop is over are cancelled, so the caller waits only for ranges that run.
 */
#include <thrum/parallel.h>

#include <errno.h>
#include <stdatomic.h>

#include "task/executor.h"
#include "task/future.h"

#define PARALLEL_MOST_TASKS  256u
#define PARALLEL_RANGES_EACH 8u /* per worker, so that uneven ones even out */

struct parallel_loop {
    atomic_size_t next; /* counted from 0, whatever the loop's begin is */
    size_t begin;
    size_t length;
    size_t grain;
    thrum_range_fn *fn;
    void *arg;
    atomic_int rc; /* the first code of a range */
};

static void parallel_stop(struct parallel_loop *loop, int rc)
{
    int none = 0;

    atomic_compare_exchange_strong_explicit(
        &loop->rc, &none, rc, memory_order_relaxed, memory_order_relaxed);
}

/* Takes ranges until there are none. */
static void parallel_run(struct parallel_loop *loop)
{
    while (atomic_load_explicit(&loop->rc, memory_order_relaxed) == 0) {
        size_t from = atomic_load_explicit(&loop->next, memory_order_relaxed);
        size_t left = loop->length - from;
        size_t step = left < loop->grain ? left : loop->grain;
        int rc;

        if (left == 0)
            return;
        if (!atomic_compare_exchange_weak_explicit(
                &loop->next, &from, from + step, memory_order_relaxed,
                memory_order_relaxed))
            continue;
        rc = loop->fn(loop->arg, loop->begin + from, loop->begin + from + step);
        if (rc < 0)
            parallel_stop(loop, rc);
    }
}

static void *parallel_task(void *arg)
{
    parallel_run(arg);
    return NULL;
}

static unsigned parallel_workers(const thrum_executor *executor)
{
    unsigned workers = executor->ops.workers;

    if (workers == 0)
        return 1;
    return workers < PARALLEL_MOST_TASKS ? workers : PARALLEL_MOST_TASKS;
}

/* As many tasks as there are workers and ranges for them; none is needed. */
static unsigned parallel_submit(struct parallel_loop *loop,
                                thrum_executor *executor,
                                thrum_future **futures)
{
    size_t ranges = (loop->length - 1) / loop->grain; /* beside ours */
    unsigned workers = parallel_workers(executor);
    unsigned n = ranges < workers ? (unsigned)ranges : workers;

    for (unsigned i = 0; i < n; i++)
        if (thrum_executor_submit(executor, parallel_task, loop, 0,
                                  &futures[i]) != 0)
            return i;
    return n;
}

/* The ranges that run use what is the caller's, so this does not give up. A
 * cycle of waits is the other one's error, not ours. */
static void parallel_wait(thrum_future *future)
{
    const thrum_time long_after = thrum_at_ns(INT64_MAX - 1);

    if (!thrum_future_cancel(future))
        while (thrumi_future_wait(future, long_after) != 0)
            ;
    thrum_future_unref(future);
}

static void parallel_join(struct parallel_loop *loop, thrum_executor *executor)
{
    thrum_future *futures[PARALLEL_MOST_TASKS];
    unsigned n = 0;

    if (loop->length > loop->grain &&
        !thrumi_context_in_callback(thrumi_context_running()))
        n = parallel_submit(loop, executor, futures);
    parallel_run(loop);
    for (unsigned i = 0; i < n; i++)
        parallel_wait(futures[i]);
}

int thrum_parallel_for(thrum_executor *executor, size_t begin, size_t end,
                       size_t grain, thrum_range_fn *fn, void *arg)
{
    struct parallel_loop loop;

    if (executor == NULL || fn == NULL || end < begin)
        return -EINVAL;
    if (!executor->ops.shares_memory)
        return THRUM_ENOTSHARED;
    if (end == begin)
        return 0;
    atomic_init(&loop.next, 0);
    atomic_init(&loop.rc, 0);
    loop.begin = begin;
    loop.length = end - begin;
    loop.grain = grain;
    if (grain == 0)
        loop.grain = loop.length / PARALLEL_RANGES_EACH /
                         (parallel_workers(executor) + 1) +
                     1;
    loop.fn = fn;
    loop.arg = arg;
    parallel_join(&loop, executor);
    return atomic_load_explicit(&loop.rc, memory_order_relaxed);
}
