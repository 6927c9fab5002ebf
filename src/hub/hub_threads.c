/* SPDX-License-Identifier: MIT */
/*
 * hub/hub_threads.c - a program on several hubs, a thread each.
 *
 * That is a green pool of as many threads with one task on each, which nobody
 * has but its tasks: its threads end with these.
 */
#include <thrum/hub.h>

#include <errno.h>
#include <limits.h>

#include "hub/green_pool.h"

thrum_executor *thrum_hub_executor(void)
{
    struct thrumi_hub *hub = thrumi_hub_get();

    return hub == NULL ? NULL : &hub->executor;
}

static int hub_threads_submit(thrum_executor *pool, unsigned n, thrum_fn *fn,
                              void *arg, thrum_future **ret_futures)
{
    for (unsigned i = 0; i < n; i++) {
        int rc = thrum_executor_submit(
            pool, fn, arg, 0, ret_futures == NULL ? NULL : &ret_futures[i]);

        if (rc != 0)
            return i > 0 ? (int)i : rc;
    }
    return (int)n;
}

int thrum_hub_threads(unsigned n, thrum_fn *fn, void *arg,
                      thrum_future **ret_futures)
{
    thrum_green_pool_options options = THRUM_GREEN_POOL_OPTIONS;
    thrum_executor *pool;
    int rc;

    if (fn == NULL || n == 0 || n > INT_MAX)
        return -EINVAL;
    options.threads = (int)n;
    options.name_prefix = "thrum-hub";
    rc = thrum_green_pool_new(&options, &pool);
    if (rc != 0)
        return rc;
    thrumi_green_pool_spread(pool);
    rc = hub_threads_submit(pool, n, fn, arg, ret_futures);
    thrum_executor_unref(pool);
    return rc;
}
