/* SPDX-License-Identifier: MIT */
/*
 * pool/floor_forkjoin.h - the workers of the two fork-join floors.
 *
 * A Chase-Lev deque for each worker: its owner pushes and pops at the bottom,
 * thieves take from the top by a compare and exchange. The deque has a fixed
 * size, which a recursion of depth 30 does not fill. An idle worker tries to
 * steal 2000 times, then sleeps until `forkjoin_wake` is counted up.
 *
 * A file that includes this says what a job is, and how it is run:
 *     struct job;  static void job_run(struct job *);
 *
 * <https://doi.org/10.1145/1073970.1073974>,
 * <https://doi.org/10.1145/2442516.2442524>
 */
#ifndef BENCH_POOL_FLOOR_FORKJOIN_H
#define BENCH_POOL_FLOOR_FORKJOIN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "pool/futex.h"

#define DEQUE_JOBS     8192 /* a power of two */
#define FORKJOIN_MOST  8    /* workers */
#define FORKJOIN_TRIES 2000

struct job;
static void job_run(struct job *job);

struct deque {
    _Alignas(64) atomic_long bottom;
    void *spare; /* the owner's, for its free list */
    _Alignas(64) atomic_long top;
    _Alignas(64) _Atomic(struct job *) jobs[DEQUE_JOBS];
};

static struct deque forkjoin_deques[FORKJOIN_MOST];
static int forkjoin_workers;
static _Thread_local struct deque *forkjoin_own;
static _Atomic(struct job *) forkjoin_root; /* what a caller brings */
static _Alignas(64) atomic_int forkjoin_asleep;
static atomic_int forkjoin_wake;

static inline void forkjoin_notify(void)
{
    if (!atomic_load_explicit(&forkjoin_asleep, memory_order_relaxed))
        return;
    atomic_fetch_add_explicit(&forkjoin_wake, 1, memory_order_seq_cst);
    bench_futex_wake(&forkjoin_wake, 1);
}

static inline void deque_push(struct deque *deque, struct job *job)
{
    long bottom = atomic_load_explicit(&deque->bottom, memory_order_relaxed);

    atomic_store_explicit(&deque->jobs[bottom & (DEQUE_JOBS - 1)], job,
                          memory_order_relaxed);
    /* release: pairs with the acquire in deque_steal() */
    atomic_store_explicit(&deque->bottom, bottom + 1, memory_order_release);
    forkjoin_notify();
}

static inline struct job *deque_pop(struct deque *deque)
{
    long bottom =
        atomic_load_explicit(&deque->bottom, memory_order_relaxed) - 1;

    atomic_store_explicit(&deque->bottom, bottom, memory_order_relaxed);
    /* A thief sees the lower bottom, or we see its higher top. */
    atomic_thread_fence(memory_order_seq_cst);
    long top = atomic_load_explicit(&deque->top, memory_order_relaxed);
    struct job *job = atomic_load_explicit(
        &deque->jobs[bottom & (DEQUE_JOBS - 1)], memory_order_relaxed);
    if (top < bottom)
        return job;
    if (top > bottom || !atomic_compare_exchange_strong_explicit(
                            &deque->top, &top, top + 1, memory_order_seq_cst,
                            memory_order_relaxed))
        job = NULL;
    atomic_store_explicit(&deque->bottom, bottom + 1, memory_order_relaxed);
    return job;
}

static inline bool deque_empty(struct deque *deque)
{
    return atomic_load_explicit(&deque->bottom, memory_order_relaxed) <=
           atomic_load_explicit(&deque->top, memory_order_relaxed);
}

static inline struct job *deque_steal(struct deque *deque)
{
    if (deque_empty(deque))
        return NULL;
    long top = atomic_load_explicit(&deque->top, memory_order_acquire);
    atomic_thread_fence(memory_order_seq_cst);
    long bottom = atomic_load_explicit(&deque->bottom, memory_order_acquire);
    if (top >= bottom)
        return NULL;
    struct job *job = atomic_load_explicit(&deque->jobs[top & (DEQUE_JOBS - 1)],
                                           memory_order_relaxed);
    if (!atomic_compare_exchange_strong_explicit(&deque->top, &top, top + 1,
                                                 memory_order_seq_cst,
                                                 memory_order_relaxed))
        return NULL;
    return job;
}

static struct job *forkjoin_steal(void)
{
    for (int i = 0; i < forkjoin_workers; i++) {
        struct deque *deque = &forkjoin_deques[i];
        struct job *job = deque == forkjoin_own ? NULL : deque_steal(deque);
        if (job)
            return job;
    }
    return NULL;
}

static struct job *forkjoin_find(void)
{
    struct job *job = NULL;

    if (atomic_load_explicit(&forkjoin_root, memory_order_relaxed))
        job = atomic_exchange_explicit(&forkjoin_root, NULL,
                                       memory_order_acquire);
    return job ? job : forkjoin_steal();
}

static bool forkjoin_any(void)
{
    if (atomic_load_explicit(&forkjoin_root, memory_order_seq_cst))
        return true;
    for (int i = 0; i < forkjoin_workers; i++)
        if (!deque_empty(&forkjoin_deques[i]))
            return true;
    return false;
}

static void forkjoin_sleep(void)
{
    int seen = atomic_load_explicit(&forkjoin_wake, memory_order_seq_cst);

    atomic_fetch_add_explicit(&forkjoin_asleep, 1, memory_order_seq_cst);
    if (!forkjoin_any())
        bench_futex_wait(&forkjoin_wake, seen);
    atomic_fetch_sub_explicit(&forkjoin_asleep, 1, memory_order_seq_cst);
}

static void *forkjoin_worker(void *arg)
{
    int tries = 0;

    forkjoin_own = arg;
    for (;;) {
        struct job *job = forkjoin_find();
        if (job) {
            job_run(job);
            tries = 0;
        } else if (++tries < FORKJOIN_TRIES) {
            bench_pause();
        } else {
            forkjoin_sleep();
            tries = 0;
        }
    }
    return NULL;
}

static void forkjoin_start(int workers)
{
    forkjoin_workers = workers;
    for (int i = 0; i < workers; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, forkjoin_worker, &forkjoin_deques[i]);
    }
}

/* Brings a job from outside. */
static void forkjoin_submit(struct job *job)
{
    atomic_store_explicit(&forkjoin_root, job, memory_order_seq_cst);
    forkjoin_notify();
}

#endif /* BENCH_POOL_FLOOR_FORKJOIN_H */
