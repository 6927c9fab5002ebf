/* SPDX-License-Identifier: MIT */
/*
 * test/support/futures.h - futures in every state, and pools, for tests.
 *
 * They assert that making them succeeds, so: on the test's own thread only.
 */
#ifndef TEST_FUTURES_H
#define TEST_FUTURES_H

#include <thrum.h>

#include "thrum_test.h"

/* A future and the side that settles it. */
struct deal {
    thrum_promise *promise;
    thrum_future *future;
};

static inline struct deal deal_new(void)
{
    struct deal deal = {NULL, NULL};

    assert_int_equal(thrum_promise_new(&deal.promise, &deal.future), 0);
    return deal;
}

static inline void deal_start(struct deal *deal)
{
    assert_true(thrum_promise_set_running_or_notify_cancel(deal->promise));
}

static inline void deal_end(struct deal *deal)
{
    thrum_promise_free(deal->promise);
    thrum_future_unref(deal->future);
}

/* Futures that have settled: with a value, an error, or cancelled. */
static inline thrum_future *future_with(void *value)
{
    struct deal deal = deal_new();

    assert_int_equal(thrum_promise_set_result(deal.promise, value), 0);
    thrum_promise_free(deal.promise);
    return deal.future;
}

static inline thrum_future *future_failed(int code)
{
    struct deal deal = deal_new();

    assert_int_equal(
        thrum_promise_set_exception(deal.promise, code, "made to fail"), 0);
    thrum_promise_free(deal.promise);
    return deal.future;
}

static inline thrum_future *future_cancelled(void)
{
    struct deal deal = deal_new();

    assert_true(thrum_future_cancel(deal.future));
    thrum_promise_free(deal.promise);
    return deal.future;
}

static inline thrum_executor *pool_of(int workers)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool = NULL;

    options.max_workers = workers;
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    return pool;
}

static inline thrum_executor *inline_new(void)
{
    thrum_executor *executor = NULL;

    assert_int_equal(thrum_inline_new(&executor), 0);
    return executor;
}

/* Ends an executor and lets it go. */
static inline void executor_end(thrum_executor *executor)
{
    assert_int_equal(
        thrum_executor_shutdown(executor, THRUM_WAIT, THRUM_FOREVER), 0);
    thrum_executor_unref(executor);
}

static inline thrum_future *submit(thrum_executor *executor, thrum_fn *fn,
                                   void *arg)
{
    thrum_future *future = NULL;

    assert_int_equal(thrum_executor_submit(executor, fn, arg, 0, &future), 0);
    return future;
}

/* The code of the error that the future failed with; 0 without one. */
static inline int error_code_of(thrum_future *future)
{
    const thrum_error *error = NULL;

    if (!CHECK_INT(thrum_future_exception(future, THRUM_NOW, &error), 0) ||
        error == NULL)
        return 0;
    return error->code;
}

#endif /* TEST_FUTURES_H */
