/* SPDX-License-Identifier: MIT */
/*
 * test/api/thread_pool_test.c - the threads of a thread pool: how many, when
 * they start, and what they are like.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tasks.h"

static int pool_new_code(const thrum_thread_pool_options *options)
{
    thrum_executor *pool = NULL;
    int rc = thrum_thread_pool_new(options, &pool);

    if (rc == 0)
        executor_end(pool);
    else
        assert_null(pool);
    return rc;
}

static unsigned workers_of(thrum_executor *pool)
{
    thrum_stats stats = THRUM_STATS;

    assert_int_equal(thrum_executor_stats(pool, &stats), 0);
    return stats.workers;
}

static unsigned idle_of(thrum_executor *pool)
{
    thrum_stats stats = THRUM_STATS;

    assert_int_equal(thrum_executor_stats(pool, &stats), 0);
    return stats.idle;
}

/* ---- F50: bad numbers ---- */

TEST(F50_a_negative_number_of_workers_is_refused)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;

    options.max_workers = -1;
    assert_int_equal(pool_new_code(&options), -EINVAL);
    options.max_workers = INT32_MIN;
    assert_int_equal(pool_new_code(&options), -EINVAL);
    options.max_workers = 4097;
    assert_int_equal(pool_new_code(&options), -EINVAL);
    options.max_workers = 4096; /* none of them is started yet */
    assert_int_equal(pool_new_code(&options), 0);
}

TEST(F50_zero_workers_are_the_default)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;

    assert_int_equal(pool_new_code(&options), 0);
    assert_int_equal(pool_new_code(NULL), 0);
}

TEST(F50_other_negative_numbers_are_refused)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;

    options.max_spares = -1;
    assert_int_equal(pool_new_code(&options), -EINVAL);
    options = (thrum_thread_pool_options)THRUM_THREAD_POOL_OPTIONS;
    options.block_ns = -1;
    assert_int_equal(pool_new_code(&options), -EINVAL);
    options = (thrum_thread_pool_options)THRUM_THREAD_POOL_OPTIONS;
    options.stats_every = -1;
    assert_int_equal(pool_new_code(&options), -EINVAL);
}

TEST(F80_a_bad_option_is_refused_at_construction)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    int bad_cpu = -1;

    options.size = 0;
    assert_int_equal(pool_new_code(&options), -EINVAL);
    options = (thrum_thread_pool_options)THRUM_THREAD_POOL_OPTIONS;
    options.affinity = &bad_cpu;
    options.affinity_count = 1;
    assert_int_equal(pool_new_code(&options), -EINVAL);
    bad_cpu = 1 << 30;
    assert_int_equal(pool_new_code(&options), -EINVAL);
    options.affinity = NULL;
    assert_int_equal(pool_new_code(&options), -EINVAL);
    options = (thrum_thread_pool_options)THRUM_THREAD_POOL_OPTIONS;
    options.queue_policy = 99;
    assert_int_equal(pool_new_code(&options), -EINVAL);
}

/* ---- F51: the default ---- */

TEST(F51_default_workers_are_from_the_CPUs)
{
    const char *set = getenv("THRUM_THREADS");
    char *saved = set == NULL ? NULL : strdup(set);
    int workers;

    unsetenv("THRUM_THREADS");
    workers = thrum_default_workers();
    assert_true(workers >= 5 && workers <= 32);
    if (saved != NULL)
        setenv("THRUM_THREADS", saved, 1);
    free(saved);
}

TEST(F51_the_environment_overrides_the_default)
{
    static const char *const not_numbers[] = {"", "0", "-3", "many", "3x"};
    const char *set = getenv("THRUM_THREADS");
    char *saved = set == NULL ? NULL : strdup(set);
    int workers;

    unsetenv("THRUM_THREADS");
    workers = thrum_default_workers();
    setenv("THRUM_THREADS", "3", 1);
    assert_int_equal(thrum_default_workers(), 3);
    setenv("THRUM_THREADS", "1", 1);
    assert_int_equal(thrum_default_workers(), 1);
    for (size_t i = 0; i < sizeof(not_numbers) / sizeof(not_numbers[0]); i++) {
        setenv("THRUM_THREADS", not_numbers[i], 1);
        assert_int_equal(thrum_default_workers(), workers);
    }
    unsetenv("THRUM_THREADS");
    if (saved != NULL)
        setenv("THRUM_THREADS", saved, 1);
    free(saved);
}

TEST(F51_the_default_is_what_a_pool_gets)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = NULL;

    setenv("THRUM_THREADS", "2", 1);
    assert_int_equal(thrum_thread_pool_new(NULL, &pool), 0);
    unsetenv("THRUM_THREADS");
    for (int i = 0; i < 10; i++)
        thrum_future_unref(submit(pool, gate_task, &gate));
    WAIT_UNTIL(workers_of(pool) == 2);
    gate_open(&gate);
    executor_end(pool);
}

/* ---- F52: when threads start ---- */

TEST(F52_threads_are_started_by_the_first_task)
{
    thrum_executor *pool = pool_of(4);
    atomic_uint ran = 0;

    assert_int_equal(workers_of(pool), 0);
    thrum_future_unref(submit(pool, count_task, &ran));
    assert_int_equal(workers_of(pool), 1);
    executor_end(pool);
}

TEST(F52_an_idle_worker_is_reused)
{
    thrum_executor *pool = pool_of(8);
    atomic_uint ran = 0;

    for (unsigned i = 0; i < 100; i++) {
        thrum_future *future = submit(pool, count_task, &ran);

        assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
        thrum_future_unref(future);
        WAIT_UNTIL(idle_of(pool) == workers_of(pool));
    }
    assert_int_equal(workers_of(pool), 1);
    executor_end(pool);
}

struct crowd {
    atomic_uint now;
    atomic_uint most;
};

static void *join_crowd(void *arg)
{
    struct crowd *crowd = arg;
    unsigned now = atomic_fetch_add(&crowd->now, 1) + 1;
    unsigned most = atomic_load(&crowd->most);

    while (now > most &&
           !atomic_compare_exchange_weak(&crowd->most, &most, now))
        ;
    sched_yield();
    atomic_fetch_sub(&crowd->now, 1);
    return NULL;
}

TEST(F52_there_are_never_more_than_the_maximum)
{
    thrum_executor *pool = pool_of(3);
    unsigned tasks = test_scale(5000);
    struct crowd crowd = {0, 0};

    for (unsigned i = 0; i < tasks; i++)
        thrum_future_unref(submit(pool, join_crowd, &crowd));
    assert_true(workers_of(pool) <= 3);
    executor_end(pool);
    assert_in_range(atomic_load(&crowd.most), 1, 3);
}

TEST(F52_as_many_start_as_there_are_tasks)
{
    enum {
        WORKERS = 6
    };
    struct gate gate = GATE_INIT;
    thrum_executor *pool = pool_of(WORKERS);
    thrum_future *futures[WORKERS];

    for (unsigned i = 0; i < WORKERS; i++)
        futures[i] = submit(pool, gate_task, &gate);
    for (unsigned i = 0; i < WORKERS; i++)
        WAIT_UNTIL(thrum_future_running(futures[i]));
    assert_int_equal(workers_of(pool), WORKERS);
    gate_open(&gate);
    for (unsigned i = 0; i < WORKERS; i++)
        thrum_future_unref(futures[i]);
    WAIT_UNTIL(idle_of(pool) == WORKERS);
    assert_int_equal(workers_of(pool), WORKERS); /* they never go */
    executor_end(pool);
}

TEST(F52_submit_many_starts_enough_threads)
{
    enum {
        WORKERS = 4
    };
    thrum_executor *pool = pool_of(WORKERS);
    struct gate gate = GATE_INIT;
    void *args[WORKERS] = {&gate, &gate, &gate, &gate};
    thrum_future *futures[WORKERS];

    assert_int_equal(
        thrum_executor_submit_many(pool, gate_task, args, WORKERS, futures),
        WORKERS);
    for (unsigned i = 0; i < WORKERS; i++)
        WAIT_UNTIL(thrum_future_running(futures[i]));
    gate_open(&gate);
    for (unsigned i = 0; i < WORKERS; i++)
        thrum_future_unref(futures[i]);
    executor_end(pool);
}

struct meeting {
    thrum_executor *pool;
    struct latch all;
};

static void *meet(void *arg)
{
    struct meeting *meeting = arg;

    latch_down(&meeting->all);
    latch_wait(&meeting->all);
    return NULL;
}

static void *call_meeting(void *arg)
{
    struct meeting *meeting = arg;

    for (int i = 0; i < 3; i++)
        CHECK_INT(thrum_executor_submit(meeting->pool, meet, meeting, 0, NULL),
                  0);
    return meet(arg);
}

/* What a task submits is run by other workers while it does not wait. */
TEST(F52_tasks_of_a_task_start_threads_too)
{
    struct meeting meeting = {pool_of(4), LATCH_INIT(4)};
    thrum_future *future = submit(meeting.pool, call_meeting, &meeting);

    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    executor_end(meeting.pool);
}

/* ---- F54: names ---- */

struct named {
    struct latch *all;
    char name[32];
};

static void *read_name(void *arg)
{
    struct named *named = arg;

    CHECK_INT(
        pthread_getname_np(pthread_self(), named->name, sizeof(named->name)),
        0);
    latch_down(named->all);
    latch_wait(named->all);
    return NULL;
}

static void read_names(thrum_executor *pool, struct named *named, unsigned n)
{
    struct latch all = LATCH_INIT(n);

    for (unsigned i = 0; i < n; i++) {
        named[i].all = &all;
        assert_int_equal(
            thrum_executor_submit(pool, read_name, &named[i], 0, NULL), 0);
    }
    executor_end(pool);
}

TEST(F54_threads_are_named_by_prefix_and_number)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    char prefix[] = "special";
    thrum_executor *pool = NULL;
    struct named named[3];
    unsigned seen = 0;

    options.max_workers = 3;
    options.name_prefix = prefix;
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    memset(prefix, 'x', sizeof(prefix) - 1); /* it was copied */
    read_names(pool, named, 3);
    for (unsigned i = 0; i < 3; i++) {
        unsigned number = 99;

        assert_int_equal(sscanf(named[i].name, "special_%u", &number), 1);
        assert_in_range(number, 0, 2);
        seen |= 1u << number;
    }
    assert_int_equal(seen, 7);
}

TEST(F54_the_default_prefix_numbers_the_pools)
{
    struct named first;
    struct named second;
    unsigned pools[2];
    unsigned number = 99;

    read_names(pool_of(1), &first, 1);
    read_names(pool_of(1), &second, 1);
    assert_int_equal(sscanf(first.name, "thrum-%u_%u", &pools[0], &number), 2);
    assert_int_equal(number, 0);
    assert_int_equal(sscanf(second.name, "thrum-%u_%u", &pools[1], &number), 2);
    assert_int_not_equal(pools[0], pools[1]);
}

TEST(F54_a_long_prefix_keeps_the_number)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool = NULL;
    struct named named[12];
    bool tenth = false;

    options.max_workers = 12;
    options.name_prefix = "a-prefix-that-is-too-long";
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    read_names(pool, named, 12);
    for (unsigned i = 0; i < 12; i++)
        tenth |= strcmp(named[i].name, "a-prefix-tha_10") == 0;
    assert_true(tenth);
}

/* ---- what the threads are like ---- */

static void *read_affinity(void *arg)
{
    CHECK_INT(sched_getaffinity(0, sizeof(cpu_set_t), arg), 0);
    return arg;
}

TEST(threads_run_on_the_CPUs_of_the_option)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool = NULL;
    cpu_set_t mine;
    cpu_set_t theirs;
    int cpu = 0;

    assert_int_equal(sched_getaffinity(0, sizeof(mine), &mine), 0);
    while (!CPU_ISSET((size_t)cpu, &mine))
        cpu++;
    options.affinity = &cpu;
    options.affinity_count = 1;
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    options.affinity = NULL; /* it was copied */
    CPU_ZERO(&theirs);
    assert_int_equal(
        thrum_executor_submit(pool, read_affinity, &theirs, 0, NULL), 0);
    executor_end(pool);
    assert_int_equal(CPU_COUNT(&theirs), 1);
    assert_true(CPU_ISSET((size_t)cpu, &theirs));
}

static void *read_stack_size(void *arg)
{
    pthread_attr_t attr;

    CHECK_INT(pthread_getattr_np(pthread_self(), &attr), 0);
    CHECK_INT(pthread_attr_getstacksize(&attr, arg), 0);
    pthread_attr_destroy(&attr);
    return arg;
}

TEST(threads_have_a_stack_of_the_size_asked_for)
{
    static const size_t asked[] = {1, 300001, 4u << 20};

    for (size_t i = 0; i < 3; i++) {
        thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
        thrum_executor *pool = NULL;
        size_t got = 0;

        options.stack_size = asked[i];
        assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
        assert_int_equal(
            thrum_executor_submit(pool, read_stack_size, &got, 0, NULL), 0);
        executor_end(pool);
        assert_true(got >= asked[i]);
    }
}

static void *read_mask(void *arg)
{
    CHECK_INT(pthread_sigmask(SIG_SETMASK, NULL, arg), 0);
    return arg;
}

static sigset_t mask_of_pool(bool block_signals)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool = NULL;
    sigset_t mask;

    sigemptyset(&mask);
    options.block_signals = block_signals;
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    assert_int_equal(thrum_executor_submit(pool, read_mask, &mask, 0, NULL), 0);
    executor_end(pool);
    return mask;
}

TEST(threads_inherit_the_signal_mask_or_block_all)
{
    sigset_t mine;
    sigset_t saved;
    sigset_t theirs;

    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR2);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &mine, &saved), 0);
    theirs = mask_of_pool(false);
    assert_true(sigismember(&theirs, SIGUSR2));
    assert_false(sigismember(&theirs, SIGINT));
    theirs = mask_of_pool(true);
    assert_true(sigismember(&theirs, SIGUSR2));
    assert_true(sigismember(&theirs, SIGINT));
    assert_true(sigismember(&theirs, SIGTERM));
    assert_false(sigismember(&theirs, SIGSEGV));
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &saved, NULL), 0);
}

TEST_MAIN("thread_pool")
