/* SPDX-License-Identifier: MIT */
/*
 * test/api/callback_faults_test.c - what callbacks may do, and what happens
 * when they do what they should not.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdlib.h>

#include "futures.h"

static void add(thrum_future *future, thrum_callback_fn *fn, void *arg)
{
    assert_int_equal(thrum_future_add_done_callback(future, fn, arg), 0);
}

static void on_done_count(thrum_future *future, void *arg)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
}

static void *null_task(void *arg)
{
    return NULL;
}

/* ---- F22: a callback that raises ---- */

struct raised {
    atomic_uint count;
    atomic_int code;
};

static void on_error(const thrum_error *error, void *arg)
{
    struct raised *raised = arg;

    atomic_store(&raised->code, error->code);
    atomic_fetch_add(&raised->count, 1);
}

static void on_done_raise(thrum_future *future, void *arg)
{
    thrum_raise(-EBADMSG, "a callback fails");
}

/* The error goes to the handler; later callbacks run, the outcome stays. */
TEST(F22_a_callback_that_raises_is_ignored)
{
    struct raised raised = {0};
    struct deal deal = deal_new();
    atomic_uint calls = 0;

    thrum_set_error_handler(on_error, &raised);
    add(deal.future, on_done_raise, NULL);
    add(deal.future, on_done_count, &calls);
    assert_int_equal(thrum_promise_set_result(deal.promise, &calls), 0);
    assert_int_equal(atomic_load(&calls), 1);
    assert_int_equal(atomic_load(&raised.count), 1);
    assert_int_equal(atomic_load(&raised.code), -EBADMSG);
    assert_int_equal(thrum_future_result(deal.future, THRUM_NOW, NULL), 0);
    /* the same on one that has settled */
    add(deal.future, on_done_raise, NULL);
    assert_int_equal(atomic_load(&raised.count), 2);
    assert_int_equal(thrum_future_result(deal.future, THRUM_NOW, NULL), 0);
    thrum_set_error_handler(NULL, NULL);
    deal_end(&deal);
}

TEST(F22_a_callback_that_raises_on_a_worker_is_ignored)
{
    struct raised raised = {0};
    struct gate gate = GATE_INIT;
    thrum_executor *pool = pool_of(1);
    thrum_future *future = submit(pool, gate_task, &gate);
    atomic_uint calls = 0;

    thrum_set_error_handler(on_error, &raised);
    add(future, on_done_raise, NULL);
    add(future, on_done_count, &calls);
    gate_open(&gate);
    executor_end(pool);
    thrum_set_error_handler(NULL, NULL);
    assert_int_equal(atomic_load(&calls), 1);
    assert_int_equal(atomic_load(&raised.count), 1);
    assert_int_equal(thrum_future_result(future, THRUM_NOW, NULL), 0);
    thrum_future_unref(future);
}

static void *cancel_task(void *future)
{
    CHECK(thrum_future_cancel(future));
    return NULL;
}

/* A callback is not part of the body that happens to settle its future. */
TEST(F22_a_callback_that_raises_does_not_fail_the_canceller)
{
    struct raised raised = {0};
    struct deal deal = deal_new();
    thrum_executor *pool = pool_of(1);
    thrum_future *canceller;

    thrum_set_error_handler(on_error, &raised);
    add(deal.future, on_done_raise, NULL);
    canceller = submit(pool, cancel_task, deal.future);
    assert_int_equal(thrum_future_result(canceller, THRUM_FOREVER, NULL), 0);
    assert_int_equal(atomic_load(&raised.count), 1);
    executor_end(pool);
    thrum_set_error_handler(NULL, NULL);
    thrum_future_unref(canceller);
    deal_end(&deal);
}

/* ---- F23: callbacks and tasks that end their thread ---- */

static void on_done_exit(thrum_future *future, void *arg)
{
    pthread_exit(NULL);
}

TEST(F23_pthread_exit_in_a_callback_does_not_end_the_pool)
{
    thrum_executor *pool = pool_of(1);

    for (unsigned round = 0; round < 20; round++) {
        struct gate gate = GATE_INIT;
        atomic_uint calls = 0;
        thrum_future *future = submit(pool, gate_task, &gate);
        thrum_future *next = submit(pool, null_task, NULL);

        add(future, on_done_count, &calls);
        add(future, on_done_exit, NULL);
        add(future, on_done_count, &calls);
        gate_open(&gate);
        assert_int_equal(thrum_future_result(next, THRUM_FOREVER, NULL), 0);
        assert_int_equal(thrum_future_quiesce(future, THRUM_FOREVER), 0);
        assert_int_equal(thrum_future_result(future, THRUM_NOW, NULL), 0);
        assert_int_equal(atomic_load(&calls), 2); /* the later ones too */
        thrum_future_unref(future);
        thrum_future_unref(next);
    }
    executor_end(pool);
}

static void *exit_task(void *arg)
{
    pthread_exit(NULL);
    return NULL;
}

TEST(F23_pthread_exit_in_a_task_fails_that_task_only)
{
    thrum_executor *pool = pool_of(1);

    for (unsigned round = 0; round < 20; round++) {
        atomic_uint calls = 0;
        thrum_future *future = submit(pool, exit_task, NULL);
        thrum_future *next = submit(pool, null_task, NULL);

        add(future, on_done_count, &calls);
        assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL),
                         THRUM_EFAILED);
        assert_int_equal(error_code_of(future), THRUM_EEXITED);
        assert_int_equal(thrum_future_result(next, THRUM_FOREVER, NULL), 0);
        assert_int_equal(thrum_future_quiesce(future, THRUM_FOREVER), 0);
        assert_int_equal(atomic_load(&calls), 1);
        thrum_future_unref(future);
        thrum_future_unref(next);
    }
    executor_end(pool);
}

struct jump {
    thrum_future *target; /* is cancelled; its callback jumps back */
    jmp_buf back;
};

static void on_done_jump(thrum_future *future, void *arg)
{
    struct jump *jump = arg;

    longjmp(jump->back, 1);
}

/* Cancels the target, comes back from its callback by a jump, and then waits:
 * the thread must not be taken for one inside of a callback. */
static void jump_and_wait(struct jump *jump)
{
    struct deal later = {NULL, NULL};

    if (setjmp(jump->back) == 0) {
        thrum_future_cancel(jump->target);
        test_check_failed(__FILE__, __LINE__, "the callback jumps");
    }
    CHECK(thrum_future_cancelled(jump->target));
    if (CHECK_INT(thrum_promise_new(&later.promise, &later.future), 0)) {
        CHECK_INT(thrum_future_result(later.future, thrum_in_ms(1), NULL),
                  -ETIMEDOUT);
        CHECK(thrum_future_cancel(later.future));
        thrum_promise_free(later.promise);
        thrum_future_unref(later.future);
    }
}

static void *jump_task(void *arg)
{
    jump_and_wait(arg);
    return arg;
}

TEST(F23_longjmp_out_of_a_callback_leaves_the_pool_usable)
{
    thrum_executor *pool = pool_of(1);

    for (unsigned round = 0; round < 20; round++) {
        struct deal deal = deal_new();
        struct jump jump = {.target = deal.future};
        atomic_uint calls = 0;
        thrum_future *future;
        thrum_future *next;

        add(deal.future, on_done_jump, &jump);
        future = submit(pool, jump_task, &jump);
        add(future, on_done_count, &calls);
        next = submit(pool, null_task, NULL);
        assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
        assert_int_equal(thrum_future_result(next, THRUM_FOREVER, NULL), 0);
        assert_int_equal(thrum_future_quiesce(future, THRUM_FOREVER), 0);
        assert_int_equal(atomic_load(&calls), 1);
        thrum_future_unref(future);
        thrum_future_unref(next);
        deal_end(&deal);
    }
    executor_end(pool);
}

/* From a callback of one that had settled, in this thread. */
TEST(F23_longjmp_out_of_a_callback_that_was_called_at_once)
{
    struct deal deal = deal_new();
    thrum_future *value = future_with(NULL);
    struct jump jump = {.target = value};

    if (setjmp(jump.back) == 0) {
        add(value, on_done_jump, &jump);
        fail_msg("the callback did not jump");
    }
    assert_int_equal(thrum_future_result(deal.future, thrum_in_ms(1), NULL),
                     -ETIMEDOUT);
    thrum_future_unref(value);
    deal_end(&deal);
}

/* ---- F27: no lock is held ---- */

static void *then_run(thrum_future *done, void *arg)
{
    CHECK(thrum_future_done(done));
    return arg;
}

static void use_with_others(thrum_future *future)
{
    thrum_future_set *set = NULL;
    thrum_future *next = NULL;
    void *result = NULL;

    if (CHECK_INT(thrum_as_completed(&future, 1, &set), 0)) {
        CHECK_INT(thrum_future_set_next(set, THRUM_FOREVER, &next), 0);
        CHECK(next == future);
        thrum_future_unref(next);
        thrum_future_set_free(set);
    }
    if (CHECK_INT(thrum_future_then(future, NULL, then_run, &set, &next), 0)) {
        CHECK_INT(thrum_future_result(next, THRUM_FOREVER, &result), 0);
        CHECK(result == &set);
        thrum_future_unref(next);
    }
}

/* Whatever does not wait. */
static void on_done_use(thrum_future *future, void *arg)
{
    const thrum_error *error = NULL;
    void *result = NULL;

    CHECK(thrum_future_done(future));
    CHECK(!thrum_future_running(future));
    CHECK(!thrum_future_cancelled(future));
    CHECK(!thrum_future_cancel(future));
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, &result), 0);
    CHECK(result == arg);
    CHECK_INT(thrum_future_exception(future, THRUM_FOREVER, &error), 0);
    CHECK(error == NULL);
    CHECK_INT((long)thrum_future_result_size(future), 0);
    CHECK_INT(thrum_future_request_cancel(future), 0);
    CHECK_INT(thrum_future_kill(future, THRUM_FOREVER), 0);
    CHECK_INT(thrum_wait(&future, 1, THRUM_ALL_COMPLETED, THRUM_FOREVER), 1);
    CHECK(!thrum_future_remove_done_callback(future, on_done_use, arg));
    use_with_others(thrum_future_ref(future));
    thrum_future_unref(future);
    atomic_fetch_add((atomic_uint *)arg, 1);
}

TEST(F27_a_callback_may_use_its_future)
{
    struct deal deal = deal_new();
    atomic_uint calls = 0;

    add(deal.future, on_done_use, &calls);
    assert_int_equal(thrum_promise_set_result(deal.promise, &calls), 0);
    add(deal.future, on_done_use, &calls);
    assert_int_equal(atomic_load(&calls), 2);
    deal_end(&deal);
}

static void *look_run(void *future)
{
    CHECK(!thrum_future_remove_done_callback(future, on_done_count, NULL));
    CHECK(thrum_future_done(future));
    return NULL;
}

/* Another thread uses the future while its callback runs. */
static void on_done_look_elsewhere(thrum_future *future, void *arg)
{
    join_thread(spawn_thread(look_run, future));
}

TEST(F27_others_may_use_a_future_whose_callback_runs)
{
    struct deal deal = deal_new();

    add(deal.future, on_done_look_elsewhere, NULL);
    thrum_promise_set_result(deal.promise, NULL);
    deal_end(&deal);
}

static void on_done_drop(thrum_future *future, void *arg)
{
    thrum_future_unref(future);
}

/* The callback borrows the future, which lives on through the others. */
TEST(F27_a_callback_may_drop_the_last_reference)
{
    struct deal deal = deal_new();
    atomic_uint calls = 0;

    add(deal.future, on_done_drop, NULL);
    add(deal.future, on_done_count, &calls);
    thrum_promise_free(
        deal.promise); /* breaks it; the rest is the callback's */
    assert_int_equal(atomic_load(&calls), 1);
}

/* ---- what waits is refused ---- */

static void on_done_wait(thrum_future *future, void *arg)
{
    thrum_future *pending = arg;
    thrum_future *next = NULL;
    thrum_future_set *set = NULL;

    CHECK_INT(thrum_future_result(pending, THRUM_FOREVER, NULL),
              THRUM_ECONTEXT);
    CHECK_INT(thrum_future_exception(pending, thrum_in_s(60), NULL),
              THRUM_ECONTEXT);
    CHECK_INT(thrum_wait(&pending, 1, THRUM_ALL_COMPLETED, THRUM_FOREVER),
              THRUM_ECONTEXT);
    CHECK_INT(thrum_wait(&pending, 1, THRUM_FIRST_COMPLETED, THRUM_FOREVER),
              THRUM_ECONTEXT);
    CHECK_INT(thrum_future_quiesce(pending, THRUM_FOREVER), THRUM_ECONTEXT);
    if (!CHECK_INT(thrum_as_completed(&pending, 1, &set), 0))
        return;
    CHECK_INT(thrum_future_set_next(set, THRUM_FOREVER, &next), THRUM_ECONTEXT);
    CHECK_INT((long)thrum_future_set_size(set), 1);
    thrum_future_set_free(set);
}

static void on_done_quiesce(thrum_future *future, void *arg)
{
    CHECK_INT(thrum_future_quiesce(future, THRUM_FOREVER), THRUM_ECONTEXT);
}

/* It would wait for itself. */
TEST(F24_a_callback_must_not_quiesce_its_future)
{
    struct deal deal = deal_new();

    add(deal.future, on_done_quiesce, NULL);
    thrum_promise_set_result(deal.promise, NULL);
    assert_int_equal(thrum_future_quiesce(deal.future, THRUM_FOREVER), 0);
    deal_end(&deal);
}

TEST(a_callback_must_not_wait)
{
    struct deal deal = deal_new();
    struct deal pending = deal_new();

    add(deal.future, on_done_wait, pending.future);
    thrum_promise_set_result(deal.promise, NULL);
    /* also of one called at once */
    add(deal.future, on_done_wait, pending.future);
    /* and afterwards this thread can wait again */
    assert_int_equal(thrum_future_result(pending.future, thrum_in_ms(1), NULL),
                     -ETIMEDOUT);
    deal_end(&pending);
    deal_end(&deal);
}

TEST(a_callback_on_a_worker_must_not_wait)
{
    struct gate gate = GATE_INIT;
    struct deal pending = deal_new();
    thrum_executor *pool = pool_of(1);
    thrum_future *future = submit(pool, gate_task, &gate);

    add(future, on_done_wait, pending.future);
    gate_open(&gate);
    executor_end(pool);
    thrum_future_unref(future);
    deal_end(&pending);
}

TEST_MAIN("callback_faults")
