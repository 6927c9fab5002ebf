/* SPDX-License-Identifier: MIT */
/*
 * test/api/fork_test.c - what of the parent's a forked child may use.
 *
 * Settled futures stay readable; what is pending will never settle there and
 * says -ECHILD; executors of the parent are inert, new ones work.
 */
#include <errno.h>

#include "futures.h"

struct inherited {
    struct deal pending;
    thrum_future *value;
    thrum_future *failed;
    thrum_future *cancelled;
    thrum_future *running; /* on the pool */
    thrum_executor *pool;
    thrum_future_set *set;
    int answer;
};

static void on_done_fail(thrum_future *future, void *arg)
{
    test_check_failed(__FILE__, __LINE__, "called in a child");
}

static void *then_fail(thrum_future *done, void *arg)
{
    test_check_failed(__FILE__, __LINE__, "called in a child");
    return NULL;
}

static void *number_task(void *arg)
{
    return arg;
}

/* ---- in the child ---- */

static int look_at_settled(void *arg)
{
    struct inherited *in = arg;
    const thrum_error *error = NULL;
    void *result = NULL;

    CHECK(thrum_future_done(in->value));
    CHECK_INT(thrum_future_result(in->value, THRUM_FOREVER, &result), 0);
    CHECK(result == &in->answer);
    CHECK_INT(thrum_future_exception(in->failed, THRUM_FOREVER, &error), 0);
    CHECK(error != NULL && error->code == -EIO);
    CHECK_INT(thrum_future_result(in->cancelled, THRUM_NOW, NULL),
              THRUM_ECANCELLED);
    CHECK_INT(thrum_wait(&in->value, 1, THRUM_ALL_COMPLETED, THRUM_FOREVER), 1);
    return 0;
}

static int wait_for_pending(void *arg)
{
    struct inherited *in = arg;
    thrum_future *pending[] = {in->pending.future, in->running};
    thrum_future_set *set = NULL;
    thrum_future *next = NULL;

    for (int i = 0; i < 2; i++) {
        thrum_future *both[] = {in->value, pending[i]};

        CHECK_INT(thrum_future_result(pending[i], THRUM_FOREVER, NULL),
                  -ECHILD);
        CHECK_INT(thrum_future_exception(pending[i], THRUM_FOREVER, NULL),
                  -ECHILD);
        CHECK_INT(thrum_future_quiesce(pending[i], THRUM_FOREVER), -ECHILD);
        CHECK_INT(thrum_wait(both, 2, THRUM_ALL_COMPLETED, THRUM_FOREVER),
                  -ECHILD);
        CHECK_INT(
            thrum_future_add_done_callback(pending[i], on_done_fail, NULL),
            -ECHILD);
        CHECK_INT(thrum_future_then(pending[i], NULL, then_fail, NULL, &next),
                  -ECHILD);
        CHECK_INT(thrum_as_completed(both, 2, &set), -ECHILD);
        CHECK(!thrum_future_cancel(pending[i]));
        CHECK(!thrum_future_done(pending[i]));
    }
    CHECK_INT(thrum_future_set_next(in->set, THRUM_FOREVER, &next), -ECHILD);
    return 0;
}

static int use_executor(void *arg)
{
    struct inherited *in = arg;
    thrum_future *future = NULL;

    CHECK_INT(thrum_executor_submit(in->pool, number_task, NULL, 0, &future),
              -ECHILD);
    CHECK_INT(thrum_executor_submit(in->pool, number_task, NULL, 0, NULL),
              -ECHILD);
    CHECK_INT(thrum_executor_shutdown(in->pool, THRUM_WAIT, THRUM_FOREVER),
              -ECHILD);
    CHECK(future == NULL);
    thrum_executor_unref(in->pool);
    return 0;
}

/* Everything can be made anew. */
static int make_new(void *arg)
{
    thrum_executor *pool = NULL;
    thrum_promise *promise = NULL;
    thrum_future *futures[2] = {NULL, NULL};
    void *result = NULL;

    if (!CHECK_INT(thrum_thread_pool_new(NULL, &pool), 0) ||
        !CHECK_INT(
            thrum_executor_submit(pool, number_task, arg, 0, &futures[0]), 0) ||
        !CHECK_INT(thrum_promise_new(&promise, &futures[1]), 0))
        return 1;
    thrum_promise_set_result(promise, NULL);
    CHECK_INT(thrum_wait(futures, 2, THRUM_ALL_COMPLETED, THRUM_FOREVER), 2);
    CHECK_INT(thrum_future_result(futures[0], THRUM_NOW, &result), 0);
    CHECK(result == arg);
    CHECK_INT(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER), 0);
    thrum_executor_unref(pool);
    return in_child(look_at_settled, arg); /* and once more */
}

/* ---- in the parent ---- */

static void run_in_child(int (*fn)(void *))
{
    struct gate gate = GATE_INIT;
    struct inherited in = {.pending = deal_new(), .pool = pool_of(1)};
    thrum_future *futures[2];

    in.value = future_with(&in.answer);
    in.failed = future_failed(-EIO);
    in.cancelled = future_cancelled();
    in.running = submit(in.pool, gate_task, &gate);
    WAIT_UNTIL(thrum_future_running(in.running));
    futures[0] = in.pending.future;
    futures[1] = in.running;
    assert_int_equal(thrum_as_completed(futures, 2, &in.set), 0);
    assert_int_equal(in_child(fn, &in), 0);
    /* nothing of it has changed here */
    assert_false(thrum_future_done(in.pending.future));
    thrum_promise_set_result(in.pending.promise, NULL);
    gate_open(&gate);
    assert_int_equal(thrum_wait(futures, 2, THRUM_ALL_COMPLETED, THRUM_FOREVER),
                     2);
    thrum_future_set_free(in.set);
    executor_end(in.pool);
    thrum_future_unref(in.value);
    thrum_future_unref(in.failed);
    thrum_future_unref(in.cancelled);
    thrum_future_unref(in.running);
    deal_end(&in.pending);
}

TEST(settled_futures_stay_readable_in_a_child)
{
    run_in_child(look_at_settled);
}

TEST(pending_futures_say_so_in_a_child)
{
    run_in_child(wait_for_pending);
}

TEST(executors_are_inert_in_a_child)
{
    run_in_child(use_executor);
}

TEST(F76_a_child_starts_anew)
{
    TEST_SKIP_EMULATED(NO_THREADS_IN_CHILD);
    run_in_child(make_new);
}

TEST_MAIN("fork")
