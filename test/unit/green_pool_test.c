/* SPDX-License-Identifier: MIT */
/*
 * test/unit/green_pool_test.c - green pools, and offloaded calls, where there is
 * no memory or no thread to be had.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <thrum.h>

#include "futures.h"
#include "sys/fault.h"

static atomic_int threads_left;

static bool fail_after(const char *call, void *arg)
{
    return strcmp(call, "pthread_create") == 0 &&
           atomic_fetch_sub((atomic_int *)arg, 1) < 1;
}

/* Lets so many threads be started, and no more. The hook stays: threads that are
 * about to end may look at it. */
static void let_start(int threads)
{
    static bool set;

    atomic_store(&threads_left, threads);
    if (!set)
        thrumi_fault_set(fail_after, &threads_left);
    set = true;
}

static void *count(void *arg)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
    return arg;
}

static int green_new(int threads, int limit, thrum_executor **ret)
{
    thrum_green_pool_options options = THRUM_GREEN_POOL_OPTIONS;

    options.threads = threads;
    options.limit = limit;
    return thrum_green_pool_new(&options, ret);
}

TEST(without_a_thread_a_submit_is_refused)
{
    atomic_uint ran = 0;
    thrum_future *future = NULL;
    thrum_executor *pool = NULL;

    assert_int_equal(green_new(2, 0, &pool), 0);
    let_start(0);
    assert_int_equal(thrum_executor_submit(pool, count, &ran, 0, &future),
                     -EAGAIN);
    let_start(INT_MAX);
    thrum_future_unref(submit(pool, count, &ran)); /* it is tried again */
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), 1);
}

TEST(with_one_thread_of_two_all_runs)
{
    atomic_uint ran = 0;
    thrum_executor *pool = NULL;

    assert_int_equal(green_new(2, 0, &pool), 0);
    let_start(1);
    for (int i = 0; i < 50; i++)
        thrum_future_unref(submit(pool, count, &ran));
    let_start(INT_MAX);
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), 50);
}

static void *end_thread(void *gate)
{
    gate_wait(gate);
    pthread_exit(NULL);
}

TEST(what_waits_for_a_thread_that_cannot_be_replaced_is_broken)
{
    struct gate gate = GATE_INIT;
    atomic_uint ran = 0;
    thrum_executor *pool = NULL;
    thrum_future *future;

    if (TEST_TSAN)
        TEST_SKIP("ThreadSanitizer ends the process at pthread_exit()");
    assert_int_equal(green_new(1, 1, &pool), 0);
    let_start(1);
    thrum_future_unref(submit(pool, end_thread, &gate));
    future = submit(pool, count, &ran);
    gate_open(&gate);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL),
                     THRUM_EFAILED);
    assert_int_equal(error_code_of(future), THRUM_EBROKEN);
    let_start(INT_MAX);
    thrum_future_unref(future);
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), 0);
}

TEST(the_last_task_of_a_pool_that_is_shut_down_may_end_its_thread)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = NULL;

    if (TEST_TSAN)
        TEST_SKIP("ThreadSanitizer ends the process at pthread_exit()");
    assert_int_equal(green_new(1, 0, &pool), 0);
    thrum_future_unref(submit(pool, end_thread, &gate));
    assert_int_equal(thrum_executor_shutdown(pool, 0, THRUM_NOW), 0);
    gate_open(&gate);
    executor_end(pool);
}

TEST(hub_threads_are_as_many_as_can_be_started)
{
    atomic_uint ran = 0;
    thrum_future *futures[4];

    let_start(2);
    assert_int_equal(thrum_hub_threads(4, count, &ran, futures), 2);
    assert_int_equal(thrum_hub_threads(4, count, &ran, futures + 2), -EAGAIN);
    let_start(INT_MAX);
    assert_int_equal(thrum_join_all(futures, 2, THRUM_FOREVER), 0);
    assert_int_equal(atomic_load(&ran), 2);
    thrum_future_unref(futures[0]);
    thrum_future_unref(futures[1]);
}

TEST(without_a_thread_nothing_is_offloaded)
{
    atomic_uint ran = 0;

    let_start(0);
    assert_int_equal(thrum_offload(count, &ran, THRUM_FOREVER, NULL), -EAGAIN);
    let_start(INT_MAX);
    assert_int_equal(thrum_offload(count, &ran, THRUM_FOREVER, NULL), 0);
    assert_int_equal(atomic_load(&ran), 1);
}

/* A task either runs, or says why not, or was not accepted. */
static void try_pool(int threads)
{
    thrum_executor *pool = NULL;
    thrum_future *future = NULL;
    atomic_uint ran = 0;
    int rc = green_new(threads, 1, &pool);

    if (rc != 0) {
        assert_int_equal(rc, -ENOMEM);
        return;
    }
    rc = thrum_executor_submit(pool, count, &ran, 0, &future);
    if (rc == 0) {
        rc = thrum_future_result(future, THRUM_FOREVER, NULL);
        if (rc != 0) {
            assert_int_equal(rc, THRUM_EFAILED);
            assert_int_equal(error_code_of(future), -ENOMEM);
        }
        thrum_future_unref(future);
    } else {
        assert_int_equal(rc, -ENOMEM);
    }
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), rc == 0);
}

TEST(without_memory_nothing_is_lost)
{
    for (int threads = 0; threads < 3; threads++)
        FOR_EACH_FAILURE(n)
    try_pool(threads);
}

static void *wait_for_ever(void *begun)
{
    atomic_store((atomic_bool *)begun, true);
    CHECK_INT(thrum_sleep(THRUM_FOREVER), -ECANCELED);
    return NULL;
}

TEST(a_kill_from_another_thread_says_that_there_is_no_memory)
{
    atomic_bool begun = false;
    thrum_executor *pool = NULL;
    thrum_future *future;

    assert_int_equal(green_new(1, 0, &pool), 0);
    future = submit(pool, wait_for_ever, &begun);
    WAIT_UNTIL(atomic_load(&begun));
    faulty_alloc_fail_nth(1);
    assert_int_equal(thrum_future_request_cancel(future), -ENOMEM);
    assert_true(faulty_alloc_fired());
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    assert_true(thrum_future_cancelled(future));
    thrum_future_unref(future);
    executor_end(pool);
}

TEST_MAIN("green_pool")
