/* SPDX-License-Identifier: MIT */
/*
 * pool/floor_shippable.c - see floor_shippable.h.
 */
#include "pool/floor_shippable.h"

#include <stdlib.h>
#include <string.h>

#include "pool/floor_forkjoin.h"

enum {
    JOB_PENDING,
    JOB_DONE,
    JOB_WAITED
};

#define JOB_DATA 40
#define JOB_SLAB 256

struct job {
    struct job *next; /* in the free list */
    shippable_fn *fn;
    atomic_int state;
    _Alignas(8) char data[JOB_DATA]; /* the argument, then the result */
};

_Static_assert(sizeof(struct job) == 64, "one cache line");

static void job_run(struct job *job)
{
    char result[JOB_DATA] = {0};

    job->fn(job->data, result);
    memcpy(job->data, result, sizeof(long));
    /* acq_rel: pairs with the acquire of whoever waits */
    if (atomic_exchange_explicit(&job->state, JOB_DONE, memory_order_acq_rel) ==
        JOB_WAITED)
        bench_futex_wake(&job->state, 1);
}

static struct job *job_new_slab(void)
{
    struct job *slab = aligned_alloc(64, JOB_SLAB * sizeof *slab);

    for (int i = 0; i < JOB_SLAB; i++)
        slab[i].next = i + 1 < JOB_SLAB ? &slab[i + 1] : NULL;
    return slab;
}

static void job_free(struct job *job)
{
    job->next = forkjoin_own->spare;
    forkjoin_own->spare = job;
}

void shippable_start(int workers)
{
    forkjoin_start(workers);
}

struct job *shippable_fork(shippable_fn *fn, const void *arg, size_t size)
{
    struct deque *own = forkjoin_own;
    struct job *job = own->spare;

    if (!job)
        job = job_new_slab();
    own->spare = job->next;
    job->fn = fn;
    atomic_store_explicit(&job->state, JOB_PENDING, memory_order_relaxed);
    memcpy(job->data, arg, size);
    deque_push(own, job);
    return job;
}

static bool job_done(struct job *job)
{
    return atomic_load_explicit(&job->state, memory_order_acquire) == JOB_DONE;
}

void shippable_join(struct job *job, void *result, size_t size)
{
    struct job *other = job_done(job) ? NULL : deque_pop(forkjoin_own);

    if (other == job) {
        job->fn(job->data, result);
        job_free(job);
        return;
    }
    if (other)
        job_run(other);
    while (!job_done(job)) {
        other = forkjoin_steal();
        if (other)
            job_run(other);
        else
            bench_pause();
    }
    memcpy(result, job->data, size);
    job_free(job);
}

void shippable_call(shippable_fn *fn, const void *arg, size_t size,
                    void *result, size_t result_size)
{
    struct job job = {.fn = fn};
    int state = JOB_PENDING;

    memcpy(job.data, arg, size);
    forkjoin_submit(&job);
    atomic_compare_exchange_strong_explicit(&job.state, &state, JOB_WAITED,
                                            memory_order_acquire,
                                            memory_order_acquire);
    while (!job_done(&job))
        bench_futex_wait(&job.state, JOB_WAITED);
    memcpy(result, job.data, result_size);
}
