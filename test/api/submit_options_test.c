/* SPDX-License-Identifier: MIT */
/*
 * test/api/submit_options_test.c - what a task may be submitted with.
 */
#include "tasks.h"

struct order {
    atomic_uint next;
    unsigned place[16];
};

struct entry {
    struct order *order;
    unsigned number;
};

static void *note_place(void *arg)
{
    struct entry *entry = arg;

    entry->order->place[atomic_fetch_add(&entry->order->next, 1)] =
        entry->number;
    return NULL;
}

TEST(above_zero_goes_before_others_and_below_zero_after_them)
{
    static const int priorities[] = {0, -1, 5, 0, 1, 5, -1, -7};
    static const unsigned expected[] = {2, 4, 5, 0, 3, 1, 6, 7};
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    struct order order = {0};

    for (unsigned i = 0; i < 8; i++) {
        struct entry entry = {&order, i};

        options.priority = priorities[i];
        assert_int_equal(thrum_executor_submit_with(pool, note_place, &entry,
                                                    sizeof(entry), &options,
                                                    NULL),
                         0);
    }
    gate_open(&gate);
    executor_end(pool);
    assert_memory_equal(order.place, expected, sizeof(expected));
}

struct feeder {
    struct gate gate;
    struct gate submitted;
    struct order order;
};

static void *feed(void *arg)
{
    struct feeder *feeder = arg;
    struct entry entry = {&feeder->order, 1};

    CHECK_INT(thrum_executor_submit(thrum_executor_current(), note_place,
                                    &entry, sizeof(entry), NULL),
              0);
    gate_open(&feeder->submitted);
    gate_wait(&feeder->gate);
    return NULL;
}

/* Priority holds against what a task has submitted to its own pool, too. */
TEST(priority_goes_before_the_tasks_of_tasks)
{
    thrum_executor *pool = pool_of(1);
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    struct feeder feeder = {GATE_INIT, GATE_INIT, {0}};
    struct entry entry = {&feeder.order, 2};
    thrum_future *future = submit(pool, feed, &feeder);

    gate_wait(&feeder.submitted);
    options.priority = 1;
    assert_int_equal(thrum_executor_submit_with(pool, note_place, &entry,
                                                sizeof(entry), &options, NULL),
                     0);
    gate_open(&feeder.gate);
    executor_end(pool);
    thrum_future_unref(future);
    assert_int_equal(feeder.order.place[0], 2);
    assert_int_equal(feeder.order.place[1], 1);
}

TEST(start_ns_lets_a_task_that_begins_in_time_run)
{
    thrum_executor *pool = pool_of(1);
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    struct token token = {0};
    thrum_future *future = NULL;

    options.start_ns = INT64_MAX; /* saturates */
    assert_int_equal(thrum_executor_submit_with(pool, token_task, &token, 0,
                                                &options, &future),
                     0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    executor_end(pool);
    assert_token(&token, 1, 0);
}

TEST(start_ns_fails_a_task_that_comes_too_late)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    struct token token = {0};
    thrum_future *future = NULL;

    options.start_ns = 1;
    assert_int_equal(thrum_executor_submit_with(pool, token_task, &token, 0,
                                                &options, &future),
                     0);
    gate_open(&gate);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL),
                     THRUM_EFAILED);
    assert_int_equal(error_code_of(future), THRUM_EEXPIRED);
    assert_false(thrum_future_cancelled(future));
    thrum_future_unref(future);
    executor_end(pool);
    assert_token(&token, 0, 0);
}

TEST(spans_below_zero_are_refused)
{
    thrum_executor *executors[] = {pool_of(1), inline_new()};
    thrum_future *future = NULL;

    for (size_t i = 0; i < 2; i++) {
        thrum_submit_options start = THRUM_SUBMIT_OPTIONS;
        thrum_submit_options run = THRUM_SUBMIT_OPTIONS;
        struct token token = {0};

        start.start_ns = -1;
        start.free_arg = token_free;
        run.run_ns = -1;
        assert_int_equal(thrum_executor_submit_with(executors[i], token_task,
                                                    &token, 0, &start, &future),
                         -EINVAL);
        assert_int_equal(thrum_executor_submit_with(executors[i], token_task,
                                                    &token, 0, &run, &future),
                         -EINVAL);
        executor_end(executors[i]);
        assert_token(&token, 0, 0);
    }
}

TEST(run_ns_is_not_supported_where_nothing_can_kill)
{
    TEST_OF_THREADS;
    thrum_executor *executors[] = {pool_of(1), inline_new()};
    thrum_future *future = NULL;

    for (size_t i = 0; i < 2; i++) {
        thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
        struct token token = {0};

        options.run_ns = 1000;
        options.free_arg = token_free;
        assert_int_equal(thrum_executor_submit_with(executors[i], token_task,
                                                    &token, 0, &options,
                                                    &future),
                         -ENOTSUP);
        executor_end(executors[i]);
        assert_token(&token, 0, 0);
    }
}

TEST(no_options_are_the_default_options)
{
    thrum_executor *pool = pool_of(1);
    struct token token = {0};
    thrum_future *future = NULL;

    assert_int_equal(
        thrum_executor_submit_with(pool, token_task, &token, 0, NULL, &future),
        0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    executor_end(pool);
    assert_token(&token, 1, 0);
}

TEST_MAIN("submit_options")
