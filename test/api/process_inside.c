/* SPDX-License-Identifier: MIT */
/*
 * process_inside.c - a library that has a process pool inside, for programs that
 * know nothing of it.
 */
#include <stddef.h>
#include <string.h>

#include <thrum.h>

#include "process_inside.h"

static void *inside_task(void *arg)
{
    int n = *(int *)arg;

    n *= n;
    return thrum_return(&n, sizeof(n));
}

static int inside_run(thrum_executor *pool, thrum_fn *fn, int n)
{
    thrum_future *future = NULL;
    void *value = NULL;
    int rc = thrum_executor_submit(pool, fn, &n, sizeof(n), &future);

    if (rc == 0)
        rc = thrum_future_result(future, THRUM_FOREVER, &value);
    if (rc == 0)
        memcpy(&rc, value, sizeof(rc));
    if (future != NULL)
        thrum_future_unref(future);
    return rc;
}

int inside_square(int n, void *(*other)(void *))
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool = NULL;
    int rc;

    options.max_workers = 1;
    rc = thrum_process_pool_new(&options, &pool);
    if (rc != 0)
        return rc;
    rc = inside_run(pool, other == NULL ? inside_task : other, n);
    thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER);
    thrum_executor_unref(pool);
    return rc;
}
