/* SPDX-License-Identifier: MIT */
/*
 * test/api/scope_test.c - tasks that do not outlive the block (rule F71).
 */
#include <thrum/scope.h>

#include "tasks.h"

static thrum_scope *scope_new(thrum_time deadline)
{
    thrum_scope *scope = NULL;

    assert_int_equal(thrum_scope_new(deadline, &scope), 0);
    return scope;
}

static thrum_future *scope_submit(thrum_scope *scope, thrum_executor *executor,
                                  thrum_fn *fn, void *arg)
{
    thrum_future *future = NULL;

    assert_int_equal(thrum_scope_submit(scope, executor, fn, arg, 0, &future),
                     0);
    return future;
}

TEST(F71_close_waits_for_all_of_its_tasks)
{
    thrum_executor *executors[] = {inline_new(), pool_of(1), pool_of(3)};

    for (size_t e = 0; e < 3; e++) {
        thrum_scope *scope = scope_new(THRUM_FOREVER);
        atomic_uint ran = 0;

        for (int i = 0; i < 50; i++)
            assert_int_equal(thrum_scope_submit(scope, executors[e], count_task,
                                                &ran, 0, NULL),
                             0);
        assert_int_equal(thrum_scope_close(scope), 0);
        assert_int_equal(atomic_load(&ran), 50);
        executor_end(executors[e]);
    }
}

TEST(F71_an_empty_scope_closes_at_once)
{
    thrum_scope *scope = scope_new(THRUM_FOREVER);

    assert_int_equal(thrum_scope_wait(scope), 0);
    assert_null(thrum_scope_error(scope));
    assert_int_equal(thrum_scope_close(scope), 0);
    assert_int_equal(thrum_scope_close(NULL), 0);
}

/* A task that goes on until it is told to stop. */
static void *until_cancelled(void *arg)
{
    struct token *token = arg;

    atomic_fetch_add(&token->begun, 1);
    while (!thrum_cancelled())
        sched_yield();
    atomic_fetch_add(&token->ran, 1);
    return NULL;
}

TEST(F71_the_first_error_cancels_the_rest)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = pool_of(2);
    thrum_scope *scope = scope_new(THRUM_FOREVER);
    struct token failing = {.gate = &gate, .code = -EIO};
    struct token running = {0};
    struct token pending = {0};
    thrum_future *futures[3];

    futures[0] = scope_submit(scope, pool, until_cancelled, &running);
    futures[1] = scope_submit(scope, pool, token_task, &failing);
    WAIT_UNTIL(atomic_load(&running.begun) + atomic_load(&failing.begun) == 2);
    futures[2] = scope_submit(scope, pool, token_task, &pending);
    gate_open(&gate);
    assert_int_equal(thrum_scope_wait(scope), -EIO);
    assert_non_null(thrum_scope_error(scope));
    assert_int_equal(thrum_scope_error(scope)->code, -EIO);
    assert_true(thrum_future_cancelled(futures[0]));
    assert_true(thrum_future_cancelled(futures[2]));
    assert_int_equal(error_code_of(futures[1]), -EIO);
    assert_int_equal(
        thrum_scope_submit(scope, pool, token_task, &pending, 0, NULL),
        THRUM_ECLOSED);
    assert_int_equal(thrum_scope_close(scope), -EIO);
    assert_token(&pending, 0, 0);
    assert_int_equal(atomic_load(&running.ran), 1);
    for (int i = 0; i < 3; i++)
        thrum_future_unref(futures[i]);
    executor_end(pool);
}

TEST(F71_the_first_of_two_errors_is_told)
{
    thrum_executor *pool = pool_of(2);
    thrum_scope *scope = scope_new(THRUM_FOREVER);
    struct gate gate = GATE_INIT;
    struct token first = {.code = -EIO};
    struct token second = {.code = -EPERM, .gate = &gate};
    thrum_future *late = scope_submit(scope, pool, token_task, &second);
    thrum_future *early;

    WAIT_UNTIL(thrum_future_running(late));
    early = scope_submit(scope, pool, token_task, &first);
    assert_int_equal(thrum_future_quiesce(early, THRUM_FOREVER), 0);
    gate_open(&gate);
    assert_int_equal(thrum_scope_wait(scope), -EIO);
    assert_int_equal(error_code_of(late), -EPERM);
    assert_int_equal(thrum_scope_close(scope), -EIO);
    thrum_future_unref(early);
    thrum_future_unref(late);
    executor_end(pool);
}

/* A cancelled task is no error: the others go on. */
TEST(F71_a_cancelled_task_does_not_cancel_the_rest)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    thrum_scope *scope = scope_new(THRUM_FOREVER);
    atomic_uint ran = 0;
    thrum_future *future = scope_submit(scope, pool, count_task, &ran);

    assert_int_equal(thrum_scope_submit(scope, pool, count_task, &ran, 0, NULL),
                     0);
    assert_true(thrum_future_cancel(future));
    thrum_future_unref(future);
    gate_open(&gate);
    assert_int_equal(thrum_scope_close(scope), 0);
    assert_int_equal(atomic_load(&ran), 1);
    executor_end(pool);
}

TEST(the_deadline_cancels_and_running_tasks_are_waited_for)
{
    thrum_executor *pool = pool_of(1);
    thrum_scope *scope = scope_new(thrum_in_ms(5));
    struct token running = {0};
    struct token pending = {0};
    thrum_future *futures[2];

    futures[0] = scope_submit(scope, pool, until_cancelled, &running);
    futures[1] = scope_submit(scope, pool, token_task, &pending);
    assert_int_equal(thrum_scope_wait(scope), -ETIMEDOUT);
    assert_true(thrum_future_cancelled(futures[1]));
    assert_true(thrum_future_done(futures[0]));
    assert_int_equal(
        thrum_scope_submit(scope, pool, token_task, &pending, 0, NULL),
        THRUM_ECLOSED);
    assert_int_equal(thrum_scope_close(scope), -ETIMEDOUT);
    assert_token(&pending, 0, 0);
    thrum_future_unref(futures[0]);
    thrum_future_unref(futures[1]);
    executor_end(pool);
}

TEST(what_is_done_by_the_deadline_is_not_cancelled_by_it)
{
    thrum_executor *executor = inline_new();
    thrum_scope *scope = scope_new(THRUM_NOW);
    atomic_uint ran = 0;

    assert_int_equal(
        thrum_scope_submit(scope, executor, count_task, &ran, 0, NULL), 0);
    assert_int_equal(thrum_scope_close(scope), 0);
    assert_int_equal(atomic_load(&ran), 1);
    executor_end(executor);
}

TEST(cancel_by_hand)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    thrum_scope *scope = scope_new(THRUM_FOREVER);
    struct token pending = {0};
    thrum_future *future = scope_submit(scope, pool, token_task, &pending);

    thrum_scope_cancel(scope);
    assert_true(thrum_future_cancelled(future));
    assert_int_equal(
        thrum_scope_submit(scope, pool, token_task, &pending, 0, NULL),
        THRUM_ECLOSED);
    thrum_scope_cancel(scope);
    gate_open(&gate);
    assert_int_equal(thrum_scope_wait(scope), THRUM_ECANCELLED);
    assert_null(thrum_scope_error(scope));
    assert_int_equal(thrum_scope_close(scope), THRUM_ECANCELLED);
    assert_token(&pending, 0, 0);
    thrum_future_unref(future);
    executor_end(pool);
}

/* ---- from its own tasks ---- */

struct family {
    thrum_scope *scope;
    thrum_executor *executor;
    atomic_uint members;
    unsigned depth;
};

static void *have_children(void *arg)
{
    struct family *family = *(struct family **)arg;
    unsigned depth = ((unsigned *)((struct family **)arg + 1))[0];
    struct {
        struct family *family;
        unsigned depth;
    } child = {family, depth - 1};

    atomic_fetch_add(&family->members, 1);
    if (depth == 0)
        return NULL;
    for (int i = 0; i < 2; i++)
        CHECK_INT(thrum_scope_submit(family->scope, family->executor,
                                     have_children, &child, sizeof(child),
                                     NULL),
                  0);
    return NULL;
}

TEST(its_own_tasks_submit_into_it)
{
    thrum_executor *executors[] = {inline_new(), pool_of(1), pool_of(3)};

    for (size_t e = 0; e < 3; e++) {
        struct family family = {scope_new(THRUM_FOREVER), executors[e], 0, 7};
        struct {
            struct family *family;
            unsigned depth;
        } first = {&family, 7};

        assert_int_equal(thrum_scope_submit(family.scope, executors[e],
                                            have_children, &first,
                                            sizeof(first), NULL),
                         0);
        assert_int_equal(thrum_scope_close(family.scope), 0);
        assert_int_equal(atomic_load(&family.members), 255);
        executor_end(executors[e]);
    }
}

static void *cancel_scope(void *arg)
{
    thrum_scope_cancel(arg);
    return arg;
}

TEST(its_own_task_cancels_it)
{
    thrum_executor *pool = pool_of(1);
    thrum_scope *scope = scope_new(THRUM_FOREVER);
    struct gate gate = GATE_INIT;
    struct token pending = {0};
    thrum_future *first = scope_submit(scope, pool, gate_task, &gate);
    thrum_future *second = scope_submit(scope, pool, cancel_scope, scope);
    thrum_future *third = scope_submit(scope, pool, token_task, &pending);

    gate_open(&gate);
    assert_int_equal(thrum_scope_wait(scope), THRUM_ECANCELLED);
    assert_int_equal(thrum_future_result(second, THRUM_FOREVER, NULL), 0);
    assert_true(thrum_future_cancelled(third));
    assert_int_equal(thrum_scope_close(scope), THRUM_ECANCELLED);
    thrum_future_unref(first);
    thrum_future_unref(second);
    thrum_future_unref(third);
    executor_end(pool);
    assert_token(&pending, 0, 0);
}

/* A scope inside a task, over the pool of that task. */
static void *scope_in_task(void *arg)
{
    thrum_executor *pool = thrum_executor_current();
    thrum_scope *scope = NULL;

    CHECK_INT(thrum_scope_new(THRUM_FOREVER, &scope), 0);
    for (int i = 0; i < 10; i++)
        CHECK_INT(thrum_scope_submit(scope, pool, count_task, arg, 0, NULL), 0);
    CHECK_INT(thrum_scope_close(scope), 0);
    return NULL;
}

TEST(F96_a_scope_within_a_task_of_a_pool_of_one)
{
    static const int workers[] = {1, 2};

    for (size_t i = 0; i < 2; i++) {
        thrum_executor *pool = pool_of(workers[i]);
        atomic_uint ran = 0;
        thrum_future *future = submit(pool, scope_in_task, &ran);

        assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
        assert_int_equal(atomic_load(&ran), 10);
        thrum_future_unref(future);
        executor_end(pool);
    }
}

/* ---- what submit refuses ---- */

TEST(a_refused_submit_is_not_in_the_scope)
{
    thrum_executor *pool = pool_of(1);
    thrum_scope *scope = scope_new(THRUM_FOREVER);
    thrum_future *future = NULL;
    atomic_uint ran = 0;

    executor_end(thrum_executor_ref(pool));
    assert_int_equal(
        thrum_scope_submit(scope, pool, count_task, &ran, 0, &future),
        THRUM_ESHUTDOWN);
    assert_int_equal(
        thrum_scope_submit(scope, NULL, count_task, &ran, 0, &future), -EINVAL);
    assert_int_equal(thrum_scope_submit(scope, pool, NULL, &ran, 0, &future),
                     -EINVAL);
    assert_null(future);
    assert_int_equal(thrum_scope_close(scope), 0);
    thrum_executor_unref(pool);
}

TEST(tasks_of_several_executors_in_one_scope)
{
    thrum_executor *executors[] = {inline_new(), pool_of(1), pool_of(2)};
    thrum_scope *scope = scope_new(THRUM_FOREVER);
    atomic_uint ran = 0;

    for (size_t i = 0; i < 30; i++)
        assert_int_equal(thrum_scope_submit(scope, executors[i % 3], count_task,
                                            &ran, 0, NULL),
                         0);
    assert_int_equal(thrum_scope_close(scope), 0);
    assert_int_equal(atomic_load(&ran), 30);
    for (size_t i = 0; i < 3; i++)
        executor_end(executors[i]);
}

TEST(a_shutdown_that_cancels_its_tasks_leaves_the_scope_whole)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    thrum_scope *scope = scope_new(THRUM_FOREVER);
    atomic_uint ran = 0;

    for (int i = 0; i < 5; i++)
        assert_int_equal(
            thrum_scope_submit(scope, pool, count_task, &ran, 0, NULL), 0);
    assert_int_equal(
        thrum_executor_shutdown(pool, THRUM_CANCEL_FUTURES, THRUM_NOW), 0);
    assert_int_equal(thrum_scope_close(scope), 0);
    assert_int_equal(atomic_load(&ran), 0);
    gate_open(&gate);
    executor_end(pool);
}

TEST_MAIN("scope")
