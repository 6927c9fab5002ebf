/* SPDX-License-Identifier: MIT */
/*
 * test/api/parallel_test.c - a loop, cut into ranges that run in parallel.
 */
#include <thrum/parallel.h>

#include <stdlib.h>

#include "tasks.h"

struct loop {
    atomic_uchar *visits; /* of each index, from 0 */
    size_t begin;
    size_t most; /* iterations in a range, at most */
    atomic_uint ranges;
    size_t fails_at; /* index whose range returns -EIO; SIZE_MAX: none */
    int caller;
    atomic_uint foreign; /* ranges that were not the caller's */
};

static int visit(void *arg, size_t begin, size_t end)
{
    struct loop *loop = arg;

    CHECK(begin < end);
    CHECK(end - begin <= loop->most);
    atomic_fetch_add(&loop->ranges, 1);
    if (token_thread() != loop->caller)
        atomic_fetch_add(&loop->foreign, 1);
    for (size_t i = begin; i < end; i++)
        atomic_fetch_add(&loop->visits[i - loop->begin], 1);
    return begin <= loop->fails_at && loop->fails_at < end ? -EIO : 0;
}

static struct loop loop_new(size_t begin, size_t length)
{
    struct loop loop = {.begin = begin,
                        .most = SIZE_MAX,
                        .fails_at = SIZE_MAX,
                        .caller = token_thread()};

    loop.visits = calloc(length + 1, sizeof(*loop.visits));
    assert_non_null(loop.visits);
    return loop;
}

static void assert_visited_once(struct loop *loop, size_t length)
{
    for (size_t i = 0; i < length; i++)
        assert_int_equal(atomic_load(&loop->visits[i]), 1);
    free(loop->visits);
}

TEST(each_index_is_visited_once)
{
    static const size_t lengths[] = {1, 2, 7, 64, 1000, 4099};
    static const size_t grains[] = {0, 1, 3, 64, 5000, SIZE_MAX};
    thrum_executor *executors[] = {inline_new(), pool_of(1), pool_of(4)};

    for (size_t e = 0; e < 3; e++) {
        for (size_t i = 0; i < 36; i++) {
            size_t length = lengths[i / 6];
            size_t grain = grains[i % 6];
            struct loop loop = loop_new(10, length);

            if (grain > 0)
                loop.most = grain;
            assert_int_equal(thrum_parallel_for(executors[e], 10, 10 + length,
                                                grain, visit, &loop),
                             0);
            assert_visited_once(&loop, length);
        }
        executor_end(executors[e]);
    }
}

TEST(an_empty_loop_does_nothing)
{
    thrum_executor *pool = pool_of(1);
    struct loop loop = loop_new(5, 0);

    assert_int_equal(thrum_parallel_for(pool, 5, 5, 0, visit, &loop), 0);
    assert_int_equal(atomic_load(&loop.ranges), 0);
    assert_visited_once(&loop, 0);
    executor_end(pool);
}

TEST(bad_arguments_are_refused)
{
    thrum_executor *pool = pool_of(1);
    struct loop loop = loop_new(0, 0);

    assert_int_equal(thrum_parallel_for(NULL, 0, 1, 0, visit, &loop), -EINVAL);
    assert_int_equal(thrum_parallel_for(pool, 0, 1, 0, NULL, NULL), -EINVAL);
    assert_int_equal(thrum_parallel_for(pool, 2, 1, 0, visit, &loop), -EINVAL);
    assert_int_equal(atomic_load(&loop.ranges), 0);
    assert_visited_once(&loop, 0);
    executor_end(pool);
}

TEST(the_last_indices_of_all)
{
    thrum_executor *pool = pool_of(2);
    struct loop loop = loop_new(SIZE_MAX - 10, 10);

    assert_int_equal(
        thrum_parallel_for(pool, SIZE_MAX - 10, SIZE_MAX, 3, visit, &loop), 0);
    assert_visited_once(&loop, 10);
    executor_end(pool);
}

TEST(an_error_stops_the_loop_and_is_returned)
{
    thrum_executor *executors[] = {inline_new(), pool_of(1), pool_of(4)};

    for (size_t e = 0; e < 3; e++) {
        enum {
            LENGTH = 100000
        };
        struct loop loop = loop_new(0, LENGTH);
        unsigned visited = 0;

        loop.fails_at = 3;
        assert_int_equal(
            thrum_parallel_for(executors[e], 0, LENGTH, 1, visit, &loop), -EIO);
        for (size_t i = 0; i < LENGTH; i++) {
            assert_true(atomic_load(&loop.visits[i]) <= 1);
            visited += atomic_load(&loop.visits[i]);
        }
        if (e == 0) /* in one thread, nothing comes after it */
            assert_true(visited <= 4);
        free(loop.visits);
        executor_end(executors[e]);
    }
}

TEST(the_caller_works_when_every_worker_is_busy)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    struct loop loop = loop_new(0, 1000);

    assert_int_equal(thrum_parallel_for(pool, 0, 1000, 10, visit, &loop), 0);
    assert_int_equal(atomic_load(&loop.foreign), 0);
    assert_visited_once(&loop, 1000);
    gate_open(&gate);
    executor_end(pool);
}

TEST(a_pool_that_was_shut_down_makes_it_less_parallel)
{
    thrum_executor *pool = pool_of(2);
    struct loop loop = loop_new(0, 1000);

    executor_end(thrum_executor_ref(pool));
    assert_int_equal(thrum_parallel_for(pool, 0, 1000, 10, visit, &loop), 0);
    assert_int_equal(atomic_load(&loop.foreign), 0);
    assert_visited_once(&loop, 1000);
    thrum_executor_unref(pool);
}

/* Two ranges that can only end together, so two threads are at work. */
struct pair {
    struct latch both;
};

static int meet(void *arg, size_t begin, size_t end)
{
    struct pair *pair = arg;

    (void)begin;
    (void)end;
    latch_down(&pair->both);
    latch_wait(&pair->both);
    return 0;
}

TEST(ranges_run_at_the_same_time)
{
    thrum_executor *pool = pool_of(2);
    struct pair pair = {LATCH_INIT(3)};

    assert_int_equal(thrum_parallel_for(pool, 0, 3, 1, meet, &pair), 0);
    executor_end(pool);
}

/* ---- in tasks ---- */

static int nothing(void *arg, size_t begin, size_t end)
{
    atomic_fetch_add((atomic_uint *)arg, (unsigned)(end - begin));
    return 0;
}

static int nested(void *arg, size_t begin, size_t end)
{
    thrum_executor *pool = *(thrum_executor **)arg;
    atomic_uint *visits = (atomic_uint *)(void *)((thrum_executor **)arg + 1);

    for (size_t i = begin; i < end; i++)
        CHECK_INT(thrum_parallel_for(pool, 0, 50, 1, nothing, visits), 0);
    return 0;
}

static void *loop_in_task(void *arg)
{
    CHECK_INT(
        thrum_parallel_for(*(thrum_executor **)arg, 0, 20, 1, nested, arg), 0);
    return NULL;
}

TEST(F96_loops_within_loops_within_tasks)
{
    static const int workers[] = {1, 2, 4};

    for (size_t i = 0; i < 3; i++) {
        struct {
            thrum_executor *pool;
            atomic_uint visits;
        } it = {pool_of(workers[i]), 0};
        thrum_future *futures[3];

        for (int j = 0; j < 3; j++)
            futures[j] = submit(it.pool, loop_in_task, &it);
        for (int j = 0; j < 3; j++) {
            assert_int_equal(
                thrum_future_result(futures[j], THRUM_FOREVER, NULL), 0);
            thrum_future_unref(futures[j]);
        }
        executor_end(it.pool);
        assert_int_equal(atomic_load(&it.visits), 3 * 20 * 50);
    }
}

static void loop_in_callback(thrum_future *future, void *arg)
{
    (void)future;
    CHECK_INT(thrum_parallel_for(*(thrum_executor **)arg, 0, 50, 1, nothing,
                                 (thrum_executor **)arg + 1),
              0);
}

TEST(a_loop_in_a_callback_runs_there)
{
    struct {
        thrum_executor *pool;
        atomic_uint visits;
    } it = {pool_of(2), 0};
    struct gate gate = GATE_INIT;
    thrum_future *future = submit(it.pool, gate_task, &gate);

    assert_int_equal(
        thrum_future_add_done_callback(future, loop_in_callback, &it), 0);
    gate_open(&gate);
    assert_int_equal(thrum_future_quiesce(future, THRUM_FOREVER), 0);
    assert_int_equal(atomic_load(&it.visits), 50);
    thrum_future_unref(future);
    executor_end(it.pool);
}

TEST(without_memory_it_is_only_less_parallel)
{
    thrum_executor *pool = pool_of(2);

    FOR_EACH_FAILURE(n)
    {
        struct loop loop = loop_new(0, 100);

        assert_int_equal(thrum_parallel_for(pool, 0, 100, 10, visit, &loop), 0);
        assert_visited_once(&loop, 100);
    }
    executor_end(pool);
}

TEST_MAIN("parallel")
