/* SPDX-License-Identifier: MIT */
/*
 * test/stress/process_test.c - 10,000 tasks, and every few milliseconds a worker
 * that is killed. Every future settles; each task that was not hit has the right
 * result. Processes, descriptors and memory are counted by the support library.
 */
#include "../api/processes.h"
#include "stress.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct storm {
    thrum_executor *pool;
    const struct births *births;
    uint64_t random;
    atomic_bool stop;
    unsigned killed;
};

static void storm_kill_one(struct storm *storm)
{
    int pids[8];
    int n = thrum_process_pool_pids(storm->pool, pids, 8);

    if (n <= 0)
        return;
    kill(pids[stress_random(&storm->random, (unsigned)n)], SIGKILL);
    storm->killed++;
}

/* Kills again only when one was born since: a pool whose workers die one after
 * the other before they have begun is broken. */
static void *storm_run(void *arg)
{
    struct storm *storm = arg;
    off_t born = 0;

    while (!atomic_load(&storm->stop)) {
        struct timespec pause = {
            0, 1000 * (long)(500 + stress_random(&storm->random, 5000))};
        off_t now = births_count(storm->births);

        if (now != born)
            storm_kill_one(storm);
        born = now;
        nanosleep(&pause, NULL);
    }
    return NULL;
}

struct work {
    unsigned seed;
    unsigned size; /* of the result */
    unsigned spin;
};

static unsigned char work_byte(unsigned seed, unsigned i)
{
    return (unsigned char)(seed * 31 + i);
}

static void *work(void *arg)
{
    const struct work *work = arg;
    unsigned char *bytes = thrum_return_alloc(work->size);
    volatile unsigned spin = work->spin;

    while (spin > 0)
        spin--;
    for (unsigned i = 0; i < work->size; i++)
        bytes[i] = work_byte(work->seed, i);
    return bytes;
}

/* True if it was killed. */
static bool check_one(thrum_future *future, unsigned seed, unsigned size)
{
    const thrum_error *error = NULL;
    void *value = NULL;

    assert_int_equal(thrum_future_exception(future, THRUM_FOREVER, &error), 0);
    if (error != NULL) {
        assert_int_equal(error->code, THRUM_ECRASHED);
        assert_int_equal(error->signal, SIGKILL);
        return true;
    }
    assert_int_equal(thrum_future_result(future, THRUM_NOW, &value), 0);
    assert_int_equal(thrum_future_result_size(future), size);
    for (unsigned i = 0; i < size; i++)
        if (((unsigned char *)value)[i] != work_byte(seed, i))
            fail_msg("byte %u of task %u", i, seed);
    return false;
}

static void storm_over(thrum_executor *pool, const struct births *births,
                       unsigned n)
{
    thrum_future **futures = calloc(n, sizeof(*futures));
    struct work *works = calloc(n, sizeof(*works));
    struct storm storm = {pool, births, stress_seed() | 1, false, 0};
    struct test_thread *thread = spawn_thread(storm_run, &storm);
    uint64_t random = stress_seed() | 1;
    unsigned hit = 0;

    for (unsigned i = 0; i < n; i++) {
        works[i] = (struct work){i, stress_random(&random, 200),
                                 stress_random(&random, 20000)};
        if (i % 50 == 0)
            works[i].size = 40000;
        assert_int_equal(thrum_executor_submit(pool, work, &works[i],
                                               sizeof(works[i]), &futures[i]),
                         0);
    }
    for (unsigned i = 0; i < n; i++) {
        hit += check_one(futures[i], works[i].seed, works[i].size);
        thrum_future_unref(futures[i]);
    }
    atomic_store(&storm.stop, true);
    join_thread(thread);
    assert_true(hit <= storm.killed);
    free(works);
    free(futures);
}

/* A pool of that kind in a storm, over so many tasks. */
static void storm_with(thrum_process_pool_options *options, unsigned n)
{
    struct births births;
    thrum_executor *pool;

    options->max_workers = 3;
    births_begin(&births, options);
    pool = processes_with(options);
    storm_over(pool, &births, n);
    assert_int_equal(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER),
                     0);
    thrum_executor_unref(pool);
    births_end(&births);
}

TEST(tasks_in_a_storm_of_kills)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;

    storm_with(&options, test_scale(10000));
}

static void *plus_one(void *arg)
{
    unsigned n = *(unsigned *)arg + 1;

    return thrum_return(&n, sizeof(n));
}

/* Many more small tasks than the workers are given at a time, which go from one
 * to the other as they run dry. */
TEST(a_stream_of_small_tasks)
{
    enum {
        WINDOW = 1024
    };
    static thrum_future *window[WINDOW];
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    unsigned n = test_scale(100000);
    thrum_executor *pool = NULL;

    options.max_workers = 3;
    assert_int_equal(thrum_process_pool_new(&options, &pool), 0);
    for (unsigned i = 0; i < n + WINDOW; i++) {
        thrum_future **at = &window[i % WINDOW];
        void *value = NULL;

        if (i >= WINDOW && i - WINDOW < n) {
            assert_int_equal(thrum_future_result(*at, THRUM_FOREVER, &value),
                             0);
            assert_int_equal(*(unsigned *)value, i - WINDOW + 1);
            thrum_future_unref(*at);
        }
        if (i < n)
            assert_int_equal(
                thrum_executor_submit(pool, plus_one, &i, sizeof(i), at), 0);
    }
    assert_int_equal(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER),
                     0);
    thrum_executor_unref(pool);
}

/* Tried again, nearly all come through. */
TEST(tasks_that_are_tried_again_in_a_storm_of_kills)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;

    options.retries = 3;
    options.max_tasks_per_worker = 100;
    storm_with(&options, test_scale(10000) / 2 + 1);
}

PROCESSES_MAIN("stress-process")
