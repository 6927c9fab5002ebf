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

/* Tests of what all pools do are compiled twice, see test/api/meson.build: the
 * second time their pools are green ones, of as many threads and tasks at once
 * as a thread pool would have workers. */
#ifdef TEST_GREEN_POOL
# define TEST_GREEN 1
#else
# define TEST_GREEN 0
#endif

/* For the tests of what only the thread pool does. */
#define TEST_OF_THREADS                            \
 do {                                              \
  if (TEST_GREEN)                                  \
   TEST_SKIP("it is about the thread pool alone"); \
 } while (0)

static inline int green_pool_as(const thrum_thread_pool_options *threads,
                                thrum_executor **ret)
{
    thrum_green_pool_options options = THRUM_GREEN_POOL_OPTIONS;

    options.threads = threads->max_workers != 0 ? threads->max_workers
                                                : thrum_default_workers();
    options.limit = options.threads;
    options.name_prefix = threads->name_prefix;
    options.queue_limit = threads->queue_limit;
    options.queue_policy = threads->queue_policy;
    options.block_ns = threads->block_ns;
    options.stats_every = threads->stats_every;
    options.block_signals = threads->block_signals;
    return thrum_green_pool_new(&options, ret);
}

static inline int pool_new(const thrum_thread_pool_options *options,
                           thrum_executor **ret)
{
    return TEST_GREEN ? green_pool_as(options, ret)
                      : thrum_thread_pool_new(options, ret);
}

static inline thrum_executor *pool_of(int workers)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool = NULL;

    options.max_workers = workers;
    assert_int_equal(pool_new(&options, &pool), 0);
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
