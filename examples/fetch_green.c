/* SPDX-License-Identifier: MIT */
/*
 * fetch_green.c - the example fetch, with another pool and nothing else changed.
 */
#include <thrum.h>
#include <thrum/monkey.h>

/* doc: green */
/* In the place of thrum_thread_pool_new(): a greenlet for each URL. */
static int green_pool_new(thrum_executor **pool)
{
    thrum_green_pool_options options = THRUM_GREEN_POOL_OPTIONS;
    int rc = thrum_monkey_patch_all();

    options.stack_size = 256 * 1024; /* so large a library has deep calls */
    return rc == 0 ? thrum_green_pool_new(&options, pool) : rc;
}
/* doc: end */

#define thrum_thread_pool_new(options, pool) green_pool_new(pool)
#include "fetch.c"
