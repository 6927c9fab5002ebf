/* SPDX-License-Identifier: MIT */
/*
 * pool/latch.h - a count that threads take down and one waits for.
 *
 * What peers without a "wait for all" get: one shared counter, a futex call
 * for the last task only. The two words have cache lines of their own.
 */
#ifndef BENCH_POOL_LATCH_H
#define BENCH_POOL_LATCH_H

#include <stdalign.h>

#include "pool/futex.h"

struct bench_latch {
    alignas(64) atomic_int left;
    alignas(64) atomic_int waited; /* somebody sleeps, or is about to */
};

static inline void bench_latch_set(struct bench_latch *latch, int count)
{
    atomic_store_explicit(&latch->left, count, memory_order_seq_cst);
}

static inline void bench_latch_down(struct bench_latch *latch)
{
    /* acq_rel: the waiter sees what all tasks did. seq_cst load: either it
     * sees the waiter, or the waiter sees the zero. */
    int before =
        atomic_fetch_sub_explicit(&latch->left, 1, memory_order_acq_rel);
    if (before == 1 &&
        atomic_load_explicit(&latch->waited, memory_order_seq_cst))
        bench_futex_wake(&latch->left, BENCH_EVERYBODY);
}

static inline void bench_latch_wait(struct bench_latch *latch)
{
    int left;

    atomic_store_explicit(&latch->waited, 1, memory_order_seq_cst);
    while ((left = atomic_load_explicit(&latch->left, memory_order_acquire)))
        bench_futex_wait(&latch->left, left);
    atomic_store_explicit(&latch->waited, 0, memory_order_seq_cst);
}

#endif /* BENCH_POOL_LATCH_H */
