/* SPDX-License-Identifier: MIT */
/*
 * hub/green_pool_stats.c - what a green pool has done.
 *
 * Each hub counts for itself; whoever asks adds up.
 */
#include "hub/green_pool.h"

struct green_sum {
    uint64_t begun;
    uint64_t ended;
    uint64_t never; /* taken, and not begun */
};

static uint64_t green_stats_get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void green_stats_add(struct thrumi_green_counts *counts,
                            thrum_stats *stats, struct green_sum *sum)
{
    uint64_t done = green_stats_get(&counts->done);
    uint64_t failed = green_stats_get(&counts->failed);
    uint64_t cancelled = green_stats_get(&counts->cancelled);
    uint64_t cancelled_queued = green_stats_get(&counts->cancelled_queued);
    uint64_t failed_queued = green_stats_get(&counts->failed_queued);

    stats->done += done;
    stats->failed += failed + failed_queued;
    stats->cancelled += cancelled + cancelled_queued;
    sum->begun += green_stats_get(&counts->begun);
    sum->ended += done + failed + cancelled;
    sum->never += cancelled_queued + failed_queued;
    thrumi_histogram_read(&counts->wait, &stats->wait);
    thrumi_histogram_read(&counts->run, &stats->run);
}

static uint64_t green_stats_minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0; /* they were read one after the other */
}

/* Threads, and tasks that wait for others. */
static uint64_t green_stats_threads(struct thrumi_green_pool *pool,
                                    thrum_stats *stats)
{
    uint64_t submitted;
    unsigned idle = 0;

    thrumi_mutex_lock(&pool->lock);
    for (unsigned i = 0; i < pool->place_count; i++)
        idle += pool->places[i].live == 0 && !pool->places[i].feeding &&
                (pool->options.threads == 0 ||
                 pool->places[i].state == THRUMI_GREEN_RUNS);
    stats->workers = pool->options.threads == 0 ? 1 : pool->alive;
    stats->idle = idle;
    stats->blocked = pool->lent;
    submitted = pool->submitted;
    thrumi_mutex_unlock(&pool->lock);
    return submitted;
}

int thrumi_green_pool_stats(void *self, thrum_stats *stats)
{
    struct thrumi_green_pool *pool = self;
    uint64_t submitted = green_stats_threads(pool, stats);
    struct green_sum sum = {0, 0, 0};

    for (unsigned i = 0; i < pool->place_count; i++)
        green_stats_add(&pool->places[i].counts, stats, &sum);
    stats->running = green_stats_minus(sum.begun, sum.ended);
    stats->queued = green_stats_minus(
        submitted, sum.begun + sum.never + green_stats_get(&pool->dropped));
    stats->done += green_stats_get(&pool->outside_done);
    stats->failed += green_stats_get(&pool->outside_failed);
    stats->cancelled += green_stats_get(&pool->outside_cancelled);
    return 0;
}
