/* SPDX-License-Identifier: MIT */
/*
 * test/api/free_arg_test.c - an argument is freed exactly once (rule F49),
 * whatever becomes of its task, on the thread that is stated.
 */
#include <stdlib.h>

#include "tasks.h"

static void assert_freed_here(struct token *token)
{
    assert_int_equal(atomic_load(&token->freed), 1);
    assert_int_equal(atomic_load(&token->freed_by), token_thread());
}

static void assert_freed_by_worker(struct token *token)
{
    assert_int_equal(atomic_load(&token->freed), 1);
    assert_int_equal(atomic_load(&token->freed_by),
                     atomic_load(&token->ran_by));
    assert_int_not_equal(atomic_load(&token->freed_by), token_thread());
}

TEST(F49_after_a_value_by_the_worker_before_it_settles)
{
    thrum_executor *pool = pool_of(1);
    struct token token = {0};
    thrum_future *future = NULL;

    assert_int_equal(token_submit(pool, &token, &future), 0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    assert_freed_by_worker(&token); /* and not only when the pool ends */
    thrum_future_unref(future);
    executor_end(pool);
    assert_token(&token, 1, 1);
}

TEST(F49_after_an_error_by_the_worker)
{
    thrum_executor *pool = pool_of(1);
    struct token token = {.code = -EIO};
    thrum_future *future = NULL;

    assert_int_equal(token_submit(pool, &token, &future), 0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL),
                     THRUM_EFAILED);
    assert_freed_by_worker(&token);
    thrum_future_unref(future);
    executor_end(pool);
    assert_token(&token, 1, 1);
}

TEST(F49_of_a_cancelled_task_by_the_canceller)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    struct token token = {0};
    thrum_future *future = NULL;

    assert_int_equal(token_submit(pool, &token, &future), 0);
    assert_true(thrum_future_cancel(future));
    assert_freed_here(&token);
    assert_true(thrum_future_cancel(future));
    thrum_future_unref(future);
    gate_open(&gate);
    executor_end(pool);
    assert_token(&token, 0, 1);
}

TEST(F49_of_a_task_that_was_asked_to_stop_before_it_began)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    struct token tokens[2] = {{0}, {0}};
    thrum_future *futures[2] = {NULL, NULL};

    for (int i = 0; i < 2; i++)
        assert_int_equal(token_submit(pool, &tokens[i], &futures[i]), 0);
    assert_int_equal(thrum_future_request_cancel(futures[0]), 0);
    assert_int_equal(thrum_future_kill(futures[1], THRUM_FOREVER), 0);
    for (int i = 0; i < 2; i++) {
        assert_freed_here(&tokens[i]);
        assert_true(thrum_future_cancelled(futures[i]));
        thrum_future_unref(futures[i]);
    }
    gate_open(&gate);
    executor_end(pool);
}

TEST(F49_of_a_refused_task_not_at_all)
{
    thrum_executor *pool = pool_of(1);
    struct token token = {0};
    thrum_future *future = NULL;

    executor_end(thrum_executor_ref(pool));
    assert_int_equal(token_submit(pool, &token, &future), THRUM_ESHUTDOWN);
    assert_null(future);
    thrum_executor_unref(pool);
    assert_token(&token, 0, 0);
}

TEST(F49_of_tasks_that_a_shutdown_cancels)
{
    enum {
        MANY = 100
    };
    static struct token tokens[MANY];
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);

    memset(tokens, 0, sizeof(tokens));
    for (int i = 0; i < MANY; i++)
        assert_int_equal(token_submit(pool, &tokens[i], NULL), 0);
    assert_int_equal(
        thrum_executor_shutdown(pool, THRUM_CANCEL_FUTURES, THRUM_NOW), 0);
    for (int i = 0; i < MANY; i++)
        assert_freed_here(&tokens[i]);
    gate_open(&gate);
    executor_end(pool);
    for (int i = 0; i < MANY; i++)
        assert_token(&tokens[i], 0, 1);
}

static int fails(void *arg)
{
    gate_wait(arg);
    return -EIO;
}

TEST(F49_of_the_tasks_of_a_pool_that_broke)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool = NULL;
    struct token tokens[20];
    thrum_future *futures[20];
    struct gate gate = GATE_INIT;
    int accepted = 0;

    memset(tokens, 0, sizeof(tokens));
    options.max_workers = 1;
    options.initializer = fails;
    options.initializer_arg = &gate;
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    for (int i = 0; i < 20; i++) {
        int rc = token_submit(pool, &tokens[i], &futures[accepted]);

        if (rc == 0)
            accepted++;
        else
            assert_int_equal(rc, THRUM_EBROKEN);
        if (i == 9)
            gate_open(&gate);
    }
    assert_true(accepted >= 10);
    for (int i = 0; i < accepted; i++) {
        assert_int_equal(thrum_future_result(futures[i], THRUM_FOREVER, NULL),
                         THRUM_EFAILED);
        assert_int_equal(error_code_of(futures[i]), THRUM_EBROKEN);
        thrum_future_unref(futures[i]);
    }
    executor_end(pool);
    for (int i = 0; i < 20; i++)
        assert_token(&tokens[i], 0, i < accepted);
}

TEST(F49_of_a_task_whose_time_to_begin_passed)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    struct token token = {0};
    thrum_future *future = NULL;

    options.free_arg = token_free;
    options.start_ns = 1;
    assert_int_equal(thrum_executor_submit_with(pool, token_task, &token, 0,
                                                &options, &future),
                     0);
    gate_open(&gate);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL),
                     THRUM_EFAILED);
    assert_int_equal(error_code_of(future), THRUM_EEXPIRED);
    thrum_future_unref(future);
    executor_end(pool);
    assert_token(&token, 0, 1);
}

TEST(F49_of_a_detached_task)
{
    thrum_executor *pool = pool_of(2);
    struct token kept = {0};
    struct token detached = {0};
    thrum_future *future = NULL;

    assert_int_equal(token_submit(pool, &detached, NULL), 0);
    assert_int_equal(token_submit(pool, &kept, &future), 0);
    thrum_future_unref(future); /* before or after it ran */
    executor_end(pool);
    assert_token(&detached, 1, 1);
    assert_token(&kept, 1, 1);
}

TEST(F49_of_an_inline_task_here)
{
    thrum_executor *executor = inline_new();
    struct token token = {0};
    thrum_future *future = NULL;

    assert_int_equal(token_submit(executor, &token, &future), 0);
    assert_freed_here(&token);
    thrum_future_unref(future);
    executor_end(executor);
    assert_token(&token, 1, 1);
}

static void *ends_thread(void *arg)
{
    atomic_fetch_add(&((struct token *)arg)->begun, 1);
    pthread_exit(NULL);
}

TEST(F49_of_a_task_that_ended_its_thread)
{
    if (TEST_GREEN && TEST_TSAN)
        TEST_SKIP("its runtime wants pthread_exit() on the thread's stack");
    thrum_executor *pool = pool_of(1);
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    struct token token = {0};
    struct token after = {0};
    thrum_future *future = NULL;

    options.free_arg = token_free;
    assert_int_equal(thrum_executor_submit_with(pool, ends_thread, &token, 0,
                                                &options, &future),
                     0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL),
                     THRUM_EFAILED);
    assert_int_equal(error_code_of(future), THRUM_EEXITED);
    assert_token(&token, 0, 1);
    thrum_future_unref(future);
    /* the pool goes on */
    assert_int_equal(token_submit(pool, &after, &future), 0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    executor_end(pool);
    assert_token(&after, 1, 1);
}

/* free_arg gets what fn gets: the copy. */
static atomic_uint copies_freed;
static void *_Atomic copy_seen;

static void *see_copy(void *arg)
{
    atomic_store(&copy_seen, arg);
    CHECK(strcmp(arg, "copied") == 0);
    return NULL;
}

static void free_copy(void *arg)
{
    CHECK(strcmp(arg, "copied") == 0);
    CHECK(atomic_load(&copy_seen) == NULL || atomic_load(&copy_seen) == arg);
    atomic_fetch_add(&copies_freed, 1);
}

TEST(F49_gets_the_copy_of_a_copied_argument)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    char text[] = "copied";
    thrum_future *future = NULL;

    atomic_store(&copies_freed, 0);
    atomic_store(&copy_seen, NULL);
    options.free_arg = free_copy;
    assert_int_equal(thrum_executor_submit_with(pool, see_copy, text,
                                                sizeof(text), &options, NULL),
                     0);
    memset(text, 'x', sizeof(text) - 1);
    gate_open(&gate);
    executor_end(pool);
    assert_int_equal(atomic_load(&copies_freed), 1);
    assert_ptr_not_equal(atomic_load(&copy_seen), text);
    /* cancelled: likewise */
    gate_close(&gate);
    pool = busy_pool(NULL, &gate);
    atomic_store(&copy_seen, NULL);
    assert_int_equal(thrum_executor_submit_with(pool, see_copy, "copied", 7,
                                                &options, &future),
                     0);
    assert_true(thrum_future_cancel(future));
    assert_int_equal(atomic_load(&copies_freed), 2);
    thrum_future_unref(future);
    gate_open(&gate);
    executor_end(pool);
}

/* An idle worker does not pin its last task: the result goes with the
 * future. */
static void *owns_arg(void *arg)
{
    return thrum_return_owned(arg, token_free);
}

TEST(F49_an_idle_worker_does_not_keep_the_result)
{
    thrum_executor *pool = pool_of(1);
    struct token token = {0};
    thrum_future *future = submit(pool, owns_arg, &token);

    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    assert_int_equal(atomic_load(&token.freed), 0);
    thrum_future_unref(future);
    /* the worker drops its own reference at its leisure, not at its end */
    WAIT_UNTIL(atomic_load(&token.freed) == 1);
    executor_end(pool);
    assert_int_equal(atomic_load(&token.freed), 1);
}

/* Cancel and begin meet: one of them has the argument. */
static void *cancel_it(void *arg)
{
    return thrum_future_cancel(arg) ? arg : NULL;
}

TEST(F49_once_when_cancel_and_begin_race)
{
    thrum_executor *pool = pool_of(2);
    unsigned rounds = test_scale(2000);

    for (unsigned i = 0; i < rounds; i++) {
        struct token token = {0};
        thrum_future *future = NULL;
        thrum_future *cancel;
        bool cancelled;

        assert_int_equal(token_submit(pool, &token, &future), 0);
        cancel = submit(pool, cancel_it, future);
        cancelled = thrum_future_cancel(future);
        assert_int_equal(thrum_future_quiesce(cancel, THRUM_FOREVER), 0);
        assert_int_equal(thrum_future_quiesce(future, THRUM_FOREVER), 0);
        WAIT_UNTIL(atomic_load(&token.freed) != 0);
        if (cancelled)
            assert_true(thrum_future_cancelled(future));
        assert_token(&token, !thrum_future_cancelled(future), 1);
        thrum_future_unref(cancel);
        thrum_future_unref(future);
    }
    executor_end(pool);
}

TEST_MAIN("free_arg")
