/* SPDX-License-Identifier: MIT */
/*
 * test/api/process_end_test.c - the end of process pools, in all ways.
 */
#include "processes.h"

/* Waits for no process to have that number any more. */
static void await_end(int pid)
{
    WAIT_UNTIL(kill(pid, 0) != 0);
}

static int worker_of(thrum_executor *pool)
{
    int pid = number_and_unref(send(pool, pid_task, 0));

    assert_true(pid > 0);
    return pid;
}

TEST(F66_shutdown_runs_what_was_submitted_and_ends_the_workers)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *futures[30];
    int pid = worker_of(pool);

    for (int i = 0; i < 30; i++)
        futures[i] = send(pool, square_task, i);
    assert_int_equal(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER),
                     0);
    for (int i = 0; i < 30; i++) {
        assert_true(thrum_future_done(futures[i]));
        assert_int_equal(number_and_unref(futures[i]), i * i);
    }
    assert_int_equal(kill(pid, 0), -1);
    thrum_executor_unref(pool);
}

TEST(F66_shutdown_of_a_pool_without_tasks)
{
    executor_end(processes_of(3));
}

TEST(F67_shutdown_without_waiting_returns_and_tasks_still_run)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *future = send(pool, square_task, 4);

    assert_int_equal(thrum_executor_shutdown(pool, 0, THRUM_NOW), 0);
    assert_int_equal(number_and_unref(future), 16);
    executor_end(pool);
}

TEST(F46_a_submit_after_shutdown_is_refused)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *future = NULL;
    int n = 1;

    assert_int_equal(thrum_executor_shutdown(pool, 0, THRUM_NOW), 0);
    assert_int_equal(
        thrum_executor_submit(pool, square_task, &n, sizeof(n), &future),
        THRUM_ESHUTDOWN);
    executor_end(pool);
}

TEST(F69_shutdown_cancels_what_has_not_begun)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *first = send(pool, forever_task, 0);
    thrum_future *rest[20];

    for (int i = 0; i < 20; i++)
        rest[i] = send(pool, square_task, i);
    WAIT_UNTIL(thrum_future_running(first));
    assert_int_equal(
        thrum_executor_shutdown(pool, THRUM_CANCEL_FUTURES, THRUM_NOW), 0);
    for (int i = 0; i < 20; i++) {
        assert_true(thrum_future_cancelled(rest[i]));
        thrum_future_unref(rest[i]);
    }
    assert_false(thrum_future_done(first));
    assert_int_equal(thrum_future_kill(first, THRUM_FOREVER), 0);
    thrum_future_unref(first);
    executor_end(pool);
}

TEST(F70_shutdown_is_idempotent)
{
    thrum_executor *pool = processes_of(1);

    worker_of(pool);
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER), 0);
    executor_end(pool);
}

TEST(a_shutdown_that_runs_out_of_time_goes_on)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *first = send(pool, forever_task, 0);

    WAIT_UNTIL(thrum_future_running(first));
    assert_int_equal(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_NOW),
                     -ETIMEDOUT);
    assert_int_equal(thrum_executor_shutdown(pool, THRUM_WAIT, thrum_in_ms(1)),
                     -ETIMEDOUT);
    assert_int_equal(thrum_future_kill(first, THRUM_FOREVER), 0);
    thrum_future_unref(first);
    executor_end(pool);
}

TEST(F72_the_last_unref_lets_tasks_finish)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *future = send(pool, square_task, 6);
    int pid;

    thrum_executor_unref(pool);
    assert_int_equal(number_and_unref(future), 36);
    pool = processes_of(1);
    pid = worker_of(pool);
    thrum_executor_unref(pool);
    await_end(pid);
}

TEST(F73_shutdown_while_workers_die)
{
    for (unsigned round = 0; round < test_scale(10) + 1; round++) {
        thrum_executor *pool = processes_of(2);
        thrum_future *futures[20];

        for (int i = 0; i < 20; i++)
            futures[i] = send(pool, i % 3 == 0 ? signal_task : square_task,
                              i % 3 == 0 ? SIGKILL : i);
        executor_end(pool);
        for (int i = 0; i < 20; i++) {
            const thrum_error *error = NULL;

            assert_int_equal(
                thrum_future_exception(futures[i], THRUM_NOW, &error), 0);
            assert_int_equal(error != NULL, i % 3 == 0);
            thrum_future_unref(futures[i]);
        }
    }
}

TEST(F74_shutdown_after_a_submit_and_a_cancel)
{
    for (unsigned round = 0; round < test_scale(20) + 1; round++) {
        thrum_executor *pool = processes_of(1);
        thrum_future *future = send(pool, square_task, 1);

        thrum_future_cancel(future);
        executor_end(pool);
        assert_true(thrum_future_done(future));
        thrum_future_unref(future);
    }
}

TEST(F88_a_worker_that_dies_after_shutdown_holds_nothing_up)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *first = send(pool, signal_task, SIGKILL);
    thrum_future *second = send(pool, pointer_task, 0);
    thrum_future *third = send(pool, square_task, 2);

    assert_int_equal(thrum_executor_shutdown(pool, 0, THRUM_NOW), 0);
    executor_end(pool);
    assert_int_equal(failure_of(first)->code, THRUM_ECRASHED);
    assert_int_equal(failure_of(second)->code, THRUM_ENOTSHARED);
    assert_int_equal(number_and_unref(third), 4);
    thrum_future_unref(first);
    thrum_future_unref(second);
}

TEST(F77_a_shutdown_can_be_requested_from_anywhere)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *future = send(pool, square_task, 2);

    assert_int_equal(thrum_executor_request_shutdown(pool), 0);
    assert_int_equal(number_and_unref(future), 4);
    executor_end(pool);
}

/* ---- F92 ---- */

static void kill_pool(int signal, int tasks)
{
    thrum_executor *pool = processes_of(2);
    thrum_future *futures[10];
    thrum_future *refused = NULL;
    int n = 1;

    for (int i = 0; i < tasks; i++)
        futures[i] = send(pool, forever_task, i);
    for (int i = 0; i < tasks && i < 2; i++)
        WAIT_UNTIL(thrum_future_running(futures[i]));
    assert_int_equal(thrum_process_pool_kill_workers(pool, signal), 0);
    assert_int_equal(
        thrum_executor_submit(pool, square_task, &n, sizeof(n), &refused),
        THRUM_ESHUTDOWN);
    executor_end(pool);
    for (int i = 0; i < tasks; i++) {
        if (i < 2)
            assert_int_equal(failure_of(futures[i])->signal, signal);
        else
            assert_true(thrum_future_cancelled(futures[i]));
        thrum_future_unref(futures[i]);
    }
}

TEST(F92_workers_can_be_terminated)
{
    kill_pool(SIGTERM, 10);
}

TEST(F92_workers_can_be_killed)
{
    kill_pool(SIGKILL, 10);
}

TEST(F92_killing_a_pool_that_has_not_started)
{
    kill_pool(SIGKILL, 0);
}

TEST(F92_killing_workers_that_are_dead)
{
    thrum_executor *pool = processes_of(1);

    kill(worker_of(pool), SIGKILL);
    assert_int_equal(thrum_process_pool_kill_workers(pool, SIGTERM), 0);
    assert_int_equal(thrum_process_pool_kill_workers(pool, SIGKILL), 0);
    assert_int_equal(thrum_process_pool_kill_workers(pool, 1000), -EINVAL);
    executor_end(pool);
}

TEST(F92_no_replacement_escapes)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;

    options.max_workers = 2;
    options.max_tasks_per_worker = 1;
    for (unsigned round = 0; round < test_scale(10) + 1; round++) {
        thrum_executor *pool = processes_with(&options);
        thrum_future *futures[8];

        for (int i = 0; i < 8; i++)
            futures[i] = send(pool, square_task, i);
        assert_int_equal(number_of(futures[0]), 0);
        assert_int_equal(thrum_process_pool_kill_workers(pool, SIGKILL), 0);
        executor_end(pool);
        for (int i = 0; i < 8; i++) {
            assert_true(thrum_future_done(futures[i]));
            thrum_future_unref(futures[i]);
        }
    }
}

/* ---- forks of the owner ---- */

static int use_in_child(void *arg)
{
    thrum_executor *pool = arg;
    thrum_executor *own = NULL;
    thrum_future *future = NULL;
    int n = 3;

    CHECK_INT(thrum_executor_submit(pool, square_task, &n, sizeof(n), &future),
              -ECHILD);
    CHECK_INT(thrum_process_pool_resize(pool, 2), -ECHILD);
    CHECK_INT(thrum_process_pool_kill_workers(pool, SIGKILL), -ECHILD);
    CHECK_INT(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER),
              -ECHILD);
    thrum_executor_unref(pool);
    /* it can have one of its own */
    if (CHECK_INT(thrum_process_pool_new(NULL, &own), 0)) {
        CHECK_INT(
            thrum_executor_submit(own, square_task, &n, sizeof(n), &future), 0);
        CHECK_INT(number_of(future), 9);
        thrum_future_unref(future);
        CHECK_INT(thrum_executor_shutdown(own, THRUM_WAIT, THRUM_FOREVER), 0);
        thrum_executor_unref(own);
    }
    return 0;
}

static int use_future_in_child(void *arg)
{
    thrum_future *future = arg;

    CHECK_INT(thrum_future_running(future), false);
    CHECK_INT(thrum_future_cancel(future), false);
    CHECK_INT(thrum_future_request_cancel(future), 0);
    CHECK_INT(thrum_future_kill(future, THRUM_NOW), -ENOTSUP);
    CHECK_INT(thrum_future_result(future, THRUM_NOW, (void *[1]){NULL}),
              -ECHILD);
    thrum_future_unref(future);
    return 0;
}

TEST(a_forked_childs_copy_is_inert)
{
    thrum_executor *pool;
    thrum_future *running;

    if (TEST_TSAN)
        TEST_SKIP("ThreadSanitizer starts no threads in a child of threads");
    pool = processes_of(1);
    running = send(pool, forever_task, 0);
    assert_int_equal(in_child(use_in_child, pool), 0);
    assert_int_equal(in_child(use_future_in_child, running), 0);
    assert_false(thrum_future_done(running));
    assert_int_equal(thrum_future_kill(running, THRUM_FOREVER), 0);
    thrum_future_unref(running);
    assert_int_equal(number_and_unref(send(pool, square_task, 5)), 25);
    executor_end(pool);
}

PROCESSES_MAIN("process_end")
