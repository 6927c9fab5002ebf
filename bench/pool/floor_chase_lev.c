/* SPDX-License-Identifier: MIT */
/*
 * pool/floor_chase_lev.c - fork and join with jobs on the stack.
 *
 * What the deque alone costs: a job is a local variable of whoever forks, its
 * function is known to the compiler, and a join that pops its own job calls
 * it. No C library could offer this without macros.
 */
#include "pool/harness.h"

#include "pool/floor_forkjoin.h"
#include "pool/latch.h"

struct job {
    void (*run)(struct job *job);
    atomic_bool done;
    struct bench_latch *latch; /* NULL, or what a caller outside waits for */
};

struct fib_job {
    struct job job;
    int n;
    long value;
};

struct range_job {
    struct job job;
    size_t begin;
    size_t end;
    uint64_t sum;
};

static void job_run(struct job *job)
{
    struct bench_latch *latch = job->latch;

    job->run(job);
    /* release: pairs with the acquire in job_join() */
    atomic_store_explicit(&job->done, true, memory_order_release);
    if (latch)
        bench_latch_down(latch);
}

/* The job is the one that was pushed last. */
static inline void job_join(struct job *job)
{
    struct job *popped = deque_pop(forkjoin_own);

    if (popped == job) {
        job->run(job);
        return;
    }
    if (popped)
        job_run(popped);
    while (!atomic_load_explicit(&job->done, memory_order_acquire)) {
        struct job *other = forkjoin_steal();
        if (other)
            job_run(other);
        else
            bench_pause();
    }
}

static void job_run_from_outside(struct job *job)
{
    struct bench_latch latch = {0};

    bench_latch_set(&latch, 1);
    job->latch = &latch;
    forkjoin_submit(job);
    bench_latch_wait(&latch);
}

static long fib(int n);

static void fib_run(struct job *job)
{
    struct fib_job *fork = (struct fib_job *)job;
    fork->value = fib(fork->n);
}

static long fib(int n)
{
    if (n < 2)
        return n;
    struct fib_job fork = {.job.run = fib_run, .n = n - 1};
    deque_push(forkjoin_own, &fork.job);
    long own = fib(n - 2);
    job_join(&fork.job);
    return fork.value + own;
}

static long chase_lev_fib(int n)
{
    struct fib_job job = {.job.run = fib_run, .n = n};

    job_run_from_outside(&job.job);
    return job.value;
}

static uint64_t range(size_t begin, size_t end);

static void range_run(struct job *job)
{
    struct range_job *half = (struct range_job *)job;
    half->sum = range(half->begin, half->end);
}

static uint64_t range(size_t begin, size_t end)
{
    if (end - begin <= 4096)
        return bench_range(begin, end);
    size_t middle = begin + (end - begin) / 2;
    struct range_job half = {
        .job.run = range_run, .begin = begin, .end = middle};
    deque_push(forkjoin_own, &half.job);
    uint64_t own = range(middle, end);
    job_join(&half.job);
    return half.sum + own;
}

static uint64_t chase_lev_parfor(size_t n)
{
    struct range_job job = {.job.run = range_run, .end = n};

    job_run_from_outside(&job.job);
    return job.sum;
}

const struct bench_peer bench_peer = {
    .start = forkjoin_start,
    .fib = chase_lev_fib,
    .parfor = chase_lev_parfor,
};
