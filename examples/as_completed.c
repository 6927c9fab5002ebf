/* SPDX-License-Identifier: MIT */
/*
 * as_completed.c - take futures in the order in which they get done.
 *
 * The set gives each future back once, at O(1) each; and thrum_wait() for
 * those who want to know only when enough of them are done.
 */
#include "check.h"

#define COUNT 6

static void *triple(void *arg)
{
    int n = *(int *)arg * 3;

    return thrum_return(&n, sizeof(n));
}

static void submit(thrum_executor *pool, thrum_future **futures)
{
    for (int i = 0; i < COUNT; i++)
        CHECK(thrum_executor_submit(pool, triple, &i, sizeof(i), &futures[i]));
}

/* doc: as-completed */
static void as_completed(thrum_future **futures)
{
    thrum_time deadline = thrum_in_s(60); /* for all of them together */
    int done = 0, total = 0, rc;
    thrum_future_set *set;
    thrum_future *future;
    void *result;

    CHECK(thrum_as_completed(futures, COUNT, &set));
    while ((rc = thrum_future_set_next(set, deadline, &future)) == 0) {
        CHECK(thrum_future_result(future, THRUM_NOW, &result));
        total += *(int *)result;
        thrum_future_unref(future);
        printf("%d of %d done\n", ++done, COUNT);
    }
    if (rc != THRUM_ESTOP)
        printf("gave up: %s\n", thrum_strerror(rc));
    thrum_future_set_free(set);
    printf("total %d\n", total);
}
/* doc: end */

/* doc: wait */
static void wait_for(thrum_future **futures)
{
    int done =
        CHECK(thrum_wait(futures, COUNT, THRUM_FIRST_COMPLETED, THRUM_FOREVER));

    printf("at first: %s\n", done >= 1 ? "one at least" : "none");
    done =
        CHECK(thrum_wait(futures, COUNT, THRUM_ALL_COMPLETED, thrum_in_s(60)));
    printf("in the end: %d of %d\n", done, COUNT);
}
/* doc: end */

int main(void)
{
    thrum_future *futures[COUNT];
    thrum_executor *pool;

    CHECK(thrum_thread_pool_new(NULL, &pool));
    submit(pool, futures);
    wait_for(futures);
    as_completed(futures);
    for (int i = 0; i < COUNT; i++)
        thrum_future_unref(futures[i]);
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    return 0;
}
