/* SPDX-License-Identifier: MIT */
/*
 * test/api/callback_test.c - done-callbacks: when, where, in which order.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "futures.h"

/* What a callback saw. */
struct seen {
    unsigned calls;
    thrum_future *future;
    pid_t thread;
    bool done;
};

static void on_done(thrum_future *future, void *arg)
{
    struct seen *seen = arg;

    seen->calls++;
    seen->future = future;
    seen->thread = gettid();
    seen->done = thrum_future_done(future);
}

static void add(thrum_future *future, thrum_callback_fn *fn, void *arg)
{
    assert_int_equal(thrum_future_add_done_callback(future, fn, arg), 0);
}

static void assert_seen_once(const struct seen *seen, thrum_future *future)
{
    assert_int_equal(seen->calls, 1);
    assert_ptr_equal(seen->future, future);
    assert_true(seen->done);
}

/* ---- F7, F8: with cancel ---- */

TEST(F7_cancel_runs_the_callbacks_before_it_returns)
{
    struct deal deal = deal_new();
    struct seen seen = {0};

    add(deal.future, on_done, &seen);
    assert_int_equal(seen.calls, 0);
    assert_true(thrum_future_cancel(deal.future));
    assert_seen_once(&seen, deal.future);
    assert_int_equal(seen.thread, gettid());
    deal_end(&deal);
}

TEST(F8_a_second_cancel_runs_no_callbacks)
{
    struct deal deal = deal_new();
    struct seen seen = {0};

    add(deal.future, on_done, &seen);
    assert_true(thrum_future_cancel(deal.future));
    assert_true(thrum_future_cancel(deal.future));
    assert_false(thrum_promise_set_running_or_notify_cancel(deal.promise));
    assert_true(thrum_future_cancel(deal.future));
    assert_seen_once(&seen, deal.future);
    deal_end(&deal);
}

/* ---- F19 to F21, F25 ---- */

TEST(F19_a_callback_is_called_once_with_its_future)
{
    struct deal value = deal_new();
    struct deal failed = deal_new();
    struct deal cancelled = deal_new();
    struct seen seen[3] = {{0}, {0}, {0}};

    add(value.future, on_done, &seen[0]);
    add(failed.future, on_done, &seen[1]);
    add(cancelled.future, on_done, &seen[2]);
    thrum_promise_set_result(value.promise, NULL);
    thrum_promise_set_exception(failed.promise, -EIO, "fails");
    thrum_future_cancel(cancelled.future);
    assert_seen_once(&seen[0], value.future);
    assert_seen_once(&seen[1], failed.future);
    assert_seen_once(&seen[2], cancelled.future);
    deal_end(&value);
    deal_end(&failed);
    deal_end(&cancelled);
    for (int i = 0; i < 3; i++)
        assert_int_equal(seen[i].calls, 1);
}

/* Numbers, in the order in which callbacks came. */
static struct {
    int order[100];
    int count;
} log_of_calls;

static void on_done_log(thrum_future *future, void *arg)
{
    log_of_calls.order[log_of_calls.count++] = *(int *)arg;
}

static int numbers[100];

static void log_start(void)
{
    log_of_calls.count = 0;
    for (int i = 0; i < 100; i++)
        numbers[i] = i;
}

TEST(F20_callbacks_come_in_the_order_added)
{
    struct deal deal = deal_new();

    log_start();
    for (int i = 0; i < 100; i++)
        add(deal.future, on_done_log, &numbers[i]);
    thrum_promise_set_result(deal.promise, NULL);
    assert_int_equal(log_of_calls.count, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(log_of_calls.order[i], i);
    deal_end(&deal);
}

TEST(F21_a_callback_on_a_settled_future_is_called_at_once)
{
    thrum_future *settled[3] = {future_with(NULL), future_failed(-EIO),
                                future_cancelled()};

    for (int i = 0; i < 3; i++) {
        struct seen seen = {0};

        add(settled[i], on_done, &seen);
        assert_seen_once(&seen, settled[i]);
        assert_int_equal(seen.thread, gettid());
        thrum_future_unref(settled[i]);
    }
}

static void on_done_nest(thrum_future *future, void *arg)
{
    on_done_log(future, &numbers[1]);
    CHECK_INT(thrum_future_add_done_callback(future, on_done_log, &numbers[9]),
              0);
    CHECK_INT(log_of_calls.count, 2);
}

TEST(F25_a_callback_added_in_a_callback_runs_at_once)
{
    struct deal deal = deal_new();

    log_start();
    add(deal.future, on_done_nest, NULL);
    add(deal.future, on_done_log, &numbers[2]);
    thrum_promise_set_result(deal.promise, NULL);
    assert_int_equal(log_of_calls.count, 3);
    assert_int_equal(log_of_calls.order[0], 1);
    assert_int_equal(log_of_calls.order[1], 9);
    assert_int_equal(log_of_calls.order[2], 2);
    deal_end(&deal);
}

/* ---- F24: waiters first ---- */

static void on_done_wait_for_gate(thrum_future *future, void *arg)
{
    gate_wait(arg); /* a lock of the program's own, not one of Thrum's waits */
}

static void *settle_run(void *promise)
{
    CHECK_INT(thrum_promise_set_result(promise, NULL), 0);
    return NULL;
}

static void *result_run(void *future)
{
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    return NULL;
}

static void *quiesce_run(void *future)
{
    CHECK_INT(thrum_future_quiesce(future, THRUM_FOREVER), 0);
    return NULL;
}

/* Also quiesce, which waits for the callbacks too. */
TEST(F24_waiters_are_released_before_callbacks)
{
    struct gate gate = GATE_INIT;
    struct seen seen = {0};
    struct deal deal = deal_new();
    struct test_thread *waiter;
    struct test_thread *settler;
    struct test_thread *quiescer;

    add(deal.future, on_done_wait_for_gate, &gate);
    add(deal.future, on_done, &seen);
    waiter = spawn_thread(result_run, deal.future);
    quiescer = spawn_thread(quiesce_run, deal.future);
    thread_await_sleep(waiter);
    thread_await_sleep(quiescer);
    settler = spawn_thread(settle_run, deal.promise);
    join_thread(waiter);
    /* the first callback is still running, or about to */
    assert_int_equal(thrum_future_quiesce(deal.future, THRUM_NOW), -ETIMEDOUT);
    assert_int_equal(thrum_future_quiesce(deal.future, thrum_in_ms(2)),
                     -ETIMEDOUT);
    gate_open(&gate);
    join_thread(quiescer);
    assert_int_equal(seen.calls, 1);
    join_thread(settler);
    assert_int_equal(thrum_future_quiesce(deal.future, THRUM_NOW), 0);
    deal_end(&deal);
}

TEST(F24_quiesce_is_0_whatever_the_outcome)
{
    struct deal deal = deal_new();
    thrum_future *settled[3] = {future_with(NULL), future_failed(-EIO),
                                future_cancelled()};

    for (int i = 0; i < 3; i++) {
        assert_int_equal(thrum_future_quiesce(settled[i], THRUM_NOW), 0);
        assert_int_equal(thrum_future_quiesce(settled[i], THRUM_FOREVER), 0);
        thrum_future_unref(settled[i]);
    }
    assert_int_equal(thrum_future_quiesce(deal.future, THRUM_NOW), -ETIMEDOUT);
    assert_int_equal(thrum_future_quiesce(deal.future, thrum_in_ms(1)),
                     -ETIMEDOUT);
    deal_end(&deal);
}

/* ---- F26: where ---- */

static void *thread_id_task(void *arg)
{
    gate_wait(arg);
    return (void *)(intptr_t)gettid();
}

static void *cancel_run(void *future)
{
    CHECK(thrum_future_cancel(future));
    return (void *)(intptr_t)gettid();
}

TEST(F26_callbacks_run_in_the_worker_that_settles)
{
    struct gate gate = GATE_INIT;
    struct seen seen = {0};
    thrum_executor *pool = pool_of(2);
    thrum_future *future = submit(pool, thread_id_task, &gate);
    void *worker = NULL;

    add(future, on_done, &seen);
    gate_open(&gate);
    assert_int_equal(thrum_future_quiesce(future, THRUM_FOREVER), 0);
    assert_int_equal(thrum_future_result(future, THRUM_NOW, &worker), 0);
    assert_int_equal(seen.thread, (intptr_t)worker);
    assert_int_not_equal(seen.thread, gettid());
    thrum_future_unref(future);
    executor_end(pool);
}

TEST(F26_callbacks_run_in_the_thread_that_cancels)
{
    struct seen seen = {0};
    struct deal deal = deal_new();
    void *canceller;

    add(deal.future, on_done, &seen);
    canceller = join_thread(spawn_thread(cancel_run, deal.future));
    assert_int_equal(seen.thread, (intptr_t)canceller);
    assert_int_not_equal(seen.thread, gettid());
    deal_end(&deal);
}

/* ---- taking callbacks back ---- */

TEST(a_removed_callback_never_runs)
{
    struct deal deal = deal_new();
    struct seen a = {0};
    struct seen b = {0};

    add(deal.future, on_done, &a);
    add(deal.future, on_done, &b);
    assert_true(thrum_future_remove_done_callback(deal.future, on_done, &a));
    assert_false(thrum_future_remove_done_callback(deal.future, on_done, &a));
    assert_false(
        thrum_future_remove_done_callback(deal.future, on_done_log, &b));
    thrum_promise_set_result(deal.promise, NULL);
    assert_false(thrum_future_remove_done_callback(deal.future, on_done, &b));
    assert_int_equal(a.calls, 0);
    assert_int_equal(b.calls, 1);
    deal_end(&deal);
}

/* Of two alike the oldest goes: 0 1 0 without the first 0 is 1 0. */
TEST(remove_takes_the_oldest)
{
    struct deal deal = deal_new();

    log_start();
    add(deal.future, on_done_log, &numbers[0]);
    add(deal.future, on_done_log, &numbers[1]);
    add(deal.future, on_done_log, &numbers[0]);
    assert_true(thrum_future_remove_done_callback(deal.future, on_done_log,
                                                  &numbers[0]));
    thrum_promise_set_result(deal.promise, NULL);
    assert_int_equal(log_of_calls.count, 2);
    assert_int_equal(log_of_calls.order[0], 1);
    assert_int_equal(log_of_calls.order[1], 0);
    deal_end(&deal);
}

static void on_done_remove(thrum_future *future, void *arg)
{
    CHECK(!thrum_future_remove_done_callback(future, on_done_remove, arg));
    CHECK(thrum_future_remove_done_callback(future, on_done, arg));
    CHECK(!thrum_future_remove_done_callback(future, on_done, arg));
}

TEST(a_callback_can_take_back_one_that_has_not_run)
{
    struct deal deal = deal_new();
    struct seen seen = {0};

    add(deal.future, on_done_remove, &seen);
    add(deal.future, on_done, &seen);
    thrum_promise_set_result(deal.promise, NULL);
    assert_int_equal(seen.calls, 0);
    deal_end(&deal);
}

TEST(a_callback_needs_a_function)
{
    struct deal deal = deal_new();
    thrum_future *value = future_with(NULL);

    assert_int_equal(thrum_future_add_done_callback(deal.future, NULL, NULL),
                     -EINVAL);
    assert_int_equal(thrum_future_add_done_callback(value, NULL, NULL),
                     -EINVAL);
    thrum_future_unref(value);
    deal_end(&deal);
}

/* ---- from many threads ---- */

struct adder {
    thrum_future *future;
    struct latch *start;
    atomic_uint *calls;
    unsigned count;
};

static void on_done_count(thrum_future *future, void *arg)
{
    CHECK(thrum_future_done(future));
    atomic_fetch_add_explicit((atomic_uint *)arg, 1, memory_order_relaxed);
}

static void *adder_run(void *arg)
{
    struct adder *adder = arg;

    latch_down(adder->start);
    latch_wait(adder->start);
    for (unsigned i = 0; i < adder->count; i++)
        CHECK_INT(thrum_future_add_done_callback(adder->future, on_done_count,
                                                 adder->calls),
                  0);
    return NULL;
}

/* F19, F21: each callback runs once, whichever side of settling it was on. */
TEST(F19_adding_races_with_settling)
{
    enum {
        THREADS = 4,
        EACH = 50
    };

    for (unsigned round = test_scale(200); round > 0; round--) {
        struct deal deal = deal_new();
        struct latch start = LATCH_INIT(THREADS + 1);
        atomic_uint calls = 0;
        struct adder adder = {deal.future, &start, &calls, EACH};
        struct test_thread *threads[THREADS];

        for (int i = 0; i < THREADS; i++)
            threads[i] = spawn_thread(adder_run, &adder);
        latch_down(&start);
        latch_wait(&start);
        thrum_promise_set_result(deal.promise, NULL);
        for (int i = 0; i < THREADS; i++)
            join_thread(threads[i]);
        assert_int_equal(thrum_future_quiesce(deal.future, THRUM_FOREVER), 0);
        assert_int_equal(atomic_load(&calls), THREADS * EACH);
        deal_end(&deal);
    }
}

TEST_MAIN("callback")
