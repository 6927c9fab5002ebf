/* SPDX-License-Identifier: MIT */
/*
 * executors.c - one line per kind of executor.
 *
 * The rest of the command knows tasks and futures only. A new kind is a maker
 * and a line in the table; options, help and the demonstration follow.
 */
#include "executors.h"

#include <stdio.h>
#include <string.h>

#include <thrum/inline.h>
#include <thrum/process_pool.h>
#include <thrum/thread_pool.h>

#include "green.h"

#define EXECUTORS_THREADS   4096
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
     executors_inline, NULL, NULL},
    {"threads", "threads", "a pool of threads", EXECUTORS_THREADS, false, false,
     executors_threads, NULL, NULL},
    {"processes", "processes", "a pool of processes", EXECUTORS_PROCESSES,
     false, true, executors_processes, NULL, NULL},
    {"green", green_label, green_about, 0, true, false, green_make, green_fits,
     green_leave},
    {NULL, NULL, NULL, 0, false, false, NULL, NULL, NULL},
};

const struct executor_kind *executor_kind_find(const char *name)
{
    const struct executor_kind *kind = executor_kinds;

    while (kind->name != NULL && strcmp(kind->name, name) != 0)
        kind++;
    return kind->name != NULL ? kind : NULL;
}

bool executor_kind_is_many(const struct executor_kind *kind)
{
    return kind->green && green_is_many;
}

/* Of greenlets as many as there is work for: one that waits costs little. */
static int executor_kind_default(const struct executor_kind *kind, int most,
                                 size_t tasks)
{
    if (!executor_kind_is_many(kind))
        return thrum_default_workers();
    return tasks > 0 && tasks < (size_t)most ? (int)tasks : most;
}

int executor_kind_workers(const struct executor_kind *kind,
                          const struct executor_wish *wish)
{
    int most = kind->max_workers;
    int workers = wish->workers;

    if (most == 0)
        most = kind->fits(wish->save);
    if (workers == 0)
        workers = executor_kind_default(kind, most, wish->tasks);
    if (workers <= most)
        return workers;
    if (most > 1 && !wish->quiet)
        fprintf(stderr, "thrum: %s: %d at once, %d do not fit%s\n", kind->name,
                most, workers,
                executor_kind_is_many(kind) ? " (ulimit -n)" : "");
    return most;
}
