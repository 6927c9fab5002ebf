/* SPDX-License-Identifier: MIT */
/*
 * pool/harness.h - the workloads of the pool suite, and what a peer gives.
 *
 * A peer is one file that fills in `bench_peer`. harness.c has main(): it runs
 * one workload in this process, a warm-up first where a rate or a time is
 * measured, and prints a line "metric value" for each number. The workloads
 * and the metrics are listed in bench/README.md.
 *
 *     pool-glib submit1 1        the whole size
 *     pool-glib submit1 20       a twentieth of it, to see that it works
 *
 * Plain C without atomics, so that peers in C++ can include it.
 */
#ifndef BENCH_POOL_HARNESS_H
#define BENCH_POOL_HARNESS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BENCH_WORKERS 2 /* of every pool, beside the submitting threads */

typedef void *bench_task(void *arg);

struct bench_peer {
    /* Starts the pool; ends it. */
    void (*start)(int workers);
    void (*stop)(void); /* NULL: leave the process without */

    /* Called in every other thread that submits, around its submits. */
    void (*thread_begin)(void); /* NULL: nothing to do */
    void (*thread_end)(void);

    /* Calls `body` where tasks can be submitted. NULL: that is anywhere. */
    void (*inside)(void (*body)(void));

    /* Submits a task that nobody waits for. NULL: it has none. */
    void (*submit)(bench_task *fn, void *arg);
    void (*submit_many)(bench_task *fn, void *const *args, size_t n);

    /* Waits for all that was submitted. NULL: the tasks count a latch down. */
    void (*wait_all)(void);

    /* Submits bench_work(x); waits for its value and lets the future go.
     * NULL: a slot of malloc's with a futex word, and `submit`. */
    void *(*async)(long x);
    long (*get)(void *future);

    /* fib(n) with a task for every other call. NULL: it cannot. */
    long (*fib)(int n);

    /* bench_range(0, n), in parallel. NULL: it cannot. */
    uint64_t (*parfor)(size_t n);
};

extern const struct bench_peer bench_peer;

/* What a task with a result does. */
static inline long bench_work(long x)
{
    return x * 2 + 1;
}

static inline uint64_t bench_mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    return x ^ x >> 29;
}

/* What a range of the parallel loop does: about 0.5 ns for an iteration. */
static inline uint64_t bench_range(size_t begin, size_t end)
{
    uint64_t sum = 0;
    for (size_t i = begin; i < end; i++)
        sum += bench_mix(i);
    return sum;
}

#ifdef __cplusplus
}
#endif

#endif /* BENCH_POOL_HARNESS_H */
