/* SPDX-License-Identifier: MIT */
/*
 * test/api/stats_test.c - what an executor says it has done.
 */
#include "tasks.h"

static thrum_stats stats_of(thrum_executor *executor)
{
    thrum_stats stats = THRUM_STATS;

    assert_int_equal(thrum_executor_stats(executor, &stats), 0);
    return stats;
}

TEST(the_size_is_checked)
{
    thrum_executor *pool = pool_of(1);
    thrum_stats stats = {0};

    assert_int_equal(thrum_executor_stats(pool, &stats), -EINVAL);
    assert_int_equal(thrum_executor_stats(pool, NULL), -EINVAL);
    stats.size = sizeof(stats);
    assert_int_equal(thrum_executor_stats(NULL, &stats), -EINVAL);
    assert_int_equal(thrum_executor_stats(pool, &stats), 0);
    executor_end(pool);
}

TEST(a_new_pool_has_done_nothing)
{
    thrum_executor *pool = pool_of(2);
    thrum_stats stats = stats_of(pool);

    assert_int_equal(stats.workers, 0);
    assert_int_equal(stats.idle, 0);
    assert_int_equal(stats.blocked, 0);
    assert_int_equal(stats.queued, 0);
    assert_int_equal(stats.running, 0);
    assert_int_equal(stats.done + stats.failed + stats.cancelled, 0);
    assert_int_equal(stats.wait.count, 0);
    assert_int_equal(stats.run.count, 0);
    executor_end(pool);
}

TEST(queued_and_running_are_told_apart)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    atomic_uint ran = 0;
    thrum_stats stats;

    for (int i = 0; i < 5; i++)
        thrum_future_unref(submit(pool, count_task, &ran));
    stats = stats_of(pool);
    assert_int_equal(stats.workers, 1);
    assert_int_equal(stats.running, 1);
    assert_int_equal(stats.queued, 5);
    assert_int_equal(stats.idle, 0);
    gate_open(&gate);
    WAIT_UNTIL(stats_of(pool).idle == 1);
    stats = stats_of(pool);
    assert_int_equal(stats.queued, 0);
    assert_int_equal(stats.running, 0);
    assert_int_equal(stats.done, 6);
    executor_end(pool);
}

static void *fails(void *arg)
{
    (void)arg;
    return thrum_raise(-EIO, "fails");
}

/* Futures, detached tasks, tasks with options: all are counted. */
static void submit_mixed(thrum_executor *executor)
{
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    static atomic_uint ran;
    void *args[4] = {&ran, &ran, &ran, &ran};

    options.name = "named";
    for (int i = 0; i < 10; i++) {
        thrum_future_unref(submit(executor, count_task, &ran));
        assert_int_equal(
            thrum_executor_submit(executor, count_task, &ran, 0, NULL), 0);
        assert_int_equal(thrum_executor_submit_with(executor, count_task, &ran,
                                                    0, &options, NULL),
                         0);
        thrum_future_unref(submit(executor, fails, NULL));
        assert_int_equal(thrum_executor_submit(executor, fails, NULL, 0, NULL),
                         0);
    }
    assert_int_equal(
        thrum_executor_submit_many(executor, count_task, args, 4, NULL), 4);
}

TEST(done_and_failed_are_counted)
{
    static const int workers[] = {1, 3};

    for (size_t i = 0; i < 2; i++) {
        thrum_executor *pool = pool_of(workers[i]);
        thrum_stats stats;

        submit_mixed(pool);
        assert_int_equal(
            thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER), 0);
        stats = stats_of(pool);
        assert_int_equal(stats.done, 34);
        assert_int_equal(stats.failed, 20);
        assert_int_equal(stats.cancelled, 0);
        assert_int_equal(stats.queued, 0);
        assert_int_equal(stats.running, 0);
        assert_int_equal(stats.workers, 0);
        thrum_executor_unref(pool);
    }
}

static void *stops_when_asked(void *arg)
{
    gate_open(arg);
    while (!thrum_cancelled())
        sched_yield();
    return NULL;
}

TEST(cancelled_are_counted)
{
    struct gate begun = GATE_INIT;
    thrum_executor *pool = pool_of(1);
    thrum_future *running = submit(pool, stops_when_asked, &begun);
    thrum_future *pending[3];
    atomic_uint ran = 0;

    gate_wait(&begun);
    for (int i = 0; i < 3; i++)
        pending[i] = submit(pool, count_task, &ran);
    assert_true(thrum_future_cancel(pending[0]));
    assert_int_equal(
        thrum_executor_shutdown(pool, THRUM_CANCEL_FUTURES, THRUM_NOW), 0);
    assert_int_equal(thrum_future_request_cancel(running), 0);
    assert_int_equal(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER),
                     0);
    assert_true(thrum_future_cancelled(running));
    assert_int_equal(stats_of(pool).cancelled, 4);
    assert_int_equal(stats_of(pool).done, 0);
    assert_int_equal(stats_of(pool).queued, 0);
    for (int i = 0; i < 3; i++)
        thrum_future_unref(pending[i]);
    thrum_future_unref(running);
    thrum_executor_unref(pool);
}

TEST(every_task_is_timed_when_asked)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool = NULL;
    atomic_uint ran = 0;
    thrum_stats stats;
    uint64_t counted = 0;

    options.max_workers = 2;
    options.stats_every = 1;
    assert_int_equal(pool_new(&options, &pool), 0);
    for (int i = 0; i < 100; i++)
        thrum_future_unref(submit(pool, count_task, &ran));
    assert_int_equal(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER),
                     0);
    stats = stats_of(pool);
    assert_int_equal(stats.wait.count, 100);
    assert_int_equal(stats.run.count, 100);
    for (int i = 0; i < THRUM_HISTOGRAM_BUCKETS; i++)
        counted += stats.run.bucket[i];
    assert_int_equal(counted, 100);
    assert_true(thrum_histogram_quantile(&stats.run, 1) > 0);
    thrum_executor_unref(pool);
}

TEST(one_task_in_so_many_is_timed_by_default)
{
    thrum_executor *pool = pool_of(1);
    atomic_uint ran = 0;
    thrum_stats stats;

    for (int i = 0; i < 640; i++)
        thrum_future_unref(submit(pool, count_task, &ran));
    assert_int_equal(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER),
                     0);
    stats = stats_of(pool);
    assert_in_range(stats.run.count, 9, 11);
    assert_in_range(stats.wait.count, 9, 11);
    thrum_executor_unref(pool);
}

TEST(the_time_a_task_takes_is_in_the_histogram)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    struct gate gate = GATE_INIT;
    thrum_time begun;
    thrum_executor *pool;
    atomic_uint ran = 0;
    thrum_stats stats;
    uint64_t least;

    options.stats_every = 1;
    pool = busy_pool(&options, &gate);
    thrum_future_unref(submit(pool, count_task, &ran));
    begun = thrum_now();
    WAIT_UNTIL(thrum_now().ns - begun.ns >= 2000000);
    gate_open(&gate);
    assert_int_equal(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER),
                     0);
    stats = stats_of(pool);
    /* one of the two ran, and the other waited, for 2 ms and more; a bucket
     * is a quarter wide at most */
    least = 1500000;
    assert_true(thrum_histogram_quantile(&stats.run, 1) >= least);
    assert_true(thrum_histogram_quantile(&stats.wait, 1) >= least);
    thrum_executor_unref(pool);
}

TEST(an_executor_without_stats_says_so)
{
    thrum_executor *executor = inline_new();
    thrum_stats stats = THRUM_STATS;
    int rc = thrum_executor_stats(executor, &stats);

    assert_true(rc == 0 || rc == -ENOTSUP);
    executor_end(executor);
}

/* ---- reading a histogram ---- */

TEST(quantiles_lie_in_their_buckets)
{
    thrum_histogram histogram = {0, {0}};

    assert_int_equal(thrum_histogram_quantile(&histogram, 0.5), 0);
    histogram.count = 100;
    histogram.bucket[20] = 50;
    histogram.bucket[40] = 49;
    histogram.bucket[60] = 1;
    assert_in_range(thrum_histogram_quantile(&histogram, 0),
                    thrum_histogram_floor(20), thrum_histogram_floor(21));
    assert_in_range(thrum_histogram_quantile(&histogram, 0.25),
                    thrum_histogram_floor(20), thrum_histogram_floor(21));
    assert_in_range(thrum_histogram_quantile(&histogram, 0.9),
                    thrum_histogram_floor(40), thrum_histogram_floor(41));
    assert_in_range(thrum_histogram_quantile(&histogram, 1),
                    thrum_histogram_floor(60), thrum_histogram_floor(61));
    assert_int_equal(thrum_histogram_quantile(&histogram, 7),
                     thrum_histogram_quantile(&histogram, 1));
    assert_int_equal(thrum_histogram_quantile(&histogram, -7),
                     thrum_histogram_quantile(&histogram, 0));
}

TEST(quantiles_never_fall)
{
    thrum_histogram histogram = {0, {0}};
    uint64_t last = 0;

    for (unsigned i = 0; i < THRUM_HISTOGRAM_BUCKETS; i++)
        histogram.count += histogram.bucket[i] = 1 + i % 7;
    for (int q = 0; q <= 1000; q++) {
        uint64_t now = thrum_histogram_quantile(&histogram, q / 1000.0);

        assert_true(now >= last);
        last = now;
    }
}

TEST_MAIN("stats")
