/* SPDX-License-Identifier: MIT */
/*
 * test/api/cancel_test.c - asking a task to stop, and the race for a future
 * between those who cancel it and those who run it.
 */
#include <errno.h>

#include "futures.h"

struct asked {
    struct gate go_on;
    void *value;       /* what the task returns */
    int raises;        /* or this code, when it is not 0 */
    bool looks;        /* whether it asks thrum_cancelled() */
    bool told;         /* what it was told */
    bool told_at_once; /* the same before anybody can have asked */
    atomic_bool looked_at_once;
};

static void *asked_task(void *arg)
{
    struct asked *asked = arg;

    asked->told_at_once = thrum_cancelled();
    atomic_store(&asked->looked_at_once, true);
    gate_wait(&asked->go_on);
    if (asked->looks)
        asked->told = thrum_cancelled();
    if (asked->raises != 0)
        return thrum_raise(asked->raises, "stops");
    return asked->value;
}

/* Runs it, asks it to stop while it runs, and lets it go on. */
static thrum_future *asked_run(struct asked *asked)
{
    thrum_executor *pool = pool_of(1);
    thrum_future *future = submit(pool, asked_task, asked);

    WAIT_UNTIL(atomic_load(&asked->looked_at_once));
    assert_int_equal(thrum_future_request_cancel(future), 0);
    assert_false(thrum_future_done(future));
    gate_open(&asked->go_on);
    executor_end(pool);
    return future;
}

TEST(request_cancel_of_a_pending_one_cancels)
{
    struct deal deal = deal_new();

    assert_int_equal(thrum_future_request_cancel(deal.future), 0);
    assert_true(thrum_future_cancelled(deal.future));
    assert_true(thrum_promise_cancel_requested(deal.promise));
    deal_end(&deal);
}

TEST(request_cancel_tells_the_task)
{
    struct asked asked = {.go_on = GATE_INIT, .looks = true};
    thrum_future *future = asked_run(&asked);

    assert_true(asked.told);
    assert_false(asked.told_at_once);
    assert_int_equal(thrum_future_result(future, THRUM_NOW, NULL),
                     THRUM_ECANCELLED);
    assert_true(thrum_future_cancelled(future));
    thrum_future_unref(future);
}

TEST(a_value_stands_after_request_cancel)
{
    struct asked asked = {.go_on = GATE_INIT, .looks = true};
    thrum_future *future;
    void *result = NULL;

    asked.value = &asked;
    future = asked_run(&asked);
    assert_true(asked.told);
    assert_int_equal(thrum_future_result(future, THRUM_NOW, &result), 0);
    assert_ptr_equal(result, &asked);
    thrum_future_unref(future);
}

TEST(an_error_stands_after_request_cancel)
{
    struct asked asked = {.go_on = GATE_INIT, .looks = true, .raises = -EINTR};
    thrum_future *future = asked_run(&asked);

    assert_int_equal(thrum_future_result(future, THRUM_NOW, NULL),
                     THRUM_EFAILED);
    assert_int_equal(error_code_of(future), -EINTR);
    thrum_future_unref(future);
}

/* One that never looks was not told, so its NULL is a value. */
TEST(null_is_a_value_for_one_that_was_not_told)
{
    struct asked asked = {.go_on = GATE_INIT, .looks = false};
    thrum_future *future = asked_run(&asked);
    void *result = &asked;

    assert_int_equal(thrum_future_result(future, THRUM_NOW, &result), 0);
    assert_null(result);
    thrum_future_unref(future);
}

TEST(request_cancel_of_a_settled_one_changes_nothing)
{
    thrum_future *failed = future_failed(-EIO);

    assert_int_equal(thrum_future_request_cancel(failed), 0);
    assert_int_equal(error_code_of(failed), -EIO);
    thrum_future_unref(failed);
}

TEST(a_promise_sees_the_request)
{
    struct deal deal = deal_new();

    deal_start(&deal);
    assert_false(thrum_promise_cancel_requested(deal.promise));
    assert_int_equal(thrum_future_request_cancel(deal.future), 0);
    assert_true(thrum_promise_cancel_requested(deal.promise));
    assert_true(thrum_future_running(deal.future));
    deal_end(&deal);
}

TEST(nobody_is_cancelled_outside_of_a_body)
{
    assert_false(thrum_cancelled());
}

TEST(kill_cancels_a_pending_one)
{
    struct deal deal = deal_new();

    assert_int_equal(thrum_future_kill(deal.future, THRUM_FOREVER), 0);
    assert_true(thrum_future_cancelled(deal.future));
    assert_int_equal(thrum_future_kill(deal.future, THRUM_NOW), 0);
    deal_end(&deal);
}

TEST(kill_of_a_settled_one_is_done)
{
    thrum_future *value = future_with(NULL);

    assert_int_equal(thrum_future_kill(value, THRUM_NOW), 0);
    assert_int_equal(thrum_future_result(value, THRUM_NOW, NULL), 0);
    thrum_future_unref(value);
}

TEST(kill_of_a_running_thread_task_is_not_supported)
{
    TEST_OF_THREADS;
    struct asked asked = {.go_on = GATE_INIT, .looks = true};
    thrum_executor *pool = pool_of(1);
    thrum_future *future = submit(pool, asked_task, &asked);

    WAIT_UNTIL(thrum_future_running(future));
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), -ENOTSUP);
    assert_true(thrum_future_running(future));
    gate_open(&asked.go_on);
    executor_end(pool);
    assert_false(asked.told); /* nothing was done */
    thrum_future_unref(future);
}

/* ---- the race ---- */

struct race {
    thrum_future **futures;
    unsigned count;
    struct latch *start;
    unsigned cancelled; /* how many cancels were true here */
};

static void *race_cancel(void *arg)
{
    struct race *race = arg;

    latch_down(race->start);
    latch_wait(race->start);
    for (unsigned i = 0; i < race->count; i++)
        race->cancelled += thrum_future_cancel(race->futures[i]);
    return NULL;
}

static void *count_task(void *arg)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
    return NULL;
}

/* F5, F6: each future is either run or cancelled, and both cancellers, the
 * pool and those who look afterwards agree on it. */
TEST(F5_a_cancel_races_with_the_start)
{
    enum {
        COUNT = 2000
    };
    thrum_future *futures[COUNT];
    atomic_uint ran = 0;
    thrum_executor *pool = pool_of(2);
    struct latch start = LATCH_INIT(2);
    struct race a = {futures, COUNT, &start, 0};
    struct race b = {futures, COUNT, &start, 0};
    struct test_thread *threads[2];
    unsigned cancelled = 0;

    for (unsigned i = 0; i < COUNT; i++)
        futures[i] = submit(pool, count_task, &ran);
    threads[0] = spawn_thread(race_cancel, &a);
    threads[1] = spawn_thread(race_cancel, &b);
    join_thread(threads[0]);
    join_thread(threads[1]);
    executor_end(pool);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_true(thrum_future_done(futures[i]));
        cancelled += thrum_future_cancelled(futures[i]);
        thrum_future_unref(futures[i]);
    }
    assert_int_equal(a.cancelled, cancelled);
    assert_int_equal(b.cancelled, cancelled);
    assert_int_equal(atomic_load(&ran) + cancelled, COUNT);
}

TEST_MAIN("cancel")
