/* SPDX-License-Identifier: MIT */
/*
 * pool/peer_thrum.c - Thrum's thread pool, with its default options.
 */
#include <stdio.h>
#include <stdlib.h>
#include <thrum.h>

#include "pool/harness.h"

static thrum_executor *pool;

static void peer_check(const char *call, int rc)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "%s: %s\n", call, thrum_strerror(rc));
    exit(1);
}

static void peer_start(int workers)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;

    options.max_workers = workers;
    peer_check("thrum_thread_pool_new", thrum_thread_pool_new(&options, &pool));
}

static void peer_stop(void)
{
    peer_check("thrum_executor_shutdown",
               thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
}

static void peer_submit(bench_task *fn, void *arg)
{
    peer_check("thrum_executor_submit",
               thrum_executor_submit(pool, fn, arg, 0, NULL));
}

static void peer_submit_many(bench_task *fn, void *const *args, size_t n)
{
    peer_check("thrum_executor_submit_many",
               thrum_executor_submit_many(pool, fn, args, n, NULL));
}

static void *peer_call(void *arg)
{
    return (void *)bench_work((long)arg);
}

static void *peer_async(long x)
{
    thrum_future *future;

    peer_check("thrum_executor_submit",
               thrum_executor_submit(pool, peer_call, (void *)x, 0, &future));
    return future;
}

static long peer_get(void *future)
{
    void *value;

    peer_check("thrum_future_result",
               thrum_future_result(future, THRUM_FOREVER, &value));
    thrum_future_unref(future);
    return (long)value;
}

static void *peer_fib_run(void *arg)
{
    long n = (long)arg;
    thrum_future *fork;

    if (n < 2)
        return arg;
    peer_check(
        "thrum_executor_submit",
        thrum_executor_submit(pool, peer_fib_run, (void *)(n - 1), 0, &fork));
    long own = (long)peer_fib_run((void *)(n - 2));
    return (void *)(peer_get(fork) + own);
}

static long peer_fib(int n)
{
    thrum_future *future;

    peer_check(
        "thrum_executor_submit",
        thrum_executor_submit(pool, peer_fib_run, (void *)(long)n, 0, &future));
    return peer_get(future);
}

static int peer_range_run(void *arg, size_t begin, size_t end)
{
    uint64_t sum = bench_range(begin, end);
    __atomic_fetch_add((uint64_t *)arg, sum, __ATOMIC_RELAXED);
    return 0;
}

static uint64_t peer_parfor(size_t n)
{
    uint64_t sum = 0;

    peer_check("thrum_parallel_for",
               thrum_parallel_for(pool, 0, n, 0, peer_range_run, &sum));
    return sum;
}

const struct bench_peer bench_peer = {
    .start = peer_start,
    .stop = peer_stop,
    .submit = peer_submit,
    .submit_many = peer_submit_many,
    .async = peer_async,
    .get = peer_get,
    .fib = peer_fib,
    .parfor = peer_parfor,
};
