/* SPDX-License-Identifier: MIT */
/*
 * test/api/wait_test.c - thrum_wait(): all, the first, the first error.
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include "futures.h"

#define WAIT(futures, n, mode, deadline) \
 thrum_wait((futures), (n), THRUM_##mode, (deadline))

/* ---- a wait in another thread ---- */

struct waiting {
    thrum_future *const *futures;
    size_t n;
    thrum_wait_mode mode;
    int rc;
    struct test_thread *thread;
};

static void *waiting_run(void *arg)
{
    struct waiting *waiting = arg;

    waiting->rc =
        thrum_wait(waiting->futures, waiting->n, waiting->mode, THRUM_FOREVER);
    return NULL;
}

static void waiting_start(struct waiting *waiting, thrum_future *const *futures,
                          size_t n, thrum_wait_mode mode)
{
    *waiting = (struct waiting){futures, n, mode, -1, NULL};
    waiting->thread = spawn_thread(waiting_run, waiting);
    thread_await_sleep(waiting->thread);
}

static int waiting_join(struct waiting *waiting)
{
    join_thread(waiting->thread);
    return waiting->rc;
}

/* ---- F28, F29 ---- */

TEST(F28_duplicates_count_once)
{
    struct deal pending = deal_new();
    thrum_future *value = future_with(NULL);
    thrum_future *futures[] = {value, pending.future, value, pending.future,
                               value};

    assert_int_equal(WAIT(futures, 5, ALL_COMPLETED, THRUM_NOW), 1);
    assert_int_equal(WAIT(futures, 5, FIRST_COMPLETED, THRUM_FOREVER), 1);
    thrum_promise_set_result(pending.promise, NULL);
    assert_int_equal(WAIT(futures, 5, ALL_COMPLETED, THRUM_FOREVER), 2);
    thrum_future_unref(value);
    deal_end(&pending);
}

/* Many of them, in an order that is not that of their addresses. */
TEST(F28_many_duplicates_count_once)
{
    enum {
        COUNT = 100
    };
    thrum_future *value[COUNT];
    thrum_future *futures[3 * COUNT];

    for (int i = 0; i < COUNT; i++)
        value[i] = future_with(NULL);
    for (int i = 0; i < 3 * COUNT; i++)
        futures[i] = value[i * 37 % COUNT];
    assert_int_equal(WAIT(futures, 3 * COUNT, ALL_COMPLETED, THRUM_FOREVER),
                     COUNT);
    assert_int_equal(WAIT(futures, 3 * COUNT, FIRST_COMPLETED, THRUM_NOW),
                     COUNT);
    for (int i = 0; i < COUNT; i++)
        thrum_future_unref(value[i]);
}

static void *null_task(void *arg)
{
    return NULL;
}

TEST(F29_futures_may_come_from_different_executors)
{
    struct gate gate = GATE_INIT;
    thrum_executor *a = pool_of(1);
    thrum_executor *b = pool_of(2);
    thrum_executor *here = inline_new();
    struct deal deal = deal_new();
    thrum_future *futures[] = {submit(a, gate_task, &gate),
                               submit(b, gate_task, &gate),
                               submit(here, null_task, NULL), deal.future};
    struct waiting waiting;

    assert_int_equal(WAIT(futures, 4, FIRST_COMPLETED, THRUM_FOREVER), 1);
    waiting_start(&waiting, futures, 4, THRUM_ALL_COMPLETED);
    gate_open(&gate);
    thrum_promise_set_result(deal.promise, NULL);
    assert_int_equal(waiting_join(&waiting), 4);
    for (int i = 0; i < 3; i++)
        thrum_future_unref(futures[i]);
    executor_end(a);
    executor_end(b);
    executor_end(here);
    deal_end(&deal);
}

/* ---- F30 to F32: the modes ---- */

TEST(F30_all_completed_waits_for_every_one)
{
    struct deal deal[3] = {deal_new(), deal_new(), deal_new()};
    thrum_future *futures[] = {deal[0].future, deal[1].future, deal[2].future};
    struct waiting waiting;

    waiting_start(&waiting, futures, 3, THRUM_ALL_COMPLETED);
    thrum_promise_set_result(deal[2].promise, NULL);
    thrum_promise_set_exception(deal[0].promise, -EIO, "fails");
    thread_await_sleep(waiting.thread);
    assert_int_equal(WAIT(futures, 3, ALL_COMPLETED, THRUM_NOW), 2);
    assert_true(thrum_future_cancel(deal[1].future));
    assert_int_equal(waiting_join(&waiting), 3);
    for (int i = 0; i < 3; i++)
        deal_end(&deal[i]);
}

/* An outcome of any kind ends it, while the others are pending. */
TEST(F31_first_completed_ends_with_any)
{
    for (int outcome = 0; outcome < 3; outcome++) {
        struct deal deal[3] = {deal_new(), deal_new(), deal_new()};
        thrum_future *futures[] = {deal[0].future, deal[1].future,
                                   deal[2].future};
        struct waiting waiting;

        waiting_start(&waiting, futures, 3, THRUM_FIRST_COMPLETED);
        if (outcome == 0)
            thrum_promise_set_result(deal[1].promise, NULL);
        else if (outcome == 1)
            thrum_promise_set_exception(deal[1].promise, -EIO, "fails");
        else
            assert_true(thrum_future_cancel(deal[1].future));
        assert_int_equal(waiting_join(&waiting), 1);
        for (int i = 0; i < 3; i++)
            deal_end(&deal[i]);
    }
}

TEST(F31_first_completed_returns_at_once_if_one_is)
{
    struct deal pending = deal_new();
    thrum_future *settled[] = {future_with(NULL), future_failed(-EIO),
                               future_cancelled()};

    for (int i = 0; i < 3; i++) {
        thrum_future *futures[] = {pending.future, settled[i]};

        assert_int_equal(WAIT(futures, 2, FIRST_COMPLETED, THRUM_FOREVER), 1);
        thrum_future_unref(settled[i]);
    }
    deal_end(&pending);
}

TEST(F32_first_exception_ends_with_an_error)
{
    struct deal deal[3] = {deal_new(), deal_new(), deal_new()};
    thrum_future *futures[] = {deal[0].future, deal[1].future, deal[2].future};
    struct waiting waiting;

    waiting_start(&waiting, futures, 3, THRUM_FIRST_EXCEPTION);
    thrum_promise_set_result(deal[0].promise, NULL);
    thread_await_sleep(waiting.thread);
    thrum_promise_set_exception(deal[1].promise, -EIO, "fails");
    assert_int_equal(waiting_join(&waiting), 2);
    /* one that failed already ends it at once */
    assert_int_equal(WAIT(futures, 3, FIRST_EXCEPTION, THRUM_FOREVER), 2);
    for (int i = 0; i < 3; i++)
        deal_end(&deal[i]);
}

TEST(F32_a_cancellation_is_no_exception)
{
    struct deal pending = deal_new();
    thrum_future *cancelled = future_cancelled();
    thrum_future *futures[] = {cancelled, pending.future};
    struct waiting waiting;

    assert_int_equal(WAIT(futures, 2, FIRST_EXCEPTION, THRUM_NOW), 1);
    assert_int_equal(WAIT(futures, 2, FIRST_EXCEPTION, thrum_in_ms(2)), 1);
    /* when none raises it waits for all of them */
    waiting_start(&waiting, futures, 2, THRUM_FIRST_EXCEPTION);
    assert_true(thrum_future_cancel(pending.future));
    assert_int_equal(waiting_join(&waiting), 2);
    thrum_future_unref(cancelled);
    deal_end(&pending);
}

TEST(F32_without_an_exception_it_waits_for_all)
{
    struct deal deal[2] = {deal_new(), deal_new()};
    thrum_future *futures[] = {deal[0].future, deal[1].future};
    struct waiting waiting;

    waiting_start(&waiting, futures, 2, THRUM_FIRST_EXCEPTION);
    thrum_promise_set_result(deal[0].promise, NULL);
    thrum_promise_set_result(deal[1].promise, NULL);
    assert_int_equal(waiting_join(&waiting), 2);
    assert_int_equal(WAIT(futures, 2, FIRST_EXCEPTION, THRUM_FOREVER), 2);
    for (int i = 0; i < 2; i++)
        deal_end(&deal[i]);
}

/* ---- F33 to F35 ---- */

TEST(F33_a_deadline_is_no_error)
{
    struct deal pending = deal_new();
    thrum_future *value = future_with(NULL);
    thrum_future *futures[] = {pending.future, value};
    const thrum_time deadlines[] = {THRUM_NOW, thrum_in_ms(-1), thrum_in_ms(2)};

    for (int i = 0; i < 3; i++) {
        assert_int_equal(WAIT(futures, 2, ALL_COMPLETED, deadlines[i]), 1);
        assert_int_equal(WAIT(futures, 2, FIRST_EXCEPTION, deadlines[i]), 1);
        assert_int_equal(WAIT(futures, 1, FIRST_COMPLETED, deadlines[i]), 0);
    }
    thrum_future_unref(value);
    deal_end(&pending);
}

TEST(F34_a_wait_for_none_is_over)
{
    thrum_future *none[] = {NULL};

    assert_int_equal(WAIT(NULL, 0, ALL_COMPLETED, THRUM_FOREVER), 0);
    assert_int_equal(WAIT(NULL, 0, FIRST_COMPLETED, THRUM_FOREVER), 0);
    assert_int_equal(WAIT(none, 0, FIRST_EXCEPTION, THRUM_FOREVER), 0);
}

/* Refused by their number alone: the array is not looked at. */
TEST(more_futures_than_can_be_counted_are_refused)
{
    const size_t most = (size_t)INT_MAX;
    const size_t counts[] = {most + 1, SIZE_MAX / 2 + 2, SIZE_MAX};
    thrum_future *one = future_with(NULL);
    thrum_future_set *set = NULL;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(WAIT(&one, counts[i], ALL_COMPLETED, THRUM_NOW),
                         -EINVAL);
        assert_int_equal(thrum_as_completed(&one, counts[i], &set), -EINVAL);
    }
    assert_null(set);
    thrum_future_unref(one);
}

TEST(F35_the_mode_is_checked_first)
{
    struct deal pending = deal_new();
    thrum_future *value = future_with(NULL);
    const int bad[] = {0, -1, 4, 1000};

    for (int i = 0; i < 4; i++) {
        thrum_wait_mode mode = (thrum_wait_mode)bad[i];

        assert_int_equal(thrum_wait(NULL, 0, mode, THRUM_NOW), -EINVAL);
        assert_int_equal(thrum_wait(&value, 1, mode, THRUM_NOW), -EINVAL);
        assert_int_equal(thrum_wait(&pending.future, 1, mode, THRUM_FOREVER),
                         -EINVAL);
    }
    thrum_future_unref(value);
    deal_end(&pending);
}

/* ---- F36: one cancelled state ---- */

/* The promise's owner was never told, no worker has come to it. */
TEST(F36_a_cancellation_is_visible_at_once)
{
    struct deal deal[2] = {deal_new(), deal_new()};
    thrum_future *futures[] = {deal[0].future, deal[1].future};
    struct waiting first;
    struct waiting all;

    waiting_start(&first, futures, 2, THRUM_FIRST_COMPLETED);
    waiting_start(&all, futures, 2, THRUM_ALL_COMPLETED);
    assert_true(thrum_future_cancel(deal[0].future));
    assert_int_equal(waiting_join(&first), 1);
    assert_true(thrum_future_cancel(deal[1].future));
    assert_int_equal(waiting_join(&all), 2);
    for (int i = 0; i < 2; i++)
        deal_end(&deal[i]);
}

TEST(F36_a_queued_task_that_is_cancelled_is_done)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = pool_of(1);
    thrum_future *futures[] = {submit(pool, gate_task, &gate),
                               submit(pool, gate_task, &gate)};

    assert_true(thrum_future_cancel(futures[1]));
    assert_int_equal(WAIT(futures, 2, FIRST_COMPLETED, THRUM_FOREVER), 1);
    assert_int_equal(WAIT(&futures[1], 1, ALL_COMPLETED, THRUM_FOREVER), 1);
    gate_open(&gate);
    executor_end(pool);
    thrum_future_unref(futures[0]);
    thrum_future_unref(futures[1]);
}

/* ---- F37: nothing stays behind ---- */

TEST(F37_waits_that_time_out_leave_nothing)
{
    struct deal deal[3] = {deal_new(), deal_new(), deal_new()};
    thrum_future *futures[] = {deal[0].future, deal[1].future, deal[2].future};
    size_t before = test_live_blocks();

    for (unsigned i = test_scale(2000); i > 0; i--) {
        thrum_time soon = thrum_in_us(1);

        assert_int_equal(WAIT(futures, 3, FIRST_COMPLETED, soon), 0);
        assert_int_equal(WAIT(futures, 3, FIRST_EXCEPTION, soon), 0);
        assert_int_equal(WAIT(futures, 3, ALL_COMPLETED, soon), 0);
        assert_int_equal(thrum_future_result(futures[0], soon, NULL),
                         -ETIMEDOUT);
    }
    assert_int_equal(test_live_blocks(), before);
    /* a waiter left on a list would be a pointer into a stack that is gone */
    for (int i = 0; i < 3; i++)
        thrum_promise_set_result(deal[i].promise, NULL);
    assert_int_equal(WAIT(futures, 3, ALL_COMPLETED, THRUM_NOW), 3);
    for (int i = 0; i < 3; i++)
        deal_end(&deal[i]);
}

TEST(F37_a_wait_that_ends_leaves_the_others_alone)
{
    struct deal deal[2] = {deal_new(), deal_new()};
    thrum_future *futures[] = {deal[0].future, deal[1].future};

    thrum_promise_set_result(deal[0].promise, NULL);
    for (unsigned i = test_scale(1000); i > 0; i--)
        assert_int_equal(WAIT(futures, 2, FIRST_COMPLETED, THRUM_FOREVER), 1);
    thrum_promise_set_result(deal[1].promise, NULL);
    for (int i = 0; i < 2; i++)
        deal_end(&deal[i]);
}

struct crowd {
    thrum_future **futures;
    size_t n;
    struct latch *start;
};

static void *crowd_run(void *arg)
{
    struct crowd *crowd = arg;
    int done;

    latch_down(crowd->start);
    do {
        done = WAIT(crowd->futures, crowd->n, ALL_COMPLETED, thrum_in_us(50));
        CHECK(done >= 0);
    } while (done < (int)crowd->n);
    CHECK_INT(WAIT(crowd->futures, crowd->n, FIRST_COMPLETED, THRUM_NOW),
              (long)crowd->n);
    return NULL;
}

static void *crowd_run_first(void *arg)
{
    struct crowd *crowd = arg;
    size_t left = crowd->n;

    latch_down(crowd->start);
    while (left > 0) { /* those from `left` on have settled */
        CHECK(WAIT(crowd->futures, left, FIRST_COMPLETED, THRUM_FOREVER) > 0);
        if (thrum_future_done(crowd->futures[left - 1]))
            left--;
    }
    return NULL;
}

/* Many wait for the same futures while those settle; no count is lost. */
TEST(F37_many_wait_for_the_same_futures)
{
    enum {
        COUNT = 64,
        THREADS = 6
    };

    for (unsigned round = test_scale(50); round > 0; round--) {
        struct deal deal[COUNT];
        thrum_future *futures[COUNT];
        struct latch start = LATCH_INIT(THREADS);
        struct crowd crowd = {futures, COUNT, &start};
        struct test_thread *threads[THREADS];

        for (int i = 0; i < COUNT; i++) {
            deal[i] = deal_new();
            futures[i] = deal[i].future;
        }
        for (int i = 0; i < THREADS; i++)
            threads[i] =
                spawn_thread(i % 2 == 0 ? crowd_run : crowd_run_first, &crowd);
        latch_wait(&start);
        for (int i = 0; i < COUNT; i++)
            if (i % 3 == 0)
                assert_true(thrum_future_cancel(futures[i]));
            else
                thrum_promise_set_result(deal[i].promise, NULL);
        for (int i = 0; i < THREADS; i++)
            join_thread(threads[i]);
        for (int i = 0; i < COUNT; i++)
            deal_end(&deal[i]);
    }
}

TEST_MAIN("wait")
