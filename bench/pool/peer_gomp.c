/* SPDX-License-Identifier: MIT */
/*
 * pool/peer_gomp.c - OpenMP tasks of libgomp.
 *
 * Whoever submits is a thread of the team and helps when it waits: two
 * threads, not three. libgomp runs a task at once, in the caller, when 64
 * for each thread are queued, so a million are never really queued.
 */
#include <omp.h>
#include <stdbool.h>
#include <stdlib.h>

#include "pool/harness.h"

struct call {
    bool done;
    long value;
};

static void gomp_start(int workers)
{
    omp_set_dynamic(0);
    omp_set_num_threads(workers);
}

static void gomp_inside(void (*body)(void))
{
#pragma omp parallel
#pragma omp single
    body();
}

static void gomp_submit(bench_task *fn, void *arg)
{
#pragma omp task
    fn(arg);
}

static void gomp_wait_all(void)
{
#pragma omp taskwait
}

static void *gomp_async(long x)
{
    struct call *call = malloc(sizeof *call);

    call->done = false;
#pragma omp task firstprivate(call, x)
    {
        call->value = bench_work(x);
        __atomic_store_n(&call->done, true, __ATOMIC_RELEASE);
    }
    return call;
}

static long gomp_get(void *future)
{
    struct call *call = future;

    if (!__atomic_load_n(&call->done, __ATOMIC_ACQUIRE))
        gomp_wait_all();
    long value = call->value;
    free(call);
    return value;
}

static long gomp_fib(int n)
{
    long a, b;

    if (n < 2)
        return n;
#pragma omp task shared(a) firstprivate(n)
    a = gomp_fib(n - 1);
    b = gomp_fib(n - 2);
#pragma omp taskwait
    return a + b;
}

static uint64_t gomp_parfor(size_t n)
{
    uint64_t sum = 0;

#pragma omp parallel for reduction(+ : sum) schedule(static)
    for (size_t i = 0; i < n; i++)
        sum += bench_mix(i);
    return sum;
}

const struct bench_peer bench_peer = {
    .start = gomp_start,
    .inside = gomp_inside,
    .submit = gomp_submit,
    .wait_all = gomp_wait_all,
    .async = gomp_async,
    .get = gomp_get,
    .fib = gomp_fib,
    .parfor = gomp_parfor,
};
