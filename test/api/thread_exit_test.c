/* SPDX-License-Identifier: MIT */
/*
 * test/api/thread_exit_test.c - tasks and callbacks that end their thread (F23).
 *
 * What they leave behind is settled and freed, once, and the pool goes on: in
 * nested bodies too, from callbacks of callbacks, and outside of pools.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "futures.h"

static void add(thrum_future *future, thrum_callback_fn *fn, void *arg)
{
    assert_int_equal(thrum_future_add_done_callback(future, fn, arg), 0);
}

static void on_done_count(thrum_future *future, void *arg)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
}

static void on_done_exit(thrum_future *future, void *arg)
{
    pthread_exit(NULL);
}

static void count_free(void *arg)
{
    atomic_fetch_add(*(atomic_uint **)arg, 1);
}

static void *null_task(void *arg)
{
    return NULL;
}

/* The pool, of one worker, still runs tasks. */
static void assert_goes_on(thrum_executor *pool)
{
    thrum_future *next = submit(pool, null_task, NULL);

    assert_int_equal(thrum_future_result(next, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(next);
}

static void assert_ended_its_thread(thrum_future *future)
{
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL),
                     THRUM_EFAILED);
    assert_int_equal(error_code_of(future), THRUM_EEXITED);
}

/* ---- what a task leaves behind ---- */

static void *messy_exit_task(void *arg)
{
    (void)thrum_return_owned(strdup("never returned"), free);
    thrum_raise(-EIO, "never told");
    pthread_exit(NULL);
    return NULL;
}

TEST(F23_what_a_task_has_is_freed_when_it_ends_its_thread)
{
    thrum_executor *pool = pool_of(1);
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    atomic_uint freed = 0;
    atomic_uint *freed_at = &freed;

    options.free_arg = count_free;
    for (unsigned round = 1; round <= 10; round++) {
        thrum_future *future = NULL;

        assert_int_equal(thrum_executor_submit_with(pool, messy_exit_task,
                                                    &freed_at, sizeof(freed_at),
                                                    &options, &future),
                         0);
        assert_ended_its_thread(future);
        assert_int_equal(atomic_load(&freed), round);
        thrum_future_unref(future);
        assert_int_equal(thrum_executor_submit_with(pool, messy_exit_task, NULL,
                                                    0, NULL, NULL),
                         0);
        assert_goes_on(pool);
    }
    executor_end(pool);
}

/* ---- nested bodies ---- */

struct nest {
    thrum_executor *here;
    unsigned depth;
    atomic_uint settled; /* callbacks of the inner futures */
};

/* Submits itself, inline, to a depth, and ends the thread there. */
static void *nest_task(void *arg)
{
    struct nest *nest = arg;
    char stack[500];

    memset(stack, 1, sizeof(stack));
    if (nest->depth-- == 0)
        pthread_exit(stack);
    (void)!thrum_executor_submit(nest->here, nest_task, nest, 0, NULL);
    return NULL;
}

TEST(F23_every_body_on_the_stack_ends)
{
    thrum_executor *pool = pool_of(1);
    struct nest nest = {.here = inline_new()};

    for (unsigned depth = 0; depth < 20; depth++) {
        thrum_future *future;

        nest.depth = depth;
        future = submit(pool, nest_task, &nest);
        assert_ended_its_thread(future);
        assert_goes_on(pool);
        thrum_future_unref(future);
    }
    executor_end(pool);
    thrum_executor_unref(nest.here);
}

static void *inline_exit_run(void *arg)
{
    struct nest *nest = arg;

    (void)!thrum_executor_submit(nest->here, nest_task, nest, 0, NULL);
    CHECK(!thrum_cancelled());
    return arg;
}

/* A thread of the program's own may end in an inline task as well. */
TEST(F23_a_thread_outside_of_pools_may_end_in_a_task)
{
    struct nest nest = {.here = inline_new(), .depth = 2};

    assert_ptr_not_equal(join_thread(spawn_thread(inline_exit_run, &nest)),
                         &nest);
    executor_end(nest.here);
}

static void *exit_if_told_task(void *arg)
{
    if (arg != NULL)
        pthread_exit(NULL);
    return NULL;
}

/* What lies behind such a task, in whatever queue, is run by the others. */
TEST(F23_no_task_is_lost_with_a_thread)
{
    enum {
        COUNT = 300
    };

    for (int workers = 1; workers <= 3; workers++) {
        thrum_executor *pool = pool_of(workers);
        thrum_future *futures[COUNT];

        for (int i = 0; i < COUNT; i++)
            futures[i] =
                submit(pool, exit_if_told_task, i % 10 == 3 ? pool : NULL);
        for (int i = 0; i < COUNT; i++) {
            assert_int_equal(
                thrum_future_result(futures[i], THRUM_FOREVER, NULL),
                i % 10 == 3 ? THRUM_EFAILED : 0);
            thrum_future_unref(futures[i]);
        }
        executor_end(pool);
    }
}

static void *submit_exits_run(void *arg)
{
    thrum_executor *pool = arg;
    static int any;

    for (int i = 0; i < 20; i++)
        CHECK_INT(thrum_executor_submit(pool, exit_if_told_task, &any, 0, NULL),
                  0);
    return NULL;
}

/* The worker that another has started may have ended before a submit that
 * wanted one too looks for it. */
TEST(F23_a_submit_is_not_refused_while_threads_end)
{
    unsigned rounds = test_scale(200);

    for (unsigned round = 0; round < rounds; round++) {
        thrum_executor *pool = pool_of(1);
        struct test_thread *threads[8];

        for (int i = 0; i < 8; i++)
            threads[i] = spawn_thread(submit_exits_run, pool);
        for (int i = 0; i < 8; i++)
            join_thread(threads[i]);
        executor_end(pool);
    }
}

/* ---- what the program does at the end of a thread ---- */

struct last_deed {
    thrum_executor *pool;
    struct gate gate;
    atomic_uint done;
};

static pthread_key_t last_deed_key;

/* A destructor of the key: it comes when the worker has left the pool. */
static void last_deed_do(void *arg)
{
    struct last_deed *deed = arg;
    thrum_future *future = NULL;

    gate_wait(&deed->gate);
    CHECK_INT(thrum_executor_submit(deed->pool, null_task, NULL, 0, &future),
              0);
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    atomic_fetch_add(&deed->done, 1);
}

static void *exit_with_deed_task(void *arg)
{
    pthread_setspecific(last_deed_key, arg);
    pthread_exit(NULL);
}

/* Threads that take their time to end, and use the pool meanwhile, are in
 * nobody's way. */
TEST(F23_destructors_of_a_thread_that_has_ended_may_use_its_pool)
{
    enum {
        COUNT = 5
    };
    struct last_deed deed = {pool_of(1), GATE_INIT, 0};

    assert_int_equal(pthread_key_create(&last_deed_key, last_deed_do), 0);
    for (unsigned round = 1; round <= test_scale(20); round++) {
        for (int i = 0; i < COUNT; i++) {
            thrum_future *future =
                submit(deed.pool, exit_with_deed_task, &deed);

            assert_ended_its_thread(future);
            thrum_future_unref(future);
        }
        assert_goes_on(deed.pool);
        gate_open(&deed.gate);
        WAIT_UNTIL(atomic_load(&deed.done) == round * COUNT);
        gate_close(&deed.gate);
    }
    executor_end(deed.pool);
    assert_int_equal(pthread_key_delete(last_deed_key), 0);
}

/* ---- callbacks ---- */

static void *cancel_task(void *future)
{
    thrum_future_cancel(future);
    return NULL;
}

/* The callback ends the thread of the task that cancels. */
TEST(F23_a_callback_ends_the_task_that_cancels)
{
    thrum_executor *pool = pool_of(1);

    for (unsigned round = 0; round < 10; round++) {
        struct deal deal = deal_new();
        atomic_uint calls = 0;
        thrum_future *future;

        add(deal.future, on_done_exit, NULL);
        add(deal.future, on_done_count, &calls);
        future = submit(pool, cancel_task, deal.future);
        assert_ended_its_thread(future);
        assert_int_equal(thrum_future_quiesce(deal.future, THRUM_FOREVER), 0);
        assert_int_equal(atomic_load(&calls), 1);
        assert_goes_on(pool);
        thrum_future_unref(future);
        deal_end(&deal);
    }
    executor_end(pool);
}

/* One after the other, each in what is left of the same thread. */
TEST(F23_several_callbacks_of_a_future_may_end_the_thread)
{
    thrum_executor *pool;

#ifdef __clang__
    TEST_SKIP("clang ends a program that is unwound twice at once");
#endif
    pool = pool_of(1);
    for (unsigned round = 0; round < 10; round++) {
        struct gate gate = GATE_INIT;
        atomic_uint calls = 0;
        thrum_future *future = submit(pool, gate_task, &gate);

        for (int i = 0; i < 3; i++) {
            add(future, on_done_exit, NULL);
            add(future, on_done_count, &calls);
        }
        gate_open(&gate);
        assert_int_equal(thrum_future_quiesce(future, THRUM_FOREVER), 0);
        assert_int_equal(atomic_load(&calls), 3);
        assert_goes_on(pool);
        thrum_future_unref(future);
    }
    executor_end(pool);
}

static void *cancel_run(void *future)
{
    thrum_future_cancel(future);
    return future;
}

TEST(F23_a_callback_may_end_a_thread_outside_of_pools)
{
    struct deal deal = deal_new();
    atomic_uint calls = 0;

    add(deal.future, on_done_exit, NULL);
    add(deal.future, on_done_count, &calls);
    assert_null(join_thread(spawn_thread(cancel_run, deal.future)));
    assert_int_equal(thrum_future_quiesce(deal.future, THRUM_FOREVER), 0);
    assert_int_equal(atomic_load(&calls), 1);
    deal_end(&deal);
}

TEST_MAIN("thread_exit")
