/* SPDX-License-Identifier: MIT */
/*
 * test/api/process_pool_test.c - tasks in worker processes.
 */
#include "processes.h"

TEST(a_task_runs_in_another_process)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *future = send(pool, pid_task, 0);

    assert_true(number_of(future) != (int)getpid());
    thrum_future_unref(future);
    executor_end(pool);
}

TEST(many_tasks_have_their_results)
{
    thrum_executor *pool = processes_of(2);
    unsigned n = test_scale(2000);
    thrum_future **futures = calloc(n, sizeof(*futures));

    for (unsigned i = 0; i < n; i++)
        futures[i] = send(pool, square_task, (int)i);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(number_and_unref(futures[i]), (int)(i * i));
    free(futures);
    executor_end(pool);
}

TEST(an_error_comes_back_and_the_worker_goes_on)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *bad = send(pool, raise_task, THRUM_EUSER - 3);
    const thrum_error *error = failure_of(bad);

    assert_int_equal(error->code, THRUM_EUSER - 3);
    assert_string_equal(error->message, "raised -65539");
    assert_non_null(error->file);
    assert_true(error->line > 0);
    thrum_future_unref(bad);
    assert_int_equal(number_and_unref(send(pool, square_task, 5)), 25);
    executor_end(pool);
}

TEST(a_crash_fails_its_task_alone)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *bad = send(pool, segv_task, 0);
    thrum_future *good = send(pool, square_task, 7);
    const thrum_error *error = failure_of(bad);

    assert_int_equal(error->code, THRUM_ECRASHED);
    assert_int_equal(error->signal, SIGSEGV);
    assert_true(error->pid > 0);
    assert_int_equal(number_and_unref(good), 49);
    thrum_future_unref(bad);
    executor_end(pool);
}

TEST_MAIN("process_pool")
