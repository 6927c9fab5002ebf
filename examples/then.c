/* SPDX-License-Identifier: MIT */
/*
 * then.c - futures made of futures: then, all, any.
 *
 * Nothing here waits but main, at the end: each step starts when the one
 * before it has settled.
 */
#include <errno.h>

#include "check.h"

static void *number(void *arg)
{
    int n = *(int *)arg;

    if (n < 0)
        return thrum_raise(-ERANGE, "%d is negative", n);
    return thrum_return(&n, sizeof(n));
}

/* doc: then */
static void *twice(thrum_future *done, void *arg)
{
    void *n;
    int rc = thrum_future_result(done, THRUM_NOW, &n);
    int result;

    if (rc < 0)
        return thrum_raise(rc, "nothing to double");
    result = *(int *)n * 2;
    return thrum_return(&result, sizeof(result));
}

static void chain(thrum_executor *pool)
{
    thrum_future *first, *second;
    void *result;
    int n = 21;

    CHECK(thrum_executor_submit(pool, number, &n, sizeof(n), &first));
    CHECK(thrum_future_then(first, pool, twice, NULL, &second));
    thrum_future_unref(first);
    CHECK(thrum_future_result(second, THRUM_FOREVER, &result));
    printf("then: %d\n", *(int *)result);
    thrum_future_unref(second);
}
/* doc: end */

/* doc: gather */
static void gather(thrum_executor *pool)
{
    thrum_future *futures[3], *all, *any;
    int numbers[3] = {-1, 5, -3};
    const thrum_error *error;
    void *result;

    for (int i = 0; i < 3; i++)
        CHECK(thrum_executor_submit(pool, number, &numbers[i], sizeof(int),
                                    &futures[i]));
    CHECK(thrum_future_any(futures, 3, &any)); /* the first that has a value */
    CHECK(thrum_future_result(any, THRUM_FOREVER, &result));
    CHECK(thrum_future_result(result, THRUM_NOW, &result));
    printf("any: %d\n", *(int *)result);

    CHECK(thrum_future_all(futures, 3, &all)); /* fails with the first error */
    CHECK(thrum_future_exception(all, THRUM_FOREVER, &error));
    printf("all: %s\n", thrum_strerror(error->code));

    thrum_future_unref(all);
    thrum_future_unref(any);
    for (int i = 0; i < 3; i++)
        thrum_future_unref(futures[i]);
}
/* doc: end */

int main(void)
{
    thrum_executor *pool;

    CHECK(thrum_thread_pool_new(NULL, &pool));
    chain(pool);
    gather(pool);
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    return 0;
}
