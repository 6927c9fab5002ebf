/* SPDX-License-Identifier: MIT */
/*
 * callbacks.c - have a function called when a task is done.
 *
 * Callbacks run once each, in the order added, in whatever thread settles the
 * future: a worker here. shutdown with THRUM_WAIT returns after the last of
 * them, so their counters can be read without a lock then.
 */
#include <errno.h>
#include <stdatomic.h>

#include "check.h"

#define COUNT 100

static void *odd_only(void *arg)
{
    int n = *(int *)arg;

    if (n % 2 == 0)
        return thrum_raise(-EDOM, "%d is even", n);
    return NULL; /* a value like any other */
}

/* doc: callback */
struct tally {
    atomic_int good;
    atomic_int bad;
};

static void count(thrum_future *done, void *arg)
{
    struct tally *tally = arg;

    if (thrum_future_result(done, THRUM_NOW, NULL) == 0)
        atomic_fetch_add(&tally->good, 1);
    else
        atomic_fetch_add(&tally->bad, 1);
}
/* doc: end */

static void late(thrum_future *done, void *arg)
{
    printf("added late: %s\n", thrum_future_done(done) ? "done" : "not done");
}

int main(void)
{
    thrum_executor *pool;
    thrum_future *futures[COUNT];
    struct tally tally = {0, 0};

    CHECK(thrum_thread_pool_new(NULL, &pool));
    /* doc: add */
    for (int i = 0; i < COUNT; i++) {
        CHECK(
            thrum_executor_submit(pool, odd_only, &i, sizeof(i), &futures[i]));
        CHECK(thrum_future_add_done_callback(futures[i], count, &tally));
    }
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    /* doc: end */
    printf("%d good, %d bad\n", tally.good, tally.bad);
    CHECK(thrum_future_add_done_callback(futures[0], late, NULL));
    for (int i = 0; i < COUNT; i++)
        thrum_future_unref(futures[i]);
    thrum_executor_unref(pool);
    return 0;
}
