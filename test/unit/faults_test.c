/* SPDX-License-Identifier: MIT */
/*
 * test/unit/faults_test.c - threads that cannot be started: no task is lost.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include <thrum.h>

#include "futures.h"
#include "sys/fault.h"

/* Lets so many threads be started, and no more. */
static bool fail_after(const char *call, void *arg)
{
    atomic_int *left = arg;

    return strcmp(call, "pthread_create") == 0 && atomic_fetch_sub(left, 1) < 1;
}

static bool fail_call(const char *call, void *arg)
{
    return strcmp(call, arg) == 0;
}

static void *count(void *arg)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
    return arg;
}

/* The first of all tests: the key is made when the library is first used. */
TEST(a_key_that_cannot_be_made_is_tried_again)
{
    static char call[] = "pthread_key_create";
    atomic_uint ran = 0;
    thrum_executor *pool;

    thrumi_fault_set(fail_call, call);
    pool = pool_of(1);
    thrum_future_unref(submit(pool, count, &ran));
    executor_end(pool);
    thrumi_fault_set(NULL, NULL);
    pool = pool_of(1);
    thrum_future_unref(submit(pool, count, &ran));
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), 2);
}

TEST(a_thread_with_attributes_that_cannot_be_set_is_not_started)
{
    static char calls[][32] = {"pthread_attr_init", "pthread_attr_setstacksize",
                               "pthread_attr_setaffinity_np"};
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    const int cpu = sched_getcpu();

    options.stack_size = 1 << 20;
    options.affinity = &cpu;
    options.affinity_count = 1;
    for (int i = 0; i < 3; i++) {
        thrum_executor *pool = NULL;
        atomic_uint ran = 0;
        int rc;

        assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
        thrumi_fault_set(fail_call, calls[i]);
        rc = thrum_executor_submit(pool, count, &ran, 0, NULL);
        thrumi_fault_set(NULL, NULL);
        assert_true(rc == -EAGAIN || rc == -ENOMEM);
        thrum_future_unref(submit(pool, count, &ran));
        executor_end(pool);
        assert_int_equal(atomic_load(&ran), 1);
    }
}

TEST(without_any_thread_submit_says_so)
{
    thrum_executor *pool = pool_of(2);
    atomic_int left = 0;
    atomic_uint ran = 0;
    void *args[2] = {&ran, &ran};
    thrum_future *futures[2] = {NULL, NULL};

    thrumi_fault_set(fail_after, &left);
    assert_int_equal(thrum_executor_submit(pool, count, &ran, 0, futures),
                     -EAGAIN);
    assert_null(futures[0]);
    assert_int_equal(thrum_executor_submit(pool, count, &ran, 0, NULL),
                     -EAGAIN);
    assert_int_equal(thrum_executor_submit_many(pool, count, args, 2, futures),
                     -EAGAIN);
    assert_int_equal(thrum_executor_submit_many(pool, count, args, 2, NULL),
                     -EAGAIN);
    thrumi_fault_set(NULL, NULL);
    thrum_future_unref(submit(pool, count, &ran)); /* it gets well again */
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), 1);
}

TEST(with_one_thread_it_runs_all)
{
    thrum_executor *pool = pool_of(4);
    atomic_int left = 1;
    atomic_uint ran = 0;
    thrum_stats stats = THRUM_STATS;

    thrumi_fault_set(fail_after, &left);
    for (int i = 0; i < 200; i++)
        thrum_future_unref(submit(pool, count, &ran));
    /* the worker itself may just be trying to start another one */
    do
        assert_int_equal(thrum_executor_stats(pool, &stats), 0);
    while (stats.workers != 1);
    executor_end(pool);
    thrumi_fault_set(NULL, NULL);
    assert_int_equal(atomic_load(&ran), 200);
}

TEST(a_pool_without_threads_can_be_shut_down)
{
    atomic_int left = 0;

    thrumi_fault_set(fail_after, &left);
    for (int i = 0; i < 2; i++) {
        thrum_executor *pool = pool_of(2);
        atomic_uint ran = 0;

        assert_int_equal(thrum_executor_submit(pool, count, &ran, 0, NULL),
                         -EAGAIN);
        if (i == 0)
            executor_end(pool);
        else
            thrum_executor_unref(pool);
    }
    thrumi_fault_set(NULL, NULL);
}

/* ---- spares that cannot be started ---- */

struct parent {
    thrum_executor *pool;
    thrum_future *other;
    atomic_uint *ran;
    int rc;
};

static void *wait_for_other(void *arg)
{
    struct parent *parent = arg;

    parent->rc = thrum_future_result(parent->other, THRUM_FOREVER, NULL);
    return NULL;
}

/* A queued task of the own pool is helped: no spare is needed. */
TEST(F96_a_wait_for_a_queued_task_needs_no_spare)
{
    struct gate gate = GATE_INIT;
    atomic_int left = 1;
    atomic_uint ran = 0;
    struct parent parent = {pool_of(1), NULL, &ran, -1};
    thrum_future *first;
    thrum_future *waiter;

    thrumi_fault_set(fail_after, &left);
    first = submit(parent.pool, gate_task, &gate);
    waiter = submit(parent.pool, wait_for_other, &parent);
    parent.other = submit(parent.pool, count, &ran);
    gate_open(&gate);
    assert_int_equal(thrum_future_result(waiter, THRUM_FOREVER, NULL), 0);
    assert_int_equal(parent.rc, 0);
    executor_end(parent.pool);
    thrumi_fault_set(NULL, NULL);
    thrum_future_unref(first);
    thrum_future_unref(waiter);
    thrum_future_unref(parent.other);
    assert_int_equal(atomic_load(&ran), 1);
}

/* A task that is parked on a promise holds the only thread: what is queued
 * runs when it goes on. */
TEST(F96_a_parked_worker_without_a_spare_loses_nothing)
{
    struct deal deal = deal_new();
    atomic_int left = 1;
    atomic_uint ran = 0;
    struct parent parent = {pool_of(1), deal.future, &ran, -1};
    thrum_future *waiter;
    thrum_stats stats = THRUM_STATS;

    thrumi_fault_set(fail_after, &left);
    waiter = submit(parent.pool, wait_for_other, &parent);
    do {
        assert_int_equal(thrum_executor_stats(parent.pool, &stats), 0);
    } while (stats.blocked != 1);
    for (int i = 0; i < 10; i++)
        thrum_future_unref(submit(parent.pool, count, &ran));
    assert_int_equal(atomic_load(&ran), 0);
    assert_int_equal(thrum_promise_set_result(deal.promise, NULL), 0);
    assert_int_equal(thrum_future_result(waiter, THRUM_FOREVER, NULL), 0);
    executor_end(parent.pool);
    thrumi_fault_set(NULL, NULL);
    assert_int_equal(parent.rc, 0);
    assert_int_equal(atomic_load(&ran), 10);
    thrum_future_unref(waiter);
    deal_end(&deal);
}

/* ---- a worker that ends and cannot be replaced ---- */

static void *end_thread(void *arg)
{
    gate_wait(arg);
    pthread_exit(NULL);
}

TEST(a_worker_that_cannot_be_replaced_breaks_the_pool_not_the_program)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = pool_of(1);
    atomic_int left = 1;
    atomic_uint ran = 0;
    thrum_future *first;
    thrum_future *queued[5];

    thrumi_fault_set(fail_after, &left);
    first = submit(pool, end_thread, &gate);
    for (int i = 0; i < 5; i++)
        queued[i] = submit(pool, count, &ran);
    gate_open(&gate);
    assert_int_equal(thrum_future_result(first, THRUM_FOREVER, NULL),
                     THRUM_EFAILED);
    assert_int_equal(error_code_of(first), THRUM_EEXITED);
    for (int i = 0; i < 5; i++) {
        int rc = thrum_future_result(queued[i], THRUM_FOREVER, NULL);

        assert_int_equal(rc, THRUM_EFAILED);
        assert_int_equal(error_code_of(queued[i]), THRUM_EBROKEN);
        thrum_future_unref(queued[i]);
    }
    thrum_future_unref(first);
    executor_end(pool);
    thrumi_fault_set(NULL, NULL);
    assert_int_equal(atomic_load(&ran), 0);
}

TEST_MAIN("faults")
