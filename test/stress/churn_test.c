/* SPDX-License-Identifier: MIT */
/*
 * test/stress/churn_test.c - pools that come and go: 100,000 of them, fewer
 * under sanitizers. Threads, descriptors and memory are back in the end; the
 * support library counts them.
 */
#include "stress.h"

static void *count(void *arg)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
    return arg;
}

/* One pool, with no task, one, or a few, and each way to end. */
static unsigned churn_one(uint64_t *random, atomic_uint *ran)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    unsigned tasks = stress_random(random, 4);
    unsigned end = stress_random(random, 4);
    thrum_executor *pool = NULL;

    options.max_workers = 1 + (int)stress_random(random, 3);
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    for (unsigned i = 0; i < tasks; i++)
        assert_int_equal(thrum_executor_submit(pool, count, ran, 0, NULL), 0);
    if (end > 0)
        assert_int_equal(
            thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER), 0);
    thrum_executor_unref(pool); /* without a wait: they detach themselves */
    return tasks;
}

TEST(pools_are_created_and_destroyed)
{
    unsigned pools = test_scale(100000);
    uint64_t random = stress_seed() | 1;
    atomic_uint ran = 0;
    unsigned tasks = 0;

    if ((TEST_ASAN || TEST_TSAN) && pools > 1000)
        pools = 1000;
    for (unsigned i = 0; i < pools; i++) {
        tasks += churn_one(&random, &ran);
        if (i % 100 == 0) /* those without a wait must not pile up */
            WAIT_UNTIL(atomic_load(&ran) == tasks);
    }
    WAIT_UNTIL(atomic_load(&ran) == tasks);
}

/* From several threads at once, for what pools share: numbers, records. */
struct churner {
    uint64_t random;
    unsigned pools;
};

static void *churn_many(void *arg)
{
    struct churner *churner = arg;
    atomic_uint ran = 0;

    for (unsigned i = 0; i < churner->pools; i++) {
        unsigned tasks;

        atomic_store(&ran, 0);
        tasks = churn_one(&churner->random, &ran);
        WAIT_UNTIL(atomic_load(&ran) == tasks);
    }
    return NULL;
}

TEST(pools_of_many_threads)
{
    enum {
        THREADS = 4
    };
    struct test_thread *threads[THREADS];
    struct churner churners[THREADS];
    uint64_t seed = stress_seed();

    for (unsigned i = 0; i < THREADS; i++) {
        churners[i] = (struct churner){(seed + i) | 1, test_scale(2000)};
        threads[i] = spawn_thread(churn_many, &churners[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        join_thread(threads[i]);
}

TEST_MAIN("stress-churn")
