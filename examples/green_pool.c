/* SPDX-License-Identifier: MIT */
/*
 * green_pool.c - a thousand tasks that wait, on one thread.
 */
#include <stdio.h>

#include <thrum.h>

#include "check.h"

#define TASKS 1000

static int most;
static int inside;
static int expected;
static thrum_event full = THRUM_EVENT_INIT; /* as many as may are inside */

/* No lock: tasks of one thread are not interrupted but by their waits. */
static void *visit(void *arg)
{
    if (++inside > most)
        most = inside;
    if (inside == expected)
        thrum_event_set(&full);
    CHECK(thrum_event_wait(&full, THRUM_FOREVER));
    inside--;
    return arg;
}

static thrum_executor *make(int limit)
{
    /* doc: make */
    thrum_green_pool_options options = THRUM_GREEN_POOL_OPTIONS;
    thrum_executor *pool;

    options.limit = limit;
    CHECK(thrum_green_pool_new(&options, &pool));
    /* doc: end */
    return pool;
}

static void run(int limit)
{
    thrum_executor *pool = make(limit);

    most = 0;
    expected = limit > 0 ? limit : TASKS;
    thrum_event_clear(&full);
    for (int i = 0; i < TASKS; i++)
        CHECK(thrum_executor_submit(pool, visit, NULL, 0, NULL));
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    printf("%d tasks, %d at once\n", TASKS, most);
    thrum_executor_unref(pool);
}

int main(void)
{
    run(0);
    run(100);
    return 0;
}
