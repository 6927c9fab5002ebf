/* SPDX-License-Identifier: MIT */
/*
 * test/api/process_kill_test.c - one task, stopped: before it begins, by asking,
 * by force, by its own deadline.
 */
#include "processes.h"

TEST(F89_running_means_running)
{
    thrum_executor *pool = processes_of(2);
    thrum_future *futures[8];
    unsigned running = 0;

    for (int i = 0; i < 8; i++)
        futures[i] = send(pool, forever_task, i);
    while (running < 2) {
        running = 0;
        for (int i = 0; i < 8; i++)
            running += thrum_future_running(futures[i]);
    }
    assert_int_equal(running, 2);
    running = 0;
    for (int i = 0; i < 8; i++)
        if (!thrum_future_cancel(futures[i]))
            running++;
    assert_int_equal(running, 2);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(thrum_future_kill(futures[i], THRUM_FOREVER), 0);
        assert_true(thrum_future_cancelled(futures[i]));
        thrum_future_unref(futures[i]);
    }
    executor_end(pool);
}

TEST(F5_a_queued_task_that_is_cancelled_never_runs)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *first = send(pool, forever_task, 0);
    thrum_future *second = send(pool, exit_task, 1);

    WAIT_UNTIL(thrum_future_running(first));
    assert_false(thrum_future_cancel(first));
    assert_true(thrum_future_cancel(second));
    assert_true(thrum_future_cancel(second));
    assert_int_equal(
        thrum_future_result(second, THRUM_FOREVER, (void *[1]){NULL}),
        THRUM_ECANCELLED);
    assert_int_equal(thrum_future_kill(first, THRUM_FOREVER), 0);
    assert_int_equal(number_and_unref(send(pool, square_task, 5)), 25);
    thrum_future_unref(first);
    thrum_future_unref(second);
    executor_end(pool);
}

TEST(kill_ends_a_running_task_and_no_other)
{
    thrum_executor *pool = processes_of(1);

    for (unsigned round = 0; round < test_scale(20) + 1; round++) {
        thrum_future *task = send(pool, forever_task, 0);
        thrum_future *behind[10];

        for (int i = 0; i < 10; i++)
            behind[i] = send(pool, square_task, i);
        WAIT_UNTIL(thrum_future_running(task));
        assert_int_equal(thrum_future_kill(task, THRUM_FOREVER), 0);
        assert_true(thrum_future_cancelled(task));
        for (int i = 0; i < 10; i++)
            assert_int_equal(number_and_unref(behind[i]), i * i);
        thrum_future_unref(task);
    }
    executor_end(pool);
}

/* The kill comes at any time of a short task's life. */
TEST(a_kill_that_races_with_the_end_hits_nobody_else)
{
    thrum_executor *pool = processes_of(2);

    for (unsigned round = 0; round < test_scale(300) + 3; round++) {
        thrum_future *tasks[6];

        for (int i = 0; i < 6; i++)
            tasks[i] = send(pool, square_task, i);
        assert_int_equal(thrum_future_kill(tasks[round % 3], THRUM_FOREVER), 0);
        for (int i = 0; i < 6; i++) {
            if (i != (int)(round % 3))
                assert_int_equal(number_of(tasks[i]), i * i);
            thrum_future_unref(tasks[i]);
        }
    }
    executor_end(pool);
}

TEST(a_kill_with_a_deadline_that_is_past_has_asked)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *task = send(pool, forever_task, 0);
    int rc;

    WAIT_UNTIL(thrum_future_running(task));
    rc = thrum_future_kill(task, THRUM_NOW);
    assert_true(rc == -ETIMEDOUT || rc == 0);
    assert_int_equal(
        thrum_future_result(task, THRUM_FOREVER, (void *[1]){NULL}),
        THRUM_ECANCELLED);
    thrum_future_unref(task);
    executor_end(pool);
}

/* ---- asking ---- */

static void *polite_task(void *arg)
{
    while (!thrum_cancelled())
        sched_yield();
    return NULL;
}

TEST(a_task_is_told_that_it_is_asked_to_stop)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *task = send(pool, polite_task, 0);
    int pid;

    WAIT_UNTIL(thrum_future_running(task));
    assert_int_equal(thrum_future_request_cancel(task), 0);
    assert_int_equal(
        thrum_future_result(task, THRUM_FOREVER, (void *[1]){NULL}),
        THRUM_ECANCELLED);
    thrum_future_unref(task);
    pid = number_and_unref(send(pool, pid_task, 0));
    assert_int_equal(pid, number_and_unref(send(pool, pid_task, 0)));
    executor_end(pool);
}

/* ---- deadlines ---- */

static thrum_future *send_limited(thrum_executor *pool, thrum_fn *fn,
                                  int64_t run_ns)
{
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    thrum_future *future = NULL;
    int n = 3;

    options.run_ns = run_ns;
    assert_int_equal(
        thrum_executor_submit_with(pool, fn, &n, sizeof(n), &options, &future),
        0);
    return future;
}

TEST(a_task_that_runs_too_long_is_killed)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *bad = send_limited(pool, forever_task, 1000000);
    thrum_future *good = send_limited(pool, square_task, 100000000000);
    const thrum_error *error = failure_of(bad);

    assert_int_equal(error->code, THRUM_EEXPIRED);
    assert_true(error->pid > 0);
    assert_int_equal(number_and_unref(good), 9);
    thrum_future_unref(bad);
    executor_end(pool);
}

/* Time in the queue does not count. */
TEST(the_time_of_a_task_counts_from_its_beginning)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;
    thrum_future *bad[3];

    options.max_workers = 1;
    options.run_ns = 2000000;
    pool = processes_with(&options);
    for (int i = 0; i < 3; i++)
        bad[i] = send(pool, forever_task, i);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(failure_of(bad[i])->code, THRUM_EEXPIRED);
        thrum_future_unref(bad[i]);
    }
    executor_end(pool);
}

TEST(a_task_that_is_not_begun_in_time_fails)
{
    thrum_executor *pool = processes_of(1);
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    thrum_future *first = send(pool, forever_task, 0);
    thrum_future *late = NULL;
    int n = 1;

    WAIT_UNTIL(thrum_future_running(first));
    options.start_ns = 1;
    assert_int_equal(thrum_executor_submit_with(pool, square_task, &n,
                                                sizeof(n), &options, &late),
                     0);
    assert_int_equal(thrum_future_kill(first, THRUM_FOREVER), 0);
    assert_int_equal(failure_of(late)->code, THRUM_EEXPIRED);
    thrum_future_unref(first);
    thrum_future_unref(late);
    executor_end(pool);
}

/* ---- limits ---- */

static void *burn_task(void *arg)
{
    for (;;)
        *(volatile unsigned *)arg += 1;
    return arg;
}

TEST(a_task_that_uses_up_its_cpu_hits_a_limit)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;
    thrum_future *bad;

    options.max_workers = 1;
    options.cpu_limit = 1;
    options.no_core = true;
    pool = processes_with(&options);
    bad = send(pool, burn_task, 0);
    assert_int_equal(failure_of(bad)->code, THRUM_ERLIMIT);
    thrum_future_unref(bad);
    assert_int_equal(number_and_unref(send(pool, square_task, 5)), 25);
    executor_end(pool);
}

static void *hoard_task(void *arg)
{
    char *memory = malloc((size_t)1 << 30);
    int got = memory != NULL;

    free(memory);
    return thrum_return(&got, sizeof(got));
}

TEST(memory_is_limited)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;

    if (TEST_ASAN || TEST_TSAN)
        TEST_SKIP("sanitizers need their address space");
    options.max_workers = 1;
    options.memory_limit = (uint64_t)512 << 20;
    pool = processes_with(&options);
    assert_int_equal(number_and_unref(send(pool, hoard_task, 0)), 0);
    executor_end(pool);
}

static void *descriptors_task(void *arg)
{
    int n = 0;

    while (n < 1000 && dup(STDOUT_FILENO) >= 0)
        n++;
    return thrum_return(&n, sizeof(n));
}

TEST(descriptors_are_limited)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;

    options.max_workers = 1;
    options.file_limit = 20;
    pool = processes_with(&options);
    assert_in_range(number_and_unref(send(pool, descriptors_task, 0)), 1, 19);
    executor_end(pool);
}

PROCESSES_MAIN("process_kill")
