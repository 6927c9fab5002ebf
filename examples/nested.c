/* SPDX-License-Identifier: MIT */
/*
 * nested.c - tasks that submit tasks and wait for them.
 *
 * A worker that waits for a future of its own pool runs the awaited task, or
 * others that it spawned, on its own stack. So this ends also with a single
 * worker, which would deadlock in most pools.
 */
#include "check.h"

/* doc: fib */
static void *fib(void *arg)
{
    int n = *(int *)arg, one_less = n - 1, two_less = n - 2;
    thrum_executor *pool = thrum_executor_current();
    thrum_future *child;
    void *a, *b;
    int rc;

    if (n < 2)
        return thrum_return(&n, sizeof(n));
    rc = thrum_executor_submit(pool, fib, &one_less, sizeof(one_less), &child);
    if (rc < 0)
        return thrum_raise(rc, "fib(%d)", one_less);
    b = fib(&two_less); /* a plain call: this thread is free */
    rc = thrum_future_result(child, THRUM_FOREVER, &a);
    if (rc == 0 && b != NULL)
        n = *(int *)a + *(int *)b;
    thrum_future_unref(child);
    if (rc < 0)
        return thrum_raise(rc, "fib(%d)", one_less);
    return b == NULL ? NULL : thrum_return(&n, sizeof(n));
}
/* doc: end */

static void run(int workers)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool;
    thrum_future *future;
    void *result;
    int n = 20;

    options.max_workers = workers;
    CHECK(thrum_thread_pool_new(&options, &pool));
    CHECK(thrum_executor_submit(pool, fib, &n, sizeof(n), &future));
    CHECK(thrum_future_result(future, THRUM_FOREVER, &result));
    printf("fib(%d) = %d\n", n, *(int *)result);
    thrum_future_unref(future);
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
}

int main(void)
{
    run(1);
    run(4);
    return 0;
}
