/* SPDX-License-Identifier: MIT */
/*
 * test/api/inline_test.c - the executor that runs each task in its caller.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "futures.h"

static void *where_task(void *ret_executor)
{
    *(thrum_executor **)ret_executor = thrum_executor_current();
    return (void *)pthread_self();
}

TEST(submit_returns_a_settled_future)
{
    thrum_executor *here = inline_new();
    thrum_executor *seen = NULL;
    thrum_future *future = submit(here, where_task, &seen);
    void *thread = NULL;

    assert_true(thrum_future_done(future));
    assert_int_equal(thrum_future_result(future, THRUM_NOW, &thread), 0);
    assert_true(pthread_equal((pthread_t)thread, pthread_self()));
    assert_ptr_equal(seen, here);
    assert_null(thrum_executor_current());
    assert_false(thrum_future_cancel(future));
    thrum_future_unref(future);
    executor_end(here);
}

struct counted {
    atomic_uint freed;
    void *expected;
    pthread_t thread;
};

static struct counted counted;

static void count_free(void *arg)
{
    atomic_fetch_add(&counted.freed, 1);
    CHECK(arg == counted.expected);
    CHECK(pthread_equal(pthread_self(), counted.thread));
}

static void *copied_task(void *arg)
{
    CHECK((uintptr_t)arg % _Alignof(max_align_t) == 0);
    CHECK_INT((long)atomic_load(&counted.freed), 0);
    counted.expected = arg; /* free_arg gets what fn gets */
    return strcmp(arg, "copied") == 0 ? &counted : NULL;
}

TEST(arguments_are_copied_and_freed)
{
    thrum_executor *here = inline_new();
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    thrum_future *future = NULL;
    char text[] = "copied";
    void *result = NULL;

    counted.thread = pthread_self();
    atomic_store(&counted.freed, 0);
    options.free_arg = count_free;
    options.name = "a name";
    assert_int_equal(thrum_executor_submit_with(here, copied_task, text,
                                                sizeof(text), &options,
                                                &future),
                     0);
    assert_int_equal(thrum_future_result(future, THRUM_NOW, &result), 0);
    assert_ptr_equal(result, &counted);
    assert_ptr_not_equal(counted.expected, text);
    assert_int_equal(atomic_load(&counted.freed), 1);
    thrum_future_unref(future);
    executor_end(here);
    assert_int_equal(atomic_load(&counted.freed), 1);
}

TEST(bad_arguments_are_refused)
{
    thrum_executor *here = inline_new();
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    thrum_future *future = NULL;

    assert_int_equal(thrum_executor_submit(here, NULL, NULL, 0, &future),
                     -EINVAL);
    assert_int_equal(thrum_executor_submit(NULL, gate_task, NULL, 0, &future),
                     -EINVAL);
    options.start_ns = -1;
    assert_int_equal(
        thrum_executor_submit_with(here, gate_task, NULL, 0, &options, &future),
        -EINVAL);
    assert_int_equal(thrum_executor_shutdown(here, 4, THRUM_NOW), -EINVAL);
    assert_null(future);
    executor_end(here);
}

static void *nest_task(void *executor)
{
    thrum_executor *seen = NULL;
    thrum_future *inner = NULL;

    CHECK_INT(thrum_executor_submit(executor, where_task, &seen, 0, &inner), 0);
    CHECK_INT(thrum_future_result(inner, THRUM_FOREVER, NULL), 0);
    CHECK(seen == executor);
    CHECK(thrum_executor_current() == executor);
    thrum_future_unref(inner);
    return executor;
}

TEST(tasks_nest)
{
    thrum_executor *here = inline_new();
    thrum_future *future = submit(here, nest_task, here);

    assert_int_equal(thrum_future_result(future, THRUM_NOW, NULL), 0);
    thrum_future_unref(future);
    executor_end(here);
}

static void *square_task(void *arg)
{
    int *number = arg;

    *number *= *number;
    return number;
}

TEST(many_at_once_run_in_order)
{
    thrum_executor *here = inline_new();
    int numbers[] = {1, 2, 3, 4, 5};
    void *args[] = {&numbers[0], &numbers[1], &numbers[2], &numbers[3],
                    &numbers[4]};
    thrum_future *futures[5];

    assert_int_equal(
        thrum_executor_submit_many(here, square_task, args, 5, futures), 5);
    assert_int_equal(
        thrum_executor_submit_many(here, square_task, args, 5, NULL), 5);
    assert_int_equal(
        thrum_executor_submit_many(here, square_task, NULL, 0, NULL), 0);
    for (int i = 0; i < 5; i++) {
        int n = i + 1;

        assert_int_equal(numbers[i], n * n * n * n);
        thrum_future_unref(futures[i]);
    }
    executor_end(here);
}

TEST(after_a_shutdown_nothing_is_taken)
{
    thrum_executor *here = inline_new();
    thrum_future *future = NULL;

    assert_int_equal(thrum_executor_shutdown(here, 0, THRUM_NOW), 0);
    assert_int_equal(thrum_executor_submit(here, gate_task, NULL, 0, &future),
                     THRUM_ESHUTDOWN);
    assert_int_equal(thrum_executor_submit(here, gate_task, NULL, 0, NULL),
                     THRUM_ESHUTDOWN);
    assert_null(future);
    assert_int_equal(thrum_executor_shutdown(here,
                                             THRUM_WAIT | THRUM_CANCEL_FUTURES,
                                             THRUM_FOREVER),
                     0);
    thrum_executor_unref(here);
}

/* A deadlock here would be one of a thread with itself. */
static void *wait_for_self_task(void *ret)
{
    return (void *)(intptr_t)thrum_future_result(*(thrum_future **)ret,
                                                 thrum_in_ms(1), NULL);
}

TEST(a_wait_in_an_inline_task_ends)
{
    thrum_executor *here = inline_new();
    struct deal deal = deal_new();
    thrum_future *future = submit(here, wait_for_self_task, &deal.future);
    void *rc = NULL;

    assert_int_equal(thrum_future_result(future, THRUM_NOW, &rc), 0);
    assert_int_equal((intptr_t)rc, -ETIMEDOUT);
    thrum_future_unref(future);
    executor_end(here);
    deal_end(&deal);
}

static void *submit_run(void *executor)
{
    int number = 3;

    for (unsigned i = 0; i < 200; i++) {
        thrum_future *future = NULL;

        number = 3;
        CHECK_INT(
            thrum_executor_submit(executor, square_task, &number, 0, &future),
            0);
        CHECK_INT(number, 9);
        thrum_future_unref(future);
    }
    return NULL;
}

TEST(several_threads_share_one)
{
    thrum_executor *here = inline_new();
    struct test_thread *threads[4];

    for (int i = 0; i < 4; i++)
        threads[i] = spawn_thread(submit_run, here);
    for (int i = 0; i < 4; i++)
        join_thread(threads[i]);
    executor_end(here);
}

TEST_MAIN("inline")
