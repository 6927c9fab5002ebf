/* SPDX-License-Identifier: MIT */
/*
 * pool/process_options.c - what a process pool was asked for, checked and filled
 * in.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "pool/process_pool.h"
#include "sys/cpus.h"
#include "sys/launch.h"

#define OPTIONS_TIME_TASKS 64

static int
process_options_check_numbers(const thrum_process_pool_options *options)
{
    if (options->size < sizeof(*options) || options->max_workers < 0 ||
        options->max_workers > THRUMI_CREW_MOST || options->idle_ns < 0 ||
        options->block_ns < 0 || options->run_ns < 0 || options->retries < 0 ||
        options->stats_every < 0 || options->queue_limit > INT64_MAX ||
        options->initializer_arg_size > THRUMI_WIRE_MOST)
        return -EINVAL;
    if ((unsigned)options->queue_policy > THRUM_QUEUE_CALLER_RUNS ||
        (unsigned)options->start > THRUM_PROCESS_FORK ||
        (options->initializer_arg_size > 0 && options->initializer_arg == NULL))
        return -EINVAL;
    return 0;
}

static int process_options_check_environment(const char *const *environment)
{
    for (; environment != NULL && *environment != NULL; environment++)
        if (strchr(*environment, '=') == NULL || **environment == '=')
            return -EINVAL;
    return 0;
}

static int process_options_check(const thrum_process_pool_options *options)
{
    int rc = process_options_check_numbers(options);

    if (rc == 0)
        rc = process_options_check_environment(options->environment);
    if (rc == 0)
        rc = thrumi_thread_check_affinity(options->affinity,
                                          options->affinity_count);
    if (rc == 0 && options->sandbox && !thrumi_sandbox_can())
        rc = -ENOTSUP;
    return rc;
}

static void options_set_confine(struct thrumi_confine *confine,
                                const thrum_process_pool_options *options)
{
    confine->memory = options->memory_limit;
    confine->cpu_seconds = options->cpu_limit;
    confine->files = options->file_limit;
    confine->nice = options->nice;
    confine->no_core = options->no_core;
    confine->sandbox = options->sandbox;
    confine->has_cpus = options->affinity_count > 0;
    for (size_t i = 0; i < options->affinity_count; i++) {
        unsigned cpu = (unsigned)options->affinity[i];

        confine->cpus[cpu / 8] |= (unsigned char)(1u << cpu % 8);
    }
}

/* How the program is run anew. */
static int options_set_way(struct thrumi_process_pool *pool)
{
    char variable[64] = THRUMI_PROCESS_VARIABLE "=";

    if (pool->options.start == THRUM_PROCESS_FORK)
        return 0;
    pool->way = thrumi_process_way();
    if (pool->way.value == NULL)
        return -ENOTSUP;
    pool->objects.no_program = pool->way.helper;
    strncat(variable, pool->way.value, sizeof(variable) - strlen(variable) - 1);
    pool->variable = thrumi_strdup(variable);
    if (pool->variable == NULL)
        return -ENOMEM;
    pool->environment =
        thrumi_launch_environment(pool->options.environment, pool->variable);
    return pool->environment == NULL ? -ENOMEM : 0;
}

static int options_copy_argument(struct thrumi_process_pool *pool,
                                 const thrum_process_pool_options *options)
{
    if (options->initializer_arg_size == 0)
        return 0;
    pool->initializer_arg = thrumi_alloc(options->initializer_arg_size);
    if (pool->initializer_arg == NULL)
        return -ENOMEM;
    memcpy(pool->initializer_arg, options->initializer_arg,
           options->initializer_arg_size);
    return 0;
}

int thrumi_process_set_options(struct thrumi_process_pool *pool,
                               const thrum_process_pool_options *options)
{
    int rc = process_options_check(options);

    if (rc != 0)
        return rc;
    pool->options = *options;
    if (options->stats_every == 0)
        pool->options.stats_every = OPTIONS_TIME_TASKS;
    pool->max_workers =
        (unsigned)(options->max_workers != 0 ? options->max_workers
                                             : thrumi_cpus_usable(""));
    options_set_confine(&pool->confine, options);
    rc = options_copy_argument(pool, options);
    return rc == 0 ? options_set_way(pool) : rc;
}
