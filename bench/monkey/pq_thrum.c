/* SPDX-License-Identifier: MIT */
/*
 * monkey/pq_thrum.c - a greenlet for every client, all in one thread; patched.
 */
#include <stdlib.h>

#include <thrum.h>
#include <thrum/monkey.h>

#include "monkey/pq.h"
#include "program.h"

static __attribute__((constructor)) void pq_patch(void)
{
    if (thrum_monkey_patch_all() != 0)
        bench_die("thrum_monkey_patch_all");
}

void pq_at_once(pq_fn *fn, long n)
{
    thrum_future **all = calloc((size_t)n, sizeof(thrum_future *));
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;

    options.stack_size = PQ_STACK;
    for (long i = 0; i < n; i++)
        if (!all ||
            thrum_spawn_with(fn, pq_client(i), 0, &options, &all[i]) != 0)
            bench_die("thrum_spawn_with");
    if (thrum_join_all(all, (size_t)n, THRUM_FOREVER) != 0)
        bench_die("thrum_join_all");
    for (long i = 0; i < n; i++)
        thrum_future_unref(all[i]);
    free(all);
}
