/* SPDX-License-Identifier: MIT */
/*
 * test/api/as_completed_test.c - each future once, as it settles.
 */
#include <errno.h>
#include <stdlib.h>

#include "futures.h"

static thrum_future_set *as_completed(thrum_future *const *futures, size_t n)
{
    thrum_future_set *set = NULL;

    assert_int_equal(thrum_as_completed(futures, n, &set), 0);
    return set;
}

/* The next one; it is in the caller's hands too, so no reference is kept. */
static thrum_future *next_of(thrum_future_set *set, thrum_time deadline)
{
    thrum_future *future = NULL;

    assert_int_equal(thrum_future_set_next(set, deadline, &future), 0);
    thrum_future_unref(future);
    return future;
}

static void assert_at_end(thrum_future_set *set)
{
    thrum_future *future = NULL;

    assert_int_equal(thrum_future_set_next(set, THRUM_FOREVER, &future),
                     THRUM_ESTOP);
    assert_int_equal(thrum_future_set_next(set, THRUM_NOW, &future),
                     THRUM_ESTOP);
    assert_null(future);
    assert_int_equal(thrum_future_set_size(set), 0);
}

TEST(F39_each_future_comes_once)
{
    thrum_future *value = future_with(NULL);
    thrum_future *failed = future_failed(-EIO);
    thrum_future *cancelled = future_cancelled();
    struct deal deal = deal_new();
    thrum_future *futures[] = {value,  deal.future, failed,      value,
                               failed, cancelled,   deal.future, value};
    thrum_future_set *set = as_completed(futures, 8);
    unsigned seen = 0;

    assert_int_equal(thrum_future_set_size(set), 4);
    thrum_promise_set_result(deal.promise, NULL);
    for (int i = 0; i < 4; i++) {
        thrum_future *future = next_of(set, THRUM_FOREVER);

        seen |= future == value ? 1 : 0;
        seen |= future == failed ? 2 : 0;
        seen |= future == cancelled ? 4 : 0;
        seen |= future == deal.future ? 8 : 0;
    }
    assert_int_equal(seen, 15);
    assert_at_end(set);
    thrum_future_set_free(set);
    thrum_future_unref(value);
    thrum_future_unref(failed);
    thrum_future_unref(cancelled);
    deal_end(&deal);
}

TEST(F40_done_ones_first_then_in_the_order_of_settling)
{
    enum {
        COUNT = 20
    };
    struct deal deal[COUNT];
    thrum_future *futures[COUNT];
    thrum_future_set *set;

    for (int i = 0; i < COUNT; i++) {
        deal[i] = deal_new();
        futures[i] = deal[i].future;
    }
    thrum_promise_set_result(deal[COUNT - 1].promise, NULL);
    set = as_completed(futures, COUNT);
    /* 0, 7, 14, 1, 8, ...: every one but the last, which has settled */
    for (int i = 0; i < COUNT; i++)
        thrum_promise_set_result(deal[i * 7 % COUNT].promise, NULL);
    assert_ptr_equal(next_of(set, THRUM_FOREVER), futures[COUNT - 1]);
    for (int i = 0; i < COUNT; i++)
        if (i * 7 % COUNT != COUNT - 1)
            assert_ptr_equal(next_of(set, THRUM_FOREVER),
                             futures[i * 7 % COUNT]);
    assert_at_end(set);
    thrum_future_set_free(set);
    for (int i = 0; i < COUNT; i++)
        deal_end(&deal[i]);
}

TEST(F41_done_ones_come_also_past_the_deadline)
{
    struct deal deal = deal_new();
    thrum_future *value = future_with(NULL);
    thrum_future *failed = future_failed(-EIO);
    thrum_future *futures[] = {deal.future, value, failed};
    thrum_future_set *set = as_completed(futures, 3);
    thrum_future *future = NULL;

    assert_ptr_equal(next_of(set, THRUM_NOW), value);
    assert_ptr_equal(next_of(set, thrum_in_ms(-1)), failed);
    assert_int_equal(thrum_future_set_next(set, THRUM_NOW, &future),
                     -ETIMEDOUT);
    /* one deadline for all, which counts from the call */
    for (int i = 0; i < 3; i++)
        assert_int_equal(thrum_future_set_next(set, thrum_in_ms(1), &future),
                         -ETIMEDOUT);
    assert_null(future);
    assert_int_equal(thrum_future_set_size(set), 1); /* how many unfinished */
    thrum_promise_set_result(deal.promise, NULL);
    assert_ptr_equal(next_of(set, THRUM_NOW), deal.future);
    assert_at_end(set);
    thrum_future_set_free(set);
    thrum_future_unref(value);
    thrum_future_unref(failed);
    deal_end(&deal);
}

static void count_free(void *arg)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
}

static void *owned_task(void *arg)
{
    return thrum_return_owned(arg, count_free);
}

/* F42: the result goes with the caller's reference, while the set lives. */
TEST(F42_a_future_that_was_given_back_is_not_kept)
{
    enum {
        COUNT = 50
    };
    thrum_executor *pool = pool_of(2);
    thrum_future *futures[COUNT];
    thrum_future_set *set;
    atomic_uint freed = 0;

    for (int i = 0; i < COUNT; i++)
        futures[i] = submit(pool, owned_task, &freed);
    set = as_completed(futures, COUNT);
    for (int i = 0; i < COUNT; i++)
        thrum_future_unref(futures[i]);
    executor_end(pool);
    assert_int_equal(atomic_load(&freed), 0);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(atomic_load(&freed), i);
        next_of(set, THRUM_FOREVER); /* drops the last reference */
        assert_int_equal(atomic_load(&freed), i + 1);
    }
    assert_at_end(set);
    thrum_future_set_free(set);
}

/* F43: what a shutdown cancels comes at once, whatever the worker does. */
TEST(F43_what_a_shutdown_cancels_comes)
{
    enum {
        COUNT = 10
    };
    struct gate gate = GATE_INIT;
    thrum_executor *pool = pool_of(1);
    thrum_future *futures[COUNT];
    thrum_future_set *set;

    for (int i = 0; i < COUNT; i++)
        futures[i] = submit(pool, gate_task, &gate);
    WAIT_UNTIL(thrum_future_running(futures[0]));
    set = as_completed(futures, COUNT);
    assert_int_equal(
        thrum_executor_shutdown(pool, THRUM_CANCEL_FUTURES, THRUM_NOW), 0);
    for (int i = 1; i < COUNT; i++)
        assert_true(thrum_future_cancelled(next_of(set, THRUM_FOREVER)));
    gate_open(&gate);
    assert_ptr_equal(next_of(set, THRUM_FOREVER), futures[0]);
    assert_at_end(set);
    thrum_future_set_free(set);
    executor_end(pool);
    for (int i = 0; i < COUNT; i++)
        thrum_future_unref(futures[i]);
}

TEST(F44_of_none_it_ends_at_once)
{
    thrum_future_set *set = as_completed(NULL, 0);

    assert_at_end(set);
    thrum_future_set_free(set);
}

/* ---- many ---- */

static void *settle_backwards(void *arg)
{
    struct deal *deals = arg;
    unsigned n = 0;

    while (deals[n].promise != NULL)
        n++;
    while (n-- > 0)
        CHECK_INT(thrum_promise_set_result(deals[n].promise, NULL), 0);
    return NULL;
}

/* F38: each next is O(1). With anything worse this test would not end. */
TEST(F38_two_hundred_thousand_futures)
{
    unsigned count = test_scale(200000);
    struct deal *deals = calloc(count + 1, sizeof(*deals));
    thrum_future **futures = calloc(count, sizeof(thrum_future *));
    struct test_thread *settler;
    thrum_future_set *set;

    for (unsigned i = 0; i < count; i++) {
        deals[i] = deal_new();
        futures[i] = deals[i].future;
    }
    set = as_completed(futures, count);
    assert_int_equal(thrum_future_set_size(set), count);
    settler = spawn_thread(settle_backwards, deals);
    for (unsigned i = count; i-- > 0;)
        assert_ptr_equal(next_of(set, THRUM_FOREVER), futures[i]);
    assert_at_end(set);
    join_thread(settler);
    thrum_future_set_free(set);
    for (unsigned i = 0; i < count; i++)
        deal_end(&deals[i]);
    free(futures);
    free(deals);
}

static void *number_task(void *arg)
{
    return arg;
}

TEST(F39_a_pool_with_many_tasks)
{
    unsigned count = test_scale(20000);
    thrum_executor *pool = pool_of(2);
    thrum_future **futures = calloc(count, sizeof(thrum_future *));
    uint64_t sum = 0;
    thrum_future_set *set;

    for (uintptr_t i = 0; i < count; i++)
        futures[i] = submit(pool, number_task, (void *)i);
    set = as_completed(futures, count);
    for (unsigned i = 0; i < count; i++) {
        thrum_future *future = next_of(set, THRUM_FOREVER);
        void *number = NULL;

        assert_int_equal(thrum_future_result(future, THRUM_NOW, &number), 0);
        sum += (uintptr_t)number;
    }
    assert_int_equal(sum, (uint64_t)count * (count - 1) / 2);
    assert_at_end(set);
    thrum_future_set_free(set);
    executor_end(pool);
    for (unsigned i = 0; i < count; i++)
        thrum_future_unref(futures[i]);
    free(futures);
}

TEST_MAIN("as_completed")
