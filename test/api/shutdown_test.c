/* SPDX-License-Identifier: MIT */
/*
 * test/api/shutdown_test.c - the end of a pool: F66 to F77.
 */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>

#include "tasks.h"

static size_t threads_now(void)
{
    DIR *directory = opendir("/proc/self/task");
    size_t count = 0;

    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

/* ---- F66, F67: with and without waiting ---- */

TEST(F66_waiting_runs_all_that_was_submitted)
{
    enum {
        TASKS = 500
    };
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    atomic_uint ran = 0;

    for (int i = 0; i < TASKS; i++)
        thrum_future_unref(submit(pool, count_task, &ran));
    gate_open(&gate);
    assert_int_equal(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER),
                     0);
    assert_int_equal(atomic_load(&ran), TASKS);
    thrum_executor_unref(pool);
}

/* A thread that was joined may still be seen for a moment, but it is no more
 * than that: no descriptor, no memory. */
TEST(F66_waiting_joins_the_threads)
{
    size_t before = threads_now();
    thrum_executor *pool = pool_of(4);
    struct gate gate = GATE_INIT;

    for (int i = 0; i < 4; i++)
        thrum_future_unref(submit(pool, gate_task, &gate));
    WAIT_UNTIL(threads_now() >= before + 1);
    gate_open(&gate);
    assert_int_equal(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER),
                     0);
    WAIT_UNTIL(threads_now() <= before);
    thrum_executor_unref(pool);
}

TEST(F66_a_pool_without_tasks_ends_at_once)
{
    executor_end(pool_of(3));
    thrum_executor_unref(pool_of(3));
}

static void *submit_children(void *arg)
{
    struct token *token = arg;

    gate_wait(token->gate);
    return NULL;
}

static void slow_callback(thrum_future *future, void *arg)
{
    (void)future;
    gate_wait(((struct token *)arg)->gate);
    atomic_fetch_add(&((struct token *)arg)->ran, 1);
}

struct closer {
    thrum_executor *pool;
    atomic_bool returned;
    int rc;
};

static void *close_pool(void *arg)
{
    struct closer *closer = arg;

    closer->rc =
        thrum_executor_shutdown(closer->pool, THRUM_WAIT, THRUM_FOREVER);
    atomic_store(&closer->returned, true);
    return NULL;
}

TEST(F66_waiting_also_waits_for_the_callbacks)
{
    struct gate task_gate = GATE_INIT;
    struct gate callback_gate = GATE_INIT;
    struct token task = {.gate = &task_gate};
    struct token callback = {.gate = &callback_gate};
    struct closer closer = {pool_of(1), false, -1};
    thrum_future *future = submit(closer.pool, submit_children, &task);
    struct test_thread *thread;

    assert_int_equal(
        thrum_future_add_done_callback(future, slow_callback, &callback), 0);
    gate_open(&task_gate);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thread = spawn_thread(close_pool, &closer);
    thread_await_sleep(thread);
    assert_false(atomic_load(&closer.returned));
    gate_open(&callback_gate);
    join_thread(thread);
    assert_int_equal(closer.rc, 0);
    assert_int_equal(atomic_load(&callback.ran), 1);
    thrum_future_unref(future);
    thrum_executor_unref(closer.pool);
}

TEST(F67_not_waiting_returns_at_once_and_the_queue_still_runs)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    thrum_future *futures[10];
    atomic_uint ran = 0;

    for (int i = 0; i < 10; i++)
        futures[i] = submit(pool, count_task, &ran);
    assert_int_equal(thrum_executor_shutdown(pool, 0, THRUM_NOW), 0);
    assert_int_equal(atomic_load(&ran), 0);
    thrum_executor_unref(pool);
    gate_open(&gate);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(thrum_future_result(futures[i], THRUM_FOREVER, NULL),
                         0);
        thrum_future_unref(futures[i]);
    }
    assert_int_equal(atomic_load(&ran), 10);
}

/* ---- F69: cancel_futures ---- */

static void shut_down_cancelling(unsigned flags)
{
    enum {
        TASKS = 50
    };
    struct gate gate = GATE_INIT;
    thrum_executor *pool = pool_of(1);
    thrum_future *running = submit(pool, gate_task, &gate);
    thrum_future *futures[TASKS];
    atomic_uint ran = 0;

    WAIT_UNTIL(thrum_future_running(running));
    for (int i = 0; i < TASKS; i++)
        futures[i] = submit(pool, count_task, &ran);
    assert_int_equal(
        thrum_executor_shutdown(pool, THRUM_CANCEL_FUTURES, THRUM_NOW), 0);
    for (int i = 0; i < TASKS; i++) /* seen at once (F43) */
        assert_true(thrum_future_cancelled(futures[i]));
    assert_false(thrum_future_done(running));
    gate_open(&gate);
    assert_int_equal(thrum_executor_shutdown(pool, flags, THRUM_FOREVER), 0);
    assert_int_equal(thrum_future_result(running, THRUM_FOREVER, NULL), 0);
    assert_int_equal(atomic_load(&ran), 0);
    for (int i = 0; i < TASKS; i++) {
        assert_int_equal(thrum_future_result(futures[i], THRUM_FOREVER, NULL),
                         THRUM_ECANCELLED);
        thrum_future_unref(futures[i]);
    }
    thrum_future_unref(running);
    thrum_executor_unref(pool);
}

TEST(F69_cancel_futures_cancels_what_does_not_run)
{
    shut_down_cancelling(THRUM_WAIT);
}

TEST(F69_cancel_futures_without_waiting)
{
    shut_down_cancelling(0);
    shut_down_cancelling(THRUM_CANCEL_FUTURES);
}

struct spawner {
    thrum_executor *pool;
    struct gate submitted;
    struct gate gate;
    thrum_future *child;
    atomic_uint ran;
};

static void *spawn_child(void *arg)
{
    struct spawner *spawner = arg;

    CHECK_INT(thrum_executor_submit(spawner->pool, count_task, &spawner->ran, 0,
                                    &spawner->child),
              0);
    gate_open(&spawner->submitted);
    gate_wait(&spawner->gate);
    return NULL;
}

/* What a task has submitted may lie at its worker: it is cancelled too. */
TEST(F69_cancel_futures_cancels_the_tasks_of_tasks)
{
    struct spawner spawner = {pool_of(1), GATE_INIT, GATE_INIT, NULL, 0};
    thrum_future *parent = submit(spawner.pool, spawn_child, &spawner);

    gate_wait(&spawner.submitted);
    assert_int_equal(
        thrum_executor_shutdown(spawner.pool, THRUM_CANCEL_FUTURES, THRUM_NOW),
        0);
    gate_open(&spawner.gate);
    executor_end(spawner.pool);
    assert_true(thrum_future_cancelled(spawner.child));
    assert_int_equal(atomic_load(&spawner.ran), 0);
    thrum_future_unref(spawner.child);
    thrum_future_unref(parent);
}

/* Detached tasks have no future, and are cancelled like the others. */
TEST(F69_cancel_futures_cancels_detached_tasks)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    atomic_uint ran = 0;

    for (int i = 0; i < 10; i++)
        assert_int_equal(thrum_executor_submit(pool, count_task, &ran, 0, NULL),
                         0);
    assert_int_equal(
        thrum_executor_shutdown(pool, THRUM_CANCEL_FUTURES, THRUM_NOW), 0);
    gate_open(&gate);
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), 0);
}

/* ---- F70: again ---- */

TEST(F70_shutting_down_twice_is_safe)
{
    thrum_executor *executors[] = {pool_of(2), inline_new()};
    atomic_uint ran = 0;

    for (size_t i = 0; i < 2; i++) {
        thrum_future_unref(submit(executors[i], count_task, &ran));
        for (int again = 0; again < 3; again++) {
            assert_int_equal(
                thrum_executor_shutdown(executors[i], 0, THRUM_NOW), 0);
            assert_int_equal(thrum_executor_shutdown(executors[i], THRUM_WAIT,
                                                     THRUM_FOREVER),
                             0);
            assert_int_equal(
                thrum_executor_shutdown(executors[i],
                                        THRUM_CANCEL_FUTURES | THRUM_WAIT,
                                        THRUM_FOREVER),
                0);
        }
        thrum_executor_unref(executors[i]);
    }
    assert_int_equal(atomic_load(&ran), 2);
}

TEST(F70_many_may_wait_for_the_end)
{
    enum {
        CLOSERS = 4
    };
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    struct closer closers[CLOSERS];
    struct test_thread *threads[CLOSERS];

    for (int i = 0; i < CLOSERS; i++) {
        closers[i] = (struct closer){pool, false, -1};
        threads[i] = spawn_thread(close_pool, &closers[i]);
    }
    for (int i = 0; i < CLOSERS; i++)
        thread_await_sleep(threads[i]);
    gate_open(&gate);
    for (int i = 0; i < CLOSERS; i++) {
        join_thread(threads[i]);
        assert_int_equal(closers[i].rc, 0);
    }
    thrum_executor_unref(pool);
}

TEST(shutdown_refuses_other_flags)
{
    thrum_executor *pool = pool_of(1);
    atomic_uint ran = 0;

    assert_int_equal(thrum_executor_shutdown(pool, 4, THRUM_NOW), -EINVAL);
    assert_int_equal(thrum_executor_shutdown(NULL, 0, THRUM_NOW), -EINVAL);
    thrum_future_unref(submit(pool, count_task, &ran)); /* nothing changed */
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), 1);
}

/* ---- the deadline of shutdown ---- */

TEST(F66_a_deadline_that_passes_leaves_a_usable_handle)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    atomic_uint ran = 0;
    thrum_future *queued = submit(pool, count_task, &ran);

    assert_int_equal(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_NOW),
                     -ETIMEDOUT);
    assert_int_equal(thrum_executor_shutdown(pool, THRUM_WAIT, thrum_in_ms(1)),
                     -ETIMEDOUT);
    assert_int_equal(thrum_executor_submit(pool, count_task, &ran, 0, NULL),
                     THRUM_ESHUTDOWN);
    assert_int_equal(thrum_executor_shutdown(
                         pool, THRUM_WAIT | THRUM_CANCEL_FUTURES, THRUM_NOW),
                     -ETIMEDOUT);
    assert_true(thrum_future_cancelled(queued));
    thrum_future_unref(queued);
    gate_open(&gate);
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), 0);
}

TEST_MAIN("shutdown")
