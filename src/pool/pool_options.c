/* SPDX-License-Identifier: MIT */
/*
 * pool/pool_options.c - what a pool was asked for, checked and filled in.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "pool/thread_pool.h"
#include "sys/cpus.h"

#define OPTIONS_MOST_WORKERS 4096
#define OPTIONS_SPARES       64
#define OPTIONS_TIME_EVERY   64

/* THRUM_THREADS: a number of 1 or more; anything else is as if not there. */
static int options_threads_from_environment(void)
{
    const char *text = getenv("THRUM_THREADS");
    char *end;
    long n;

    if (text == NULL || *text == '\0')
        return 0;
    n = strtol(text, &end, 10);
    if (*end != '\0' || n < 1)
        return 0;
    return n < OPTIONS_MOST_WORKERS ? (int)n : OPTIONS_MOST_WORKERS;
}

int thrum_default_workers(void)
{
    int workers = options_threads_from_environment();

    if (workers > 0)
        return workers;
    workers = thrumi_cpus_usable("") + 4;
    return workers < 32 ? workers : 32;
}

static int options_check(const thrum_thread_pool_options *options)
{
    if (options->size < sizeof(*options) || options->max_workers < 0 ||
        options->max_workers > OPTIONS_MOST_WORKERS ||
        options->max_spares < 0 || options->max_spares > OPTIONS_MOST_WORKERS ||
        options->block_ns < 0 || options->stats_every < 0 ||
        options->queue_limit > INT64_MAX)
        return -EINVAL;
    if ((unsigned)options->queue_policy > THRUM_QUEUE_CALLER_RUNS)
        return -EINVAL;
    return thrumi_thread_check_affinity(options->affinity,
                                        options->affinity_count);
}

static char *options_default_name(void)
{
    static atomic_uint pools;
    char name[24];

    snprintf(name, sizeof(name), "thrum-%u",
             atomic_fetch_add_explicit(&pools, 1, memory_order_relaxed));
    return thrumi_strdup(name);
}

static int options_copy(struct thrumi_pool *pool,
                        const thrum_thread_pool_options *options)
{
    size_t bytes = options->affinity_count * sizeof(options->affinity[0]);

    pool->name_prefix = options->name_prefix != NULL
                            ? thrumi_strdup(options->name_prefix)
                            : options_default_name();
    if (pool->name_prefix == NULL)
        return -ENOMEM;
    if (bytes == 0)
        return 0;
    pool->affinity = thrumi_alloc(bytes);
    if (pool->affinity == NULL)
        return -ENOMEM;
    memcpy(pool->affinity, options->affinity, bytes);
    return 0;
}

int thrumi_pool_set_options(struct thrumi_pool *pool,
                            const thrum_thread_pool_options *options)
{
    int rc = options_check(options);
    unsigned spares;

    if (rc != 0)
        return rc;
    pool->options = *options;
    if (options->stats_every == 0)
        pool->options.stats_every = OPTIONS_TIME_EVERY;
    pool->max_workers =
        (unsigned)(options->max_workers != 0 ? options->max_workers
                                             : thrum_default_workers());
    spares = (unsigned)options->max_spares;
    pool->max_threads =
        pool->max_workers + (spares != 0 ? spares : OPTIONS_SPARES);
    /* Polling takes a CPU; with fewer of them than threads it takes it from
     * one that has work. */
    if (pool->max_workers <= (unsigned)thrumi_cpus_usable(""))
        pool->spinners = (pool->max_workers + 1) / 2;
    thrumi_thread_mask(&pool->mask, options->block_signals);
    return options_copy(pool, options);
}
