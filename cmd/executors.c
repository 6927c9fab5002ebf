/* SPDX-License-Identifier: MIT */
/*
 * executors.c - one line per kind of executor.
 *
 * The rest of the command knows tasks and futures only. A new kind is a maker
 * and a line in the table; options, help and the demonstration follow.
 */
#include "executors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <thrum/green_pool.h>
#include <thrum/inline.h>
#include <thrum/process_pool.h>
#include <thrum/thread_pool.h>

#define EXECUTORS_PROCESSES 1024 /* the library's limit */

static int executors_inline(const struct executor_setup *setup,
                            thrum_executor **ret)
{
    return thrum_inline_new(ret);
}

static int executors_threads(const struct executor_setup *setup,
                             thrum_executor **ret)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;

    options.max_workers = setup->workers;
    options.name_prefix = "fetch";
    options.block_signals = true; /* Ctrl-C is for the main thread */
    return thrum_thread_pool_new(&options, ret);
}

/* Greenlets of the main thread. What they call blocks, so each has a thread make
 * the call; there are to be as many. */
static int executors_green(const struct executor_setup *setup,
                           thrum_executor **ret)
{
    thrum_green_pool_options options = THRUM_GREEN_POOL_OPTIONS;
    char text[16];

    snprintf(text, sizeof(text), "%d", setup->workers);
    setenv("THRUM_OFFLOAD_THREADS", text, 0);
    options.limit = setup->workers;
    return thrum_green_pool_new(&options, ret);
}

static int executors_processes(const struct executor_setup *setup,
                               thrum_executor **ret)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;

    options.max_workers = setup->workers;
    options.initializer = setup->prepare;
    options.initializer_arg = setup->arg;
    options.initializer_arg_size = setup->arg_size;
    return thrum_process_pool_new(&options, ret);
}

const struct executor_kind executor_kinds[] = {
    {"inline", "inline", "one at a time, in the main thread", 1, false, false,
     executors_inline},
    {"threads", "threads", "a pool of threads", 0, false, false,
     executors_threads},
    {"green", "green (offloaded)", "greenlets, whose calls threads make", 0,
     true, false, executors_green},
    {"processes", "processes", "a pool of processes", EXECUTORS_PROCESSES,
     false, true, executors_processes},
    {NULL, NULL, NULL, 0, false, false, NULL},
};

const struct executor_kind *executor_kind_find(const char *name)
{
    const struct executor_kind *kind = executor_kinds;

    while (kind->name != NULL && strcmp(kind->name, name) != 0)
        kind++;
    return kind->name != NULL ? kind : NULL;
}

int executor_kind_workers(const struct executor_kind *kind, int asked)
{
    if (kind->max_workers > 0 && asked > kind->max_workers)
        return kind->max_workers;
    return asked;
}
