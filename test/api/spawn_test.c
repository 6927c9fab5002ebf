/* SPDX-License-Identifier: MIT */
/*
 * spawn_test.c - greenlets of a hub: beginning, waiting, ending.
 */
#include <errno.h>

#include "greens.h"

TEST(S2_spawn_only_queues_and_the_queue_is_first_in_first_out)
{
    thrum_future *futures[3];

    trail_clear();
    futures[0] = spawn(mark_fn, "a");
    futures[1] = spawn(mark_fn, "b");
    futures[2] = spawn(mark_fn, "c");
    assert_string_equal(trail, "");
    assert_int_equal(thrum_join_all(futures, 3, THRUM_FOREVER), 0);
    assert_string_equal(trail, "abc");
    for (int i = 0; i < 3; i++)
        thrum_future_unref(futures[i]);
}

TEST(S2_nothing_is_spawned_without_a_function)
{
    thrum_future *future = NULL;

    assert_int_equal(thrum_spawn(NULL, NULL, 0, &future), -EINVAL);
}

static void *pass_fn(void *mark)
{
    trail_add(mark);
    CHECK_INT(thrum_pass(), 0);
    trail_add(mark);
    return NULL;
}

TEST(S3_a_pass_lets_the_others_go_first)
{
    thrum_future *futures[2];

    trail_clear();
    futures[0] = spawn(pass_fn, "a");
    futures[1] = spawn(pass_fn, "b");
    assert_int_equal(thrum_join_all(futures, 2, THRUM_FOREVER), 0);
    assert_string_equal(trail, "abab");
    for (int i = 0; i < 2; i++)
        thrum_future_unref(futures[i]);
}

struct sleeper {
    thrum_time until;
    const char *mark;
};

static void *sleep_fn(void *arg)
{
    const struct sleeper *sleeper = arg;

    CHECK_INT(thrum_sleep(sleeper->until), 0);
    trail_add(sleeper->mark);
    return NULL;
}

/* False: a slow machine had not begun them all before the first time came. */
static bool two_sleep(int64_t ms)
{
    struct sleeper first = {thrum_in_ms(ms), "1"};
    struct sleeper second = {first.until, "2"};
    thrum_future *futures[2];
    bool in_time;

    trail_clear();
    second.until.ns += 1000000;
    futures[0] = spawn(sleep_fn, &second);
    futures[1] = spawn(sleep_fn, &first);
    assert_int_equal(thrum_pass(), 0);
    in_time = thrum_now().ns < first.until.ns;
    assert_int_equal(thrum_join_all(futures, 2, THRUM_FOREVER), 0);
    for (int i = 0; i < 2; i++)
        thrum_future_unref(futures[i]);
    return in_time;
}

TEST(S3_sleepers_go_on_in_the_order_of_the_clock)
{
    for (int64_t ms = 1; !two_sleep(ms); ms *= 2)
        ;
    assert_string_equal(trail, "12");
}

static void *wait_fn(void *future)
{
    void *result = NULL;

    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, &result), 0);
    return result;
}

TEST(S8_a_greenlet_waits_for_another_and_gets_its_value)
{
    thrum_future *first = spawn(mark_fn, "x");
    thrum_future *second = spawn(wait_fn, first);
    void *result = NULL;

    assert_int_equal(thrum_future_result(second, THRUM_FOREVER, &result), 0);
    assert_string_equal(result, "x");
    thrum_future_unref(first);
    thrum_future_unref(second);
}

TEST(S7_a_kill_ends_the_wait_and_the_future_is_cancelled)
{
    int rc = 1;
    thrum_future *future = spawn(sleep_long, &rc);

    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    assert_int_equal(rc, -ECANCELED);
    assert_true(thrum_future_cancelled(future));
    thrum_future_unref(future);
}

TEST(S7_one_that_never_ran_never_runs)
{
    thrum_future *future;

    trail_clear();
    future = spawn(mark_fn, "a");
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    assert_int_equal(thrum_pass(), 0);
    assert_string_equal(trail, "");
    assert_true(thrum_future_cancelled(future));
    thrum_future_unref(future);
}

static void *kill_from_thread(void *future)
{
    return (void *)(intptr_t)thrum_future_kill(future, THRUM_FOREVER);
}

TEST(S7_a_kill_may_come_from_another_thread)
{
    int rc = 1;
    thrum_future *future = spawn(sleep_long, &rc);
    struct test_thread *thread;

    assert_int_equal(thrum_pass(), 0);
    thread = spawn_thread(kill_from_thread, future);
    assert_int_equal(thrum_join_all(&future, 1, THRUM_FOREVER), 0);
    assert_int_equal((intptr_t)join_thread(thread), 0);
    assert_int_equal(rc, -ECANCELED);
    thrum_future_unref(future);
}

/* In a child, which has one thread: the test's own process has a watchdog. */
static int deadlock_in_child(void *arg)
{
    struct deal deal = deal_new();
    thrum_future *future = spawn(wait_fn, deal.future);

    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), -EDEADLK);
    CHECK_INT(thrum_promise_set_result(deal.promise, arg), 0);
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    deal_end(&deal);
    return 0;
}

TEST(S5_when_all_wait_for_ever_the_main_greenlet_is_told)
{
    TEST_SKIP_EMULATED(MORE_THREADS);
    assert_int_equal(in_child(deadlock_in_child, NULL), 0);
}

static void *square(void *n)
{
    return (void *)((intptr_t)n * (intptr_t)n);
}

static void *ask_pool(void *pool)
{
    thrum_future *future = submit(pool, square, (void *)7);
    void *result = NULL;

    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, &result), 0);
    thrum_future_unref(future);
    return result;
}

TEST(a_greenlet_waits_for_a_pool)
{
    thrum_executor *pool = pool_of(2);
    thrum_future *futures[100];

    for (int i = 0; i < 100; i++)
        futures[i] = spawn(ask_pool, pool);
    for (int i = 0; i < 100; i++) {
        void *result = NULL;

        assert_int_equal(
            thrum_future_result(futures[i], THRUM_FOREVER, &result), 0);
        assert_int_equal((intptr_t)result, 49);
        thrum_future_unref(futures[i]);
    }
    executor_end(pool);
}

static void *sleep_shortly(void *mark)
{
    CHECK_INT(thrum_sleep(thrum_in_ms(1)), 0);
    trail_add(mark);
    return NULL;
}

static void *spawn_in_task(void *counter)
{
    for (int i = 0; i < 10; i++)
        CHECK_INT(thrum_spawn(sleep_shortly, "1", 0, NULL), 0);
    return counter;
}

TEST(what_a_pools_task_spawns_ends_before_it)
{
    thrum_executor *pool = pool_of(1);
    thrum_future *future;

    trail_clear();
    future = submit(pool, spawn_in_task, NULL);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    assert_string_equal(trail, "1111111111");
    thrum_future_unref(future);
    executor_end(pool);
}

static void *leaves_some(void *rc)
{
    CHECK_INT(thrum_spawn(sleep_long, rc, 0, NULL), 0);
    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(thrum_spawn(mark_fn, "never", 0, NULL), 0);
    return NULL;
}

TEST(a_thread_that_ends_kills_its_greenlets)
{
    int rc = 1;

    trail_clear();
    join_thread(spawn_thread(leaves_some, &rc));
    assert_int_equal(rc, -ECANCELED);
    assert_string_equal(trail, "");
}

TEST_MAIN("spawn")
