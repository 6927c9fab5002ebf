/* SPDX-License-Identifier: MIT */
/*
 * test/api/promise_test.c - the side that settles.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>

#include "futures.h"

static int one = 1;
static int two = 2;

/* ---- F14: only the first outcome counts ---- */

/* Nothing that can be set on a settled future changes it. */
static void assert_all_refused(thrum_promise *promise)
{
    assert_int_equal(thrum_promise_set_result(promise, &two), THRUM_ESTATE);
    assert_int_equal(thrum_promise_set_result_copy(promise, &two, sizeof(two)),
                     THRUM_ESTATE);
    assert_int_equal(thrum_promise_set_exception(promise, -EIO, "too late"),
                     THRUM_ESTATE);
}

TEST(F14_a_value_stays)
{
    struct deal deal = deal_new();
    void *result = NULL;

    assert_int_equal(thrum_promise_set_result(deal.promise, &one), 0);
    assert_all_refused(deal.promise);
    assert_int_equal(thrum_future_result(deal.future, THRUM_NOW, &result), 0);
    assert_ptr_equal(result, &one);
    deal_end(&deal);
}

TEST(F14_an_error_stays)
{
    struct deal deal = deal_new();

    assert_int_equal(thrum_promise_set_exception(deal.promise, -EPIPE, "first"),
                     0);
    assert_all_refused(deal.promise);
    assert_int_equal(error_code_of(deal.future), -EPIPE);
    deal_end(&deal);
}

TEST(F14_a_cancellation_stays)
{
    struct deal deal = deal_new();

    assert_true(thrum_future_cancel(deal.future));
    assert_all_refused(deal.promise);
    assert_true(thrum_future_cancelled(deal.future));
    assert_false(thrum_promise_set_running_or_notify_cancel(deal.promise));
    assert_all_refused(deal.promise);
    assert_true(thrum_future_cancelled(deal.future));
    deal_end(&deal);
}

/* ---- F15, F16 ---- */

TEST(F15_a_result_needs_no_running)
{
    struct deal pending = deal_new();
    struct deal running = deal_new();

    assert_int_equal(thrum_promise_set_result(pending.promise, &one), 0);
    deal_start(&running);
    assert_int_equal(thrum_promise_set_result(running.promise, &one), 0);
    assert_true(thrum_future_done(pending.future));
    assert_true(thrum_future_done(running.future));
    deal_end(&pending);
    deal_end(&running);
}

TEST(F15_an_error_needs_no_running)
{
    struct deal pending = deal_new();
    struct deal running = deal_new();

    assert_int_equal(
        thrum_promise_set_exception(pending.promise, -EIO, "pending"), 0);
    deal_start(&running);
    assert_int_equal(
        thrum_promise_set_exception(running.promise, -EIO, "running"), 0);
    assert_int_equal(error_code_of(pending.future), -EIO);
    assert_int_equal(error_code_of(running.future), -EIO);
    deal_end(&pending);
    deal_end(&running);
}

TEST(F16_set_running_begins_or_tells_of_a_cancellation)
{
    struct deal begun = deal_new();
    struct deal cancelled = deal_new();

    assert_true(thrum_promise_set_running_or_notify_cancel(begun.promise));
    assert_true(thrum_future_running(begun.future));
    assert_true(thrum_future_cancel(cancelled.future));
    assert_false(thrum_promise_set_running_or_notify_cancel(cancelled.promise));
    assert_false(thrum_promise_set_running_or_notify_cancel(cancelled.promise));
    assert_true(thrum_future_cancelled(cancelled.future));
    deal_end(&begun);
    deal_end(&cancelled);
}

/* Begins what must not be begun; what it aborts with is not wanted here. */
static int begin_again(void *promise)
{
    struct rlimit no_core = {0, 0};
    int null = open("/dev/null", O_WRONLY);

    dup2(null, STDERR_FILENO);
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGABRT, SIG_DFL);
    return thrum_promise_set_running_or_notify_cancel(promise) ? 1 : 2;
}

TEST(F16_set_running_in_another_state_aborts)
{
    struct deal running = deal_new();
    struct deal value = deal_new();
    struct deal failed = deal_new();

    deal_start(&running);
    thrum_promise_set_result(value.promise, NULL);
    thrum_promise_set_exception(failed.promise, -EIO, "fails");
    assert_int_equal(in_child(begin_again, running.promise), 128 + SIGABRT);
    assert_int_equal(in_child(begin_again, value.promise), 128 + SIGABRT);
    assert_int_equal(in_child(begin_again, failed.promise), 128 + SIGABRT);
    deal_end(&running);
    deal_end(&value);
    deal_end(&failed);
}

/* ---- letting go ---- */

TEST(a_promise_let_go_breaks_its_future)
{
    struct deal pending = deal_new();
    struct deal running = deal_new();

    deal_start(&running);
    thrum_promise_free(pending.promise);
    thrum_promise_free(running.promise);
    assert_int_equal(thrum_future_result(pending.future, THRUM_NOW, NULL),
                     THRUM_EFAILED);
    assert_int_equal(error_code_of(pending.future), THRUM_EBROKEN);
    assert_int_equal(error_code_of(running.future), THRUM_EBROKEN);
    thrum_future_unref(pending.future);
    thrum_future_unref(running.future);
    thrum_promise_free(NULL);
}

static void *result_run(void *future)
{
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), THRUM_EFAILED);
    return NULL;
}

TEST(a_promise_let_go_wakes_who_waits)
{
    struct deal deal = deal_new();
    struct test_thread *waiter = spawn_thread(result_run, deal.future);

    thread_await_sleep(waiter);
    thrum_promise_free(deal.promise);
    join_thread(waiter);
    thrum_future_unref(deal.future);
}

TEST(a_settled_future_outlives_its_promise)
{
    struct deal deal = deal_new();
    void *result = NULL;

    thrum_promise_set_result(deal.promise, &one);
    thrum_promise_free(deal.promise);
    assert_int_equal(thrum_future_result(deal.future, THRUM_NOW, &result), 0);
    assert_ptr_equal(result, &one);
    thrum_future_unref(deal.future);
}

TEST(a_promise_outlives_its_future_s_last_reference)
{
    struct deal deal = deal_new();

    thrum_future_unref(deal.future);
    assert_int_equal(thrum_promise_set_result(deal.promise, &one), 0);
    assert_true(thrum_future_done(thrum_promise_future(deal.promise)));
    thrum_promise_free(deal.promise);
}

TEST(a_promise_knows_its_future)
{
    struct deal deal = deal_new();

    assert_ptr_equal(thrum_promise_future(deal.promise), deal.future);
    deal_end(&deal);
}

/* ---- results that the future owns ---- */

TEST(a_copied_result_belongs_to_the_future)
{
    struct deal deal = deal_new();
    char text[] = "a text";
    void *result = NULL;

    assert_int_equal(
        thrum_promise_set_result_copy(deal.promise, text, sizeof(text)), 0);
    memset(text, 'x', sizeof(text));
    assert_int_equal(thrum_future_result(deal.future, THRUM_NOW, &result), 0);
    assert_ptr_not_equal(result, text);
    assert_string_equal(result, "a text");
    assert_int_equal(thrum_future_result_size(deal.future), sizeof(text));
    assert_int_equal((uintptr_t)result % _Alignof(max_align_t), 0);
    deal_end(&deal);
}

TEST(a_copy_of_nothing_is_a_result)
{
    struct deal deal = deal_new();
    void *result = NULL;

    assert_int_equal(thrum_promise_set_result_copy(deal.promise, NULL, 0), 0);
    assert_int_equal(thrum_future_result(deal.future, THRUM_NOW, &result), 0);
    assert_int_equal(thrum_future_result_size(deal.future), 0);
    deal_end(&deal);
}

static unsigned freed;

static void count_free(void *arg)
{
    assert_ptr_equal(arg, &one);
    freed++;
}

TEST(an_owned_result_is_freed_at_the_last_unref)
{
    struct deal deal = deal_new();
    void *result = NULL;

    freed = 0;
    assert_int_equal(
        thrum_promise_set_result_owned(deal.promise, &one, count_free), 0);
    thrum_promise_free(deal.promise);
    thrum_future_ref(deal.future);
    thrum_future_unref(deal.future);
    assert_int_equal(thrum_future_result(deal.future, THRUM_NOW, &result), 0);
    assert_ptr_equal(result, &one);
    assert_int_equal(thrum_future_result_size(deal.future), 0);
    assert_int_equal(freed, 0);
    thrum_future_unref(deal.future);
    assert_int_equal(freed, 1);
}

/* F14: the value of a refused set stays the caller's. */
TEST(F14_a_refused_owned_result_is_not_freed)
{
    struct deal deal = deal_new();

    freed = 0;
    assert_true(thrum_future_cancel(deal.future));
    assert_int_equal(
        thrum_promise_set_result_owned(deal.promise, &one, count_free),
        THRUM_ESTATE);
    deal_end(&deal);
    assert_int_equal(freed, 0);
}

/* ---- errors ---- */

TEST(an_exception_has_code_and_message)
{
    struct deal deal = deal_new();
    const thrum_error *error = NULL;

    assert_int_equal(thrum_promise_set_exception(deal.promise, -ENOENT,
                                                 "no %s, %d times", "luck", 3),
                     0);
    assert_int_equal(thrum_future_exception(deal.future, THRUM_NOW, &error), 0);
    assert_int_equal(error->code, -ENOENT);
    assert_string_equal(error->message, "no luck, 3 times");
    assert_null(error->cause);
    assert_null(error->file); /* not by a raise */
    assert_int_equal(error->line, 0);
    deal_end(&deal);
}

TEST(an_exception_needs_a_negative_code)
{
    struct deal deal = deal_new();

    assert_int_equal(thrum_promise_set_exception(deal.promise, 0, "zero"),
                     -EINVAL);
    assert_int_equal(thrum_promise_set_exception(deal.promise, 5, "five"),
                     -EINVAL);
    assert_false(thrum_future_done(deal.future));
    deal_end(&deal);
}

/* ---- the race between the two sides ---- */

static void *cancel_run(void *future)
{
    return thrum_future_cancel(future) ? &one : NULL;
}

/* F14: settling and cancelling at once: one of them wins, and is told so. */
TEST(F14_a_result_races_with_a_cancel)
{
    for (unsigned round = test_scale(1000); round > 0; round--) {
        struct deal deal = deal_new();
        struct test_thread *canceller = spawn_thread(cancel_run, deal.future);
        int rc = thrum_promise_set_result(deal.promise, &two);
        bool cancelled = join_thread(canceller) != NULL;

        assert_int_equal(rc, cancelled ? THRUM_ESTATE : 0);
        assert_int_equal(thrum_future_cancelled(deal.future), cancelled);
        assert_int_equal(thrum_future_result(deal.future, THRUM_NOW, NULL),
                         cancelled ? THRUM_ECANCELLED : 0);
        deal_end(&deal);
    }
}

TEST_MAIN("promise")
