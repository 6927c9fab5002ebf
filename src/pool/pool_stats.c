/* SPDX-License-Identifier: MIT */
/*
 * pool/pool_stats.c - what a thread pool has done.
 *
 * Every worker counts for itself; whoever asks adds up.
 */
#include "pool/thread_pool.h"

struct stats_sum {
    uint64_t submitted;
    uint64_t begun;
    uint64_t cancelled_running;
};

static uint64_t stats_get(_Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void stats_add_worker(struct thrumi_worker_counts *counts,
                             thrum_stats *stats, struct stats_sum *sum)
{
    uint64_t queued = stats_get(&counts->cancelled_queued);
    uint64_t running = stats_get(&counts->cancelled);

    stats->done += stats_get(&counts->done);
    stats->failed += stats_get(&counts->failed);
    stats->cancelled += queued + running;
    stats->stolen += stats_get(&counts->stolen);
    sum->submitted += stats_get(&counts->submitted);
    sum->submitted -= queued;
    sum->begun += stats_get(&counts->begun);
    sum->cancelled_running += running;
    thrumi_histogram_read(&counts->wait, &stats->wait);
    thrumi_histogram_read(&counts->run, &stats->run);
}

static uint64_t stats_minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0; /* they were read one after the other */
}

int thrumi_pool_stats(void *self, thrum_stats *stats)
{
    struct thrumi_pool *pool = self;
    unsigned places = atomic_load_explicit(&pool->places, memory_order_acquire);
    struct stats_sum sum = {thrumi_injection_submitted(&pool->injection), 0, 0};
    uint64_t dropped;

    for (unsigned i = 0; i < places; i++)
        stats_add_worker(
            &atomic_load_explicit(&pool->workers[i], memory_order_acquire)
                 ->counts,
            stats, &sum);
    stats->running = stats_minus(sum.begun, stats->done + stats->failed +
                                                sum.cancelled_running);
    dropped = stats_get(&pool->dropped);
    stats->queued = stats_minus(sum.submitted, sum.begun + dropped);
    stats->done += stats_get(&pool->outside_done);
    stats->failed += stats_get(&pool->outside_failed);
    stats->cancelled += stats_get(&pool->outside_cancelled);
    stats->workers = atomic_load_explicit(&pool->alive, memory_order_relaxed);
    stats->idle =
        atomic_load_explicit(&pool->idle.parked, memory_order_relaxed);
    stats->blocked = atomic_load_explicit(&pool->blocked, memory_order_relaxed);
    return 0;
}
