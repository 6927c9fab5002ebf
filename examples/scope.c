/* SPDX-License-Identifier: MIT */
/*
 * scope.c - tasks that do not outlive the block that started them.
 *
 * The scope waits for all that was submitted in it. When one task fails, those
 * that have not begun never run, and those that run are asked to stop. So the
 * tasks may use what lies on the stack of the scope's owner.
 */
#include <errno.h>
#include <sched.h>

#include "check.h"

static void *add(void *arg)
{
    int *cell = arg;

    *cell += 1;
    return NULL;
}

/* doc: scope */
static void all_well(thrum_executor *pool)
{
    int cells[3] = {10, 20, 30};
    thrum_scope *scope;

    CHECK(thrum_scope_new(THRUM_FOREVER, &scope));
    for (int i = 0; i < 3; i++)
        CHECK(thrum_scope_submit(scope, pool, add, &cells[i], 0, NULL));
    CHECK(thrum_scope_close(scope));
    printf("cells: %d %d %d\n", cells[0], cells[1], cells[2]);
}
/* doc: end */

/* doc: fails */
static void *until_cancelled(void *arg)
{
    while (!thrum_cancelled())
        sched_yield();
    return NULL; /* told to stop, and did: the task ends as cancelled */
}

static void *fail(void *arg)
{
    return thrum_raise(-EIO, "the yarn broke");
}

static void one_fails(thrum_executor *pool)
{
    thrum_future *other;
    thrum_scope *scope;
    int rc;

    CHECK(thrum_scope_new(THRUM_FOREVER, &scope));
    CHECK(thrum_scope_submit(scope, pool, until_cancelled, NULL, 0, &other));
    CHECK(thrum_scope_submit(scope, pool, fail, NULL, 0, NULL));
    rc = thrum_scope_wait(scope);
    printf("scope: %s: %s\n", thrum_strerror(rc),
           thrum_scope_error(scope)->message);
    printf("the other: %s\n",
           thrum_future_cancelled(other) ? "cancelled" : "ran on");
    thrum_future_unref(other);
    thrum_scope_close(scope);
}
/* doc: end */

int main(void)
{
    thrum_executor *pool;

    CHECK(thrum_thread_pool_new(NULL, &pool));
    all_well(pool);
    one_fails(pool);
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    return 0;
}
