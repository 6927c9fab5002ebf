/* SPDX-License-Identifier: MIT */
/*
 * test/api/future_test.c - the states of a future, and waiting for one.
 *
 * F1, F17 and F18 are notes in the rules; F17's point, that a wait goes on
 * after an interruption, is tested all the same.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "futures.h"

static int answer = 42;

/* ---- F2 to F5: the states ---- */

static void assert_state(thrum_future *future, bool running, bool done,
                         bool cancelled)
{
    assert_int_equal(thrum_future_running(future), running);
    assert_int_equal(thrum_future_done(future), done);
    assert_int_equal(thrum_future_cancelled(future), cancelled);
}

/* F1 to F4: what the three questions say in each state. */
TEST(F2_done_when_settled_only)
{
    struct deal deal = deal_new();
    thrum_future *value = future_with(&answer);
    thrum_future *failed = future_failed(-EIO);
    thrum_future *cancelled = future_cancelled();

    assert_state(deal.future, false, false, false);
    deal_start(&deal);
    assert_state(deal.future, true, false, false);
    assert_state(value, false, true, false);
    assert_state(failed, false, true, false);
    assert_state(cancelled, false, true, true);
    thrum_future_unref(value);
    thrum_future_unref(failed);
    thrum_future_unref(cancelled);
    deal_end(&deal);
}

TEST(F3_running_while_the_task_runs_only)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = pool_of(1);
    thrum_future *first = submit(pool, gate_task, &gate);
    thrum_future *second = submit(pool, gate_task, &gate);

    WAIT_UNTIL(thrum_future_running(first));
    assert_state(first, true, false, false);
    assert_state(second, false, false, false); /* queued: not running */
    gate_open(&gate);
    executor_end(pool);
    assert_state(first, false, true, false);
    assert_state(second, false, true, false);
    thrum_future_unref(first);
    thrum_future_unref(second);
}

TEST(F4_cancelled_after_a_cancel_only)
{
    struct deal deal = deal_new();

    assert_true(thrum_future_cancel(deal.future));
    assert_state(deal.future, false, true, true);
    /* also once the promise's owner has been told */
    assert_false(thrum_promise_set_running_or_notify_cancel(deal.promise));
    assert_state(deal.future, false, true, true);
    deal_end(&deal);
}

TEST(F5_cancel_of_a_pending_future_is_true_and_idempotent)
{
    struct deal deal = deal_new();

    assert_true(thrum_future_cancel(deal.future));
    assert_true(thrum_future_cancel(deal.future));
    assert_false(thrum_promise_set_running_or_notify_cancel(deal.promise));
    assert_true(thrum_future_cancel(deal.future));
    assert_state(deal.future, false, true, true);
    deal_end(&deal);
}

TEST(F5_cancel_of_a_running_or_finished_future_is_false)
{
    struct deal deal = deal_new();
    thrum_future *value = future_with(&answer);
    thrum_future *failed = future_failed(-EIO);
    void *result = NULL;

    deal_start(&deal);
    assert_false(thrum_future_cancel(deal.future));
    assert_state(deal.future, true, false, false);
    assert_false(thrum_future_cancel(value));
    assert_int_equal(thrum_future_result(value, THRUM_NOW, &result), 0);
    assert_ptr_equal(result, &answer);
    assert_false(thrum_future_cancel(failed));
    assert_int_equal(error_code_of(failed), -EIO);
    thrum_future_unref(value);
    thrum_future_unref(failed);
    deal_end(&deal);
}

static void *count_task(void *arg)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
    return NULL;
}

TEST(F5_a_cancelled_task_never_runs)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = pool_of(1);
    thrum_future *first = submit(pool, gate_task, &gate);
    atomic_uint ran = 0;
    thrum_future *second = submit(pool, count_task, &ran);

    assert_true(thrum_future_cancel(second));
    gate_open(&gate);
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), 0);
    assert_true(thrum_future_cancelled(second));
    thrum_future_unref(first);
    thrum_future_unref(second);
}

/* ---- F6, F9 to F11: waiting ---- */

struct waiting {
    thrum_future *future;
    thrum_time deadline;
    bool for_error;
    int rc;
    void *result;
    const thrum_error *error;
    struct test_thread *thread;
};

static void *waiting_run(void *arg)
{
    struct waiting *waiting = arg;

    if (waiting->for_error)
        waiting->rc = thrum_future_exception(waiting->future, waiting->deadline,
                                             &waiting->error);
    else
        waiting->rc = thrum_future_result(waiting->future, waiting->deadline,
                                          &waiting->result);
    return NULL;
}

#define WAITERS 8

/* Half of them wait for the result, half for the error; all are asleep. */
static void waiting_start(struct waiting *all, thrum_future *future)
{
    for (int i = 0; i < WAITERS; i++) {
        all[i] = (struct waiting){future, THRUM_FOREVER, i % 2 != 0, 1,
                                  NULL,   NULL,          NULL};
        all[i].thread = spawn_thread(waiting_run, &all[i]);
    }
    for (int i = 0; i < WAITERS; i++)
        thread_await_sleep(all[i].thread);
}

static void waiting_join(struct waiting *all)
{
    for (int i = 0; i < WAITERS; i++)
        join_thread(all[i].thread);
}

TEST(F6_cancel_wakes_all_who_wait)
{
    struct deal deal = deal_new();
    struct waiting all[WAITERS];

    waiting_start(all, deal.future);
    assert_true(thrum_future_cancel(deal.future));
    waiting_join(all);
    for (int i = 0; i < WAITERS; i++)
        assert_int_equal(all[i].rc, THRUM_ECANCELLED);
    deal_end(&deal);
}

TEST(F9_a_value_wakes_all_who_wait)
{
    struct deal deal = deal_new();
    struct waiting all[WAITERS];

    waiting_start(all, deal.future);
    assert_int_equal(thrum_promise_set_result(deal.promise, &answer), 0);
    waiting_join(all);
    for (int i = 0; i < WAITERS; i++) {
        assert_int_equal(all[i].rc, 0);
        assert_ptr_equal(all[i].result, all[i].for_error ? NULL : &answer);
        assert_null(all[i].error);
    }
    deal_end(&deal);
}

TEST(F9_result_tells_what_came_of_it)
{
    struct deal deal = deal_new();
    thrum_future *value = future_with(&answer);
    thrum_future *failed = future_failed(-EIO);
    thrum_future *cancelled = future_cancelled();
    void *result = &deal;

    /* a deadline that is past polls, and settled ones answer all the same */
    assert_int_equal(thrum_future_result(deal.future, THRUM_NOW, &result),
                     -ETIMEDOUT);
    assert_int_equal(thrum_future_result(failed, THRUM_NOW, &result),
                     THRUM_EFAILED);
    assert_int_equal(thrum_future_result(cancelled, THRUM_NOW, &result),
                     THRUM_ECANCELLED);
    assert_ptr_equal(result, &deal); /* written only on success */
    assert_int_equal(thrum_future_result(value, THRUM_NOW, &result), 0);
    assert_ptr_equal(result, &answer);
    assert_int_equal(thrum_future_result(value, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(value);
    thrum_future_unref(failed);
    thrum_future_unref(cancelled);
    deal_end(&deal);
}

TEST(F9_a_wait_ends_at_its_deadline)
{
    struct deal deal = deal_new();
    thrum_time deadline = thrum_in_ms(2);

    assert_int_equal(thrum_future_result(deal.future, deadline, NULL),
                     -ETIMEDOUT);
    assert_true(thrum_now().ns >= deadline.ns);
    deal_start(&deal);
    assert_int_equal(thrum_future_result(deal.future, thrum_in_ms(2), NULL),
                     -ETIMEDOUT);
    assert_false(thrum_future_done(deal.future));
    deal_end(&deal);
}

TEST(F10_a_deadline_before_zero_polls)
{
    struct deal deal = deal_new();
    thrum_future *value = future_with(&answer);
    const thrum_time past[] = {thrum_at_ns(-1), thrum_at_ns(INT64_MIN),
                               thrum_in_ms(-5), thrum_in_s(INT64_MIN)};

    for (size_t i = 0; i < sizeof(past) / sizeof(past[0]); i++) {
        assert_int_equal(thrum_future_result(deal.future, past[i], NULL),
                         -ETIMEDOUT);
        assert_int_equal(thrum_future_exception(deal.future, past[i], NULL),
                         -ETIMEDOUT);
        assert_int_equal(thrum_future_result(value, past[i], NULL), 0);
    }
    thrum_future_unref(value);
    deal_end(&deal);
}

TEST(F11_exception_tells_the_error)
{
    struct deal deal = deal_new();
    thrum_future *value = future_with(&answer);
    thrum_future *failed = future_failed(THRUM_EUSER - 7);
    thrum_future *cancelled = future_cancelled();
    static const thrum_error untouched;
    const thrum_error *error = &untouched;

    assert_int_equal(thrum_future_exception(deal.future, THRUM_NOW, &error),
                     -ETIMEDOUT);
    assert_int_equal(
        thrum_future_exception(deal.future, thrum_in_ms(2), &error),
        -ETIMEDOUT);
    assert_int_equal(thrum_future_exception(cancelled, THRUM_NOW, &error),
                     THRUM_ECANCELLED);
    assert_ptr_equal(error, &untouched); /* written only on success */
    assert_int_equal(thrum_future_exception(value, THRUM_NOW, &error), 0);
    assert_null(error);
    assert_int_equal(thrum_future_exception(failed, THRUM_NOW, &error), 0);
    assert_int_equal(error->code, THRUM_EUSER - 7);
    assert_string_equal(error->message, "made to fail");
    thrum_future_unref(value);
    thrum_future_unref(failed);
    thrum_future_unref(cancelled);
    deal_end(&deal);
}

TEST(F11_an_error_wakes_all_who_wait)
{
    struct deal deal = deal_new();
    struct waiting all[WAITERS];

    waiting_start(all, deal.future);
    assert_int_equal(
        thrum_promise_set_exception(deal.promise, -EPIPE, "%s", "gone"), 0);
    waiting_join(all);
    for (int i = 0; i < WAITERS; i++) {
        assert_int_equal(all[i].rc, all[i].for_error ? 0 : THRUM_EFAILED);
        if (all[i].for_error)
            assert_int_equal(all[i].error->code, -EPIPE);
    }
    deal_end(&deal);
}

/* ---- F12, F13: outcomes that must not be mistaken ---- */

static void *raise_task(void *code)
{
    return thrum_raise(*(int *)code, "%s", "");
}

TEST(F12_a_task_that_times_out_is_not_a_wait_that_does)
{
    static int codes[] = {-ETIMEDOUT, -ECANCELED, THRUM_ECANCELLED, -EDEADLK,
                          -ECHILD};
    struct deal deal = deal_new();
    thrum_executor *pool = pool_of(2);

    assert_int_equal(thrum_future_result(deal.future, thrum_in_ms(1), NULL),
                     -ETIMEDOUT);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        thrum_future *failed = submit(pool, raise_task, &codes[i]);

        assert_int_equal(thrum_future_result(failed, THRUM_FOREVER, NULL),
                         THRUM_EFAILED);
        assert_int_equal(error_code_of(failed), codes[i]);
        assert_false(thrum_future_cancelled(failed));
        thrum_future_unref(failed);
    }
    executor_end(pool);
    deal_end(&deal);
}

static void *null_task(void *arg)
{
    return NULL;
}

/* F13: an error is told by the state, not by what is in it; and NULL is a
 * value like any other. */
TEST(F13_an_empty_error_is_an_error)
{
    static int codes[] = {-1, 0, 1, INT32_MIN};
    thrum_executor *pool = pool_of(2);
    thrum_future *nothing = submit(pool, null_task, NULL);
    void *result = &answer;

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        thrum_future *failed = submit(pool, raise_task, &codes[i]);
        const thrum_error *error = NULL;

        assert_int_equal(thrum_future_result(failed, THRUM_FOREVER, NULL),
                         THRUM_EFAILED);
        assert_int_equal(thrum_future_exception(failed, THRUM_NOW, &error), 0);
        assert_int_equal(error->code, codes[i] < 0 ? codes[i] : -EINVAL);
        assert_string_equal(error->message, "");
        thrum_future_unref(failed);
    }
    assert_int_equal(thrum_future_result(nothing, THRUM_FOREVER, &result), 0);
    assert_null(result);
    assert_int_equal(error_code_of(nothing), 0);
    thrum_future_unref(nothing);
    executor_end(pool);
}

/* ---- F17: interruptions ---- */

static void on_signal(int number)
{
}

TEST(F17_a_wait_goes_on_after_a_signal)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction before;
    struct deal deal = deal_new();
    struct waiting all[WAITERS];

    if (TEST_TSAN) {
        deal_end(&deal);
        TEST_SKIP("handlers do not run in a raw futex call here");
    }
    sigaction(SIGUSR1, &action, &before);
    waiting_start(all, deal.future);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < WAITERS; i++)
            thread_signal(all[i].thread, SIGUSR1);
        for (int i = 0; i < WAITERS; i++)
            thread_await_sleep(all[i].thread);
    }
    assert_int_equal(thrum_promise_set_result(deal.promise, NULL), 0);
    waiting_join(all);
    for (int i = 0; i < WAITERS; i++)
        assert_int_equal(all[i].rc, 0);
    sigaction(SIGUSR1, &before, NULL);
    deal_end(&deal);
}

TEST_MAIN("future")
