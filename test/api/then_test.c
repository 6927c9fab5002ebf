/* SPDX-License-Identifier: MIT */
/*
 * test/api/then_test.c - futures made of futures: then, all, any.
 */
#include <errno.h>
#include <stdlib.h>

#include "futures.h"

static int one = 1;
static int two = 2;

/* What a continuation saw. */
struct seen {
    thrum_future *done;
    int rc; /* of the result of `done` */
    pthread_t thread;
    thrum_executor *executor;
    atomic_uint calls;
};

static void *then_look(thrum_future *done, void *arg)
{
    struct seen *seen = arg;

    seen->done = done;
    seen->rc = thrum_future_result(done, THRUM_NOW, NULL);
    seen->thread = pthread_self();
    seen->executor = thrum_executor_current();
    atomic_fetch_add(&seen->calls, 1);
    return &two;
}

static thrum_future *then(thrum_future *future, thrum_executor *executor,
                          thrum_then_fn *fn, void *arg)
{
    thrum_future *next = NULL;

    assert_int_equal(thrum_future_then(future, executor, fn, arg, &next), 0);
    return next;
}

static void assert_value(thrum_future *future, void *expected)
{
    void *result = NULL;

    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, &result), 0);
    assert_ptr_equal(result, expected);
}

/* ---- then ---- */

/* Whatever the outcome is; of settled ones and of ones that settle later. */
TEST(then_gets_the_settled_future)
{
    static const int expected[] = {0, THRUM_EFAILED, THRUM_ECANCELLED};

    for (int late = 0; late < 2; late++)
        for (int outcome = 0; outcome < 3; outcome++) {
            struct deal deal = deal_new();
            struct seen seen = {0};
            thrum_future *next = NULL;

            if (late)
                next = then(deal.future, NULL, then_look, &seen);
            assert_int_equal(atomic_load(&seen.calls), 0);
            if (outcome == 0)
                thrum_promise_set_result(deal.promise, &one);
            else if (outcome == 1)
                thrum_promise_set_exception(deal.promise, -EIO, "fails");
            else
                thrum_future_cancel(deal.future);
            if (!late)
                next = then(deal.future, NULL, then_look, &seen);
            assert_value(next, &two);
            assert_ptr_equal(seen.done, deal.future);
            assert_int_equal(seen.rc, expected[outcome]);
            assert_int_equal(atomic_load(&seen.calls), 1);
            assert_true(pthread_equal(seen.thread, pthread_self()));
            thrum_future_unref(next);
            deal_end(&deal);
        }
}

TEST(then_runs_on_its_executor)
{
    thrum_executor *pool = pool_of(1);
    struct deal deal = deal_new();
    struct seen early = {0};
    struct seen late = {0};
    thrum_future *first = then(deal.future, pool, then_look, &early);
    thrum_future *second;

    thrum_promise_set_result(deal.promise, &one);
    second = then(deal.future, pool, then_look, &late);
    assert_value(first, &two);
    assert_value(second, &two);
    assert_false(pthread_equal(early.thread, pthread_self()));
    assert_false(pthread_equal(late.thread, pthread_self()));
    assert_ptr_equal(early.executor, pool);
    assert_ptr_equal(late.executor, pool);
    thrum_future_unref(first);
    thrum_future_unref(second);
    executor_end(pool);
    deal_end(&deal);
}

static void *then_next(thrum_future *done, void *arg)
{
    void *result = NULL;

    CHECK_INT(thrum_future_result(done, THRUM_NOW, &result), 0);
    return (char *)result + 1;
}

TEST(a_chain_of_thens)
{
    enum {
        LENGTH = 100
    };
    thrum_executor *executors[] = {NULL, pool_of(2), inline_new()};

    for (int i = 0; i < 3; i++) {
        struct deal deal = deal_new();
        thrum_future *futures[LENGTH + 1] = {deal.future};
        char line[LENGTH + 1];

        for (int k = 0; k < LENGTH; k++)
            futures[k + 1] = then(futures[k], executors[i], then_next, NULL);
        thrum_promise_set_result(deal.promise, line);
        assert_value(futures[LENGTH], line + LENGTH);
        for (int k = 0; k < LENGTH; k++)
            thrum_future_unref(futures[k + 1]);
        if (executors[i] != NULL)
            executor_end(executors[i]);
        deal_end(&deal);
    }
}

static void *then_fail(thrum_future *done, void *arg)
{
    return thrum_raise(-EBADF, "the continuation fails");
}

TEST(then_may_fail)
{
    thrum_future *value = future_with(&one);
    thrum_future *next = then(value, NULL, then_fail, NULL);

    assert_int_equal(error_code_of(next), -EBADF);
    assert_value(value, &one);
    thrum_future_unref(next);
    thrum_future_unref(value);
}

TEST(then_needs_a_function)
{
    thrum_future *value = future_with(&one);
    thrum_future *next = NULL;

    assert_int_equal(thrum_future_then(value, NULL, NULL, NULL, &next),
                     -EINVAL);
    assert_null(next);
    thrum_future_unref(value);
}

TEST(a_cancelled_then_does_not_run)
{
    struct deal deal = deal_new();
    struct seen seen = {0};
    thrum_future *next = then(deal.future, NULL, then_look, &seen);

    assert_true(thrum_future_cancel(next));
    assert_false(thrum_future_done(deal.future)); /* only the one is */
    thrum_promise_set_result(deal.promise, &one);
    assert_int_equal(atomic_load(&seen.calls), 0);
    assert_true(thrum_future_cancelled(next));
    thrum_future_unref(next);
    deal_end(&deal);
}

TEST(a_detached_then_runs)
{
    struct deal deal = deal_new();
    thrum_executor *pool = pool_of(1);
    struct seen here = {0};
    struct seen there = {0};

    assert_int_equal(
        thrum_future_then(deal.future, NULL, then_look, &here, NULL), 0);
    assert_int_equal(
        thrum_future_then(deal.future, pool, then_look, &there, NULL), 0);
    thrum_promise_set_result(deal.promise, &one);
    executor_end(pool);
    assert_int_equal(atomic_load(&here.calls), 1);
    assert_int_equal(atomic_load(&there.calls), 1);
    deal_end(&deal);
}

TEST(then_on_an_executor_that_was_shut_down_fails)
{
    struct deal deal = deal_new();
    thrum_executor *pool = pool_of(1);
    struct seen seen = {0};
    thrum_future *next = then(deal.future, pool, then_look, &seen);

    executor_end(pool);
    thrum_promise_set_result(deal.promise, &one);
    assert_int_equal(thrum_future_result(next, THRUM_FOREVER, NULL),
                     THRUM_EFAILED);
    assert_int_equal(error_code_of(next), THRUM_ESHUTDOWN);
    assert_int_equal(atomic_load(&seen.calls), 0);
    thrum_future_unref(next);
    deal_end(&deal);
}

static void count_free(void *arg)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
}

/* It keeps the source until it has run, and not longer. */
TEST(F42_then_keeps_its_source_until_it_has_run)
{
    struct deal deal = deal_new();
    struct seen seen = {0};
    atomic_uint freed = 0;
    thrum_future *next = then(deal.future, NULL, then_look, &seen);

    thrum_promise_set_result_owned(deal.promise, &freed, count_free);
    thrum_promise_free(deal.promise);
    assert_int_equal(atomic_load(&freed), 0);
    thrum_future_unref(deal.future);
    assert_int_equal(atomic_load(&freed), 1);
    assert_value(next, &two);
    thrum_future_unref(next);
}

/* ---- all ---- */

static thrum_future *all(thrum_future *const *futures, size_t n)
{
    thrum_future *future = NULL;

    assert_int_equal(thrum_future_all(futures, n, &future), 0);
    return future;
}

TEST(all_has_the_values_in_their_order)
{
    struct deal deal[3] = {deal_new(), deal_new(), deal_new()};
    thrum_future *futures[] = {deal[0].future, deal[1].future, deal[2].future,
                               deal[0].future};
    thrum_future *future = all(futures, 4);
    void *result = NULL;
    void **values;

    thrum_promise_set_result(deal[2].promise, &deal[2]);
    thrum_promise_set_result(deal[0].promise, &deal[0]);
    assert_false(thrum_future_done(future));
    thrum_promise_set_result(deal[1].promise, NULL);
    assert_int_equal(thrum_future_result(future, THRUM_NOW, &result), 0);
    values = result;
    assert_ptr_equal(values[0], &deal[0]);
    assert_null(values[1]);
    assert_ptr_equal(values[2], &deal[2]);
    assert_ptr_equal(values[3], &deal[0]);
    thrum_future_unref(future);
    for (int i = 0; i < 3; i++)
        deal_end(&deal[i]);
}

TEST(all_of_none_has_a_value)
{
    thrum_future *future = all(NULL, 0);

    assert_int_equal(thrum_future_result(future, THRUM_NOW, NULL), 0);
    thrum_future_unref(future);
}

TEST(all_fails_with_the_first_error)
{
    struct deal deal[3] = {deal_new(), deal_new(), deal_new()};
    thrum_future *futures[] = {deal[0].future, deal[1].future, deal[2].future};
    thrum_future *future = all(futures, 3);
    const thrum_error *error = NULL;

    thrum_promise_set_result(deal[0].promise, &one);
    thrum_promise_set_exception(deal[2].promise, -EIO, "the first");
    assert_int_equal(thrum_future_exception(future, THRUM_NOW, &error), 0);
    assert_int_equal(error->code, -EIO);
    assert_string_equal(error->message, "the first");
    assert_false(thrum_future_done(deal[1].future)); /* left alone */
    thrum_promise_set_exception(deal[1].promise, -EPIPE, "too late");
    assert_int_equal(error_code_of(future), -EIO);
    thrum_future_unref(future);
    for (int i = 0; i < 3; i++)
        deal_end(&deal[i]);
}

TEST(all_ends_with_a_cancellation)
{
    struct deal deal[2] = {deal_new(), deal_new()};
    thrum_future *futures[] = {deal[0].future, deal[1].future};
    thrum_future *future = all(futures, 2);

    assert_true(thrum_future_cancel(deal[1].future));
    assert_int_equal(thrum_future_result(future, THRUM_NOW, NULL),
                     THRUM_ECANCELLED);
    thrum_future_unref(future);
    for (int i = 0; i < 2; i++)
        deal_end(&deal[i]);
}

TEST(cancelling_all_leaves_the_futures_alone)
{
    struct deal deal = deal_new();
    thrum_future *future = all(&deal.future, 1);

    assert_true(thrum_future_cancel(future));
    assert_false(thrum_future_done(deal.future));
    thrum_promise_set_result(deal.promise, &one);
    assert_true(thrum_future_cancelled(future));
    assert_value(deal.future, &one);
    thrum_future_unref(future);
    deal_end(&deal);
}

static void *owned_task(void *arg)
{
    return thrum_return_owned(arg, count_free);
}

/* The values stay as long as the new future does, and no longer. */
TEST(F42_all_keeps_the_values)
{
    enum {
        COUNT = 10
    };
    atomic_uint freed[COUNT] = {0};
    thrum_executor *pool = pool_of(2);
    thrum_future *futures[COUNT];
    thrum_future *future;
    void *result = NULL;

    for (int i = 0; i < COUNT; i++)
        futures[i] = submit(pool, owned_task, &freed[i]);
    future = all(futures, COUNT);
    for (int i = 0; i < COUNT; i++)
        thrum_future_unref(futures[i]);
    executor_end(pool);
    assert_int_equal(thrum_future_result(future, THRUM_NOW, &result), 0);
    for (int i = 0; i < COUNT; i++) {
        assert_ptr_equal(((void **)result)[i], &freed[i]);
        assert_int_equal(atomic_load(&freed[i]), 0);
    }
    thrum_future_unref(future);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(atomic_load(&freed[i]), 1);
}

/* ---- any ---- */

static thrum_future *any(thrum_future *const *futures, size_t n)
{
    thrum_future *future = NULL;

    assert_int_equal(thrum_future_any(futures, n, &future), 0);
    return future;
}

TEST(any_is_the_first_with_a_value)
{
    struct deal deal[4] = {deal_new(), deal_new(), deal_new(), deal_new()};
    thrum_future *futures[] = {deal[0].future, deal[1].future, deal[2].future,
                               deal[3].future};
    thrum_future *future = any(futures, 4);

    thrum_promise_set_exception(deal[0].promise, -EIO, "fails");
    assert_true(thrum_future_cancel(deal[3].future));
    assert_false(thrum_future_done(future));
    thrum_promise_set_result(deal[2].promise, &two);
    assert_value(future, deal[2].future);
    assert_false(thrum_future_done(deal[1].future));
    thrum_promise_set_result(deal[1].promise, &one);
    assert_value(future, deal[2].future);
    thrum_future_unref(future);
    for (int i = 0; i < 4; i++)
        deal_end(&deal[i]);
}

TEST(any_fails_when_all_have_failed)
{
    struct deal deal[2] = {deal_new(), deal_new()};
    thrum_future *futures[] = {deal[0].future, deal[1].future};
    thrum_future *future = any(futures, 2);

    thrum_promise_set_exception(deal[0].promise, -EIO, "fails");
    assert_false(thrum_future_done(future));
    assert_true(thrum_future_cancel(deal[1].future));
    assert_int_equal(thrum_future_result(future, THRUM_NOW, NULL),
                     THRUM_EFAILED);
    thrum_future_unref(future);
    for (int i = 0; i < 2; i++)
        deal_end(&deal[i]);
}

TEST(any_of_none_is_refused)
{
    thrum_future *future = NULL;

    assert_int_equal(thrum_future_any(NULL, 0, &future), -EINVAL);
    assert_null(future);
}

TEST(cancelling_any_leaves_the_futures_alone)
{
    struct deal deal = deal_new();
    thrum_future *future = any(&deal.future, 1);

    assert_true(thrum_future_cancel(future));
    assert_false(thrum_future_done(deal.future));
    thrum_promise_set_result(deal.promise, &one);
    assert_true(thrum_future_cancelled(future));
    thrum_future_unref(future);
    deal_end(&deal);
}

TEST(F42_any_keeps_the_future_it_names)
{
    struct deal deal = deal_new();
    atomic_uint freed = 0;
    thrum_future *future = any(&deal.future, 1);

    thrum_promise_set_result_owned(deal.promise, &freed, count_free);
    deal_end(&deal);
    assert_int_equal(atomic_load(&freed), 0);
    thrum_future_unref(future);
    assert_int_equal(atomic_load(&freed), 1);
}

/* Dropped before anything has settled: nothing is left, nothing crashes. */
TEST(gathers_may_be_dropped_early)
{
    struct deal deal[2] = {deal_new(), deal_new()};
    thrum_future *futures[] = {deal[0].future, deal[1].future};

    thrum_future_unref(all(futures, 2));
    thrum_future_unref(any(futures, 2));
    thrum_promise_set_result(deal[0].promise, &one);
    thrum_promise_set_exception(deal[1].promise, -EIO, "fails");
    for (int i = 0; i < 2; i++)
        deal_end(&deal[i]);
}

/* ---- from many threads ---- */

static void *number_task(void *arg)
{
    return arg;
}

TEST(all_of_a_pool_s_tasks)
{
    for (unsigned round = test_scale(100); round > 0; round--) {
        enum {
            COUNT = 100
        };
        thrum_executor *pool = pool_of(2);
        thrum_future *futures[COUNT];
        thrum_future *every;
        thrum_future *some;
        void *result = NULL;

        for (uintptr_t i = 0; i < COUNT; i++)
            futures[i] = submit(pool, number_task, (void *)i);
        every = all(futures, COUNT);
        some = any(futures, COUNT);
        assert_int_equal(thrum_future_result(every, THRUM_FOREVER, &result), 0);
        for (uintptr_t i = 0; i < COUNT; i++)
            assert_ptr_equal(((void **)result)[i], (void *)i);
        assert_int_equal(thrum_future_result(some, THRUM_FOREVER, &result), 0);
        assert_true(thrum_future_done(result));
        thrum_future_unref(every);
        thrum_future_unref(some);
        executor_end(pool);
        for (int i = 0; i < COUNT; i++)
            thrum_future_unref(futures[i]);
    }
}

TEST_MAIN("then")
