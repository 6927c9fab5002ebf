/* SPDX-License-Identifier: MIT */
/*
 * async.c - submit everything, shut the pool down, then read the results.
 *
 * Shutting down does not throw work away: what was submitted runs to the end.
 * Futures outlive their pool, so the results can be read afterwards without
 * any wait.
 */
#include "check.h"

#define COUNT 10

static void *square(void *arg)
{
    int *n = arg; /* the task's own copy */
    int result = *n * *n;

    return thrum_return(&result, sizeof(result));
}

int main(void)
{
    thrum_future *futures[COUNT];
    thrum_executor *pool;
    void *result;

    CHECK(thrum_thread_pool_new(NULL, &pool));
    /* doc: submit */
    for (int i = 0; i < COUNT; i++)
        CHECK(thrum_executor_submit(pool, square, &i, sizeof(i), &futures[i]));
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);

    for (int i = 0; i < COUNT; i++) {
        CHECK(thrum_future_result(futures[i], THRUM_NOW, &result));
        printf("%d squared is %d\n", i, *(int *)result);
        thrum_future_unref(futures[i]);
    }
    /* doc: end */
    return 0;
}
