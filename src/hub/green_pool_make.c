/* SPDX-License-Identifier: MIT */
/*
 * hub/green_pool_make.c - what a green pool is made of and for.
 */
#include <errno.h>

#include "base/alloc.h"
#include "hub/green_pool.h"
#include "hub/stop.h"

#define GREEN_POOL_MOST_THREADS 1024
#define GREEN_POOL_TIME_EVERY   64
#define GREEN_POOL_WORKERS      64u /* as map sees it, without a limit */

static void green_pool_free(thrum_executor *executor)
{
    struct thrumi_green_pool *pool = executor->self;

    thrumi_free(pool->name_prefix);
    thrumi_free(pool);
}

static void green_pool_init_executor(struct thrumi_green_pool *pool)
{
    unsigned limit = (unsigned)pool->options.limit;
    const thrum_executor_ops ops = {sizeof(ops),
                                    "greenlets",
                                    thrumi_green_pool_enqueue,
                                    thrumi_green_pool_shutdown,
                                    thrumi_green_pool_destroy,
                                    thrumi_green_pool_stats,
                                    thrumi_green_pool_request_shutdown,
                                    limit != 0 ? limit : GREEN_POOL_WORKERS,
                                    true};

    thrumi_executor_init(&pool->executor, &ops, pool);
    pool->executor.own = true;
    pool->executor.free_fn = green_pool_free;
    pool->executor.time_every = (unsigned)pool->options.stats_every;
    pool->executor.fast.kill = thrumi_green_pool_kill;
    pool->executor.fast.ask = thrumi_green_pool_ask;
    pool->executor.fast.limits_run = true;
}

static int green_pool_check(const thrum_green_pool_options *options)
{
    if (options->size < sizeof(*options) || options->limit < 0 ||
        options->threads < 0 || options->threads > GREEN_POOL_MOST_THREADS ||
        options->block_ns < 0 || options->stats_every < 0 ||
        options->queue_limit > INT64_MAX)
        return -EINVAL;
    if ((unsigned)options->queue_policy > THRUM_QUEUE_CALLER_RUNS)
        return -EINVAL;
    return thrumi_spawn_check_stack(options->stack_size);
}

static void green_pool_init_place(struct thrumi_green_pool *pool, unsigned i)
{
    struct thrumi_green_place *place = &pool->places[i];

    place->pool = pool;
    place->index = i;
    place->feed.run = thrumi_green_pool_take;
    thrumi_green_pool_kick_init(place);
}

static int green_pool_make(const thrum_green_pool_options *options,
                           struct thrumi_green_pool **ret)
{
    unsigned places = options->threads == 0 ? 1 : (unsigned)options->threads;
    struct thrumi_green_pool *pool =
        thrumi_alloc_zero(sizeof(*pool) + places * sizeof(pool->places[0]));

    if (pool == NULL)
        return -ENOMEM;
    pool->options = *options;
    if (options->stats_every == 0)
        pool->options.stats_every = GREEN_POOL_TIME_EVERY;
    pool->name_prefix = thrumi_strdup(
        options->name_prefix == NULL ? "thrum-green" : options->name_prefix);
    if (pool->name_prefix == NULL) {
        thrumi_free(pool);
        return -ENOMEM;
    }
    thrumi_thread_mask(&pool->mask, options->block_signals);
    thrumi_admission_init(&pool->admission, options->queue_limit);
    thrumi_mutex_init(&pool->lock);
    thrumi_mutex_init(&pool->join_lock);
    green_pool_init_executor(pool);
    pool->place_count = places;
    for (unsigned i = 0; i < places; i++)
        green_pool_init_place(pool, i);
    *ret = pool;
    return 0;
}

int thrum_green_pool_new(const thrum_green_pool_options *options,
                         thrum_executor **ret)
{
    static const thrum_green_pool_options none = THRUM_GREEN_POOL_OPTIONS;
    struct thrumi_green_pool *pool;
    struct thrumi_hub *hub = NULL;
    int rc;

    if (options == NULL)
        options = &none;
    rc = green_pool_check(options);
    if (rc != 0)
        return rc;
    if (options->threads == 0) {
        hub = thrumi_hub_get();
        if (hub == NULL)
            return -ENOMEM;
        if (hub->ending)
            return THRUM_ESHUTDOWN;
    }
    rc = green_pool_make(options, &pool);
    if (rc != 0)
        return rc;
    if (hub != NULL)
        thrumi_green_place_open(&pool->places[0], hub);
    *ret = &pool->executor;
    return 0;
}
