/* SPDX-License-Identifier: MIT */
/*
 * test/api/nested_test.c - tasks that wait for tasks: F96, F97.
 *
 * A wait that can end does end, and one that cannot says -EDEADLK.
 */
#include <stdlib.h>

#include "tasks.h"

/* ---- a task that submits and waits ---- */

static void *fib(void *arg)
{
    long n = *(long *)arg;
    thrum_future *left = NULL;
    void *value = NULL;
    long other;
    long sum;

    if (n < 2)
        return thrum_return(&n, sizeof(n));
    other = n - 1;
    if (!CHECK_INT(thrum_executor_submit(thrum_executor_current(), fib, &other,
                                         sizeof(other), &left),
                   0))
        return NULL;
    other = n - 2;
    sum = *(long *)fib(&other);
    CHECK_INT(thrum_future_result(left, THRUM_FOREVER, &value), 0);
    if (value != NULL)
        sum += *(long *)value;
    thrum_future_unref(left);
    return thrum_return(&sum, sizeof(sum));
}

static long run_fib(thrum_executor *executor, long n)
{
    thrum_future *future = NULL;
    void *value = NULL;
    long result;

    assert_int_equal(
        thrum_executor_submit(executor, fib, &n, sizeof(n), &future), 0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, &value), 0);
    result = *(long *)value;
    thrum_future_unref(future);
    return result;
}

TEST(F96_fib_with_a_task_for_every_call)
{
    static const int workers[] = {1, 2, 4};

    for (size_t i = 0; i < 3; i++) {
        thrum_executor *pool = pool_of(workers[i]);

        assert_int_equal(run_fib(pool, TEST_TSAN || TEST_ASAN ? 12 : 20),
                         TEST_TSAN || TEST_ASAN ? 144 : 6765);
        executor_end(pool);
    }
}

struct chain {
    thrum_executor *pool;
    unsigned depth;
    atomic_uint *bottom;
};

static void *follow_chain(void *arg)
{
    struct chain *chain = arg;
    struct chain next = {chain->pool, chain->depth - 1, chain->bottom};
    thrum_future *future = NULL;
    int rc;

    if (chain->depth == 0) {
        atomic_fetch_add(chain->bottom, 1);
        return NULL;
    }
    rc = thrum_executor_submit(chain->pool, follow_chain, &next, sizeof(next),
                               &future);
    if (rc != 0) {
        /* what a failed wait has left behind goes on to the shutdown */
        CHECK_INT(rc, THRUM_ESHUTDOWN);
        return NULL;
    }
    rc = thrum_future_result(future, THRUM_FOREVER, NULL);
    thrum_future_unref(future);
    if (rc != 0)
        return thrum_raise(rc == THRUM_EFAILED ? -EIO : rc, "chain %u",
                           chain->depth);
    return NULL;
}

static int run_chain(thrum_executor *pool, unsigned depth, unsigned *bottom)
{
    atomic_uint reached = 0;
    struct chain chain = {pool, depth, &reached};
    thrum_future *future = NULL;
    int rc;

    assert_int_equal(thrum_executor_submit(pool, follow_chain, &chain,
                                           sizeof(chain), &future),
                     0);
    rc = thrum_future_result(future, THRUM_FOREVER, NULL);
    thrum_future_unref(future);
    *bottom = atomic_load(&reached);
    return rc;
}

TEST(F96_a_pool_of_one_whose_task_submits_and_waits)
{
    thrum_executor *pool = pool_of(1);
    unsigned bottom = 0;

    assert_int_equal(run_chain(pool, 1, &bottom), 0);
    assert_int_equal(bottom, 1);
    assert_int_equal(run_chain(pool, 10, &bottom), 0);
    assert_int_equal(bottom, 1);
    executor_end(pool);
}

/* Deeper than any help goes, but not deeper than help and spares together. */
TEST(F96_a_chain_deeper_than_the_help_goes)
{
    static const int workers[] = {1, 3};

    for (size_t i = 0; i < 2; i++) {
        thrum_executor *pool = pool_of(workers[i]);
        unsigned bottom = 0;

        assert_int_equal(run_chain(pool, 200, &bottom), 0);
        assert_int_equal(bottom, 1);
        executor_end(pool);
    }
}

/* So deep that no number of spares is enough: an answer, never a hang. The
 * newest wait is told, and its task and all above it fail. */
TEST(F96_a_chain_without_end_is_an_error)
{
    TEST_OF_THREADS;
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool = NULL;
    unsigned bottom = 0;

    options.max_workers = 1;
    options.max_spares = 2;
    options.stack_size = 256 * 1024;
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    assert_int_equal(run_chain(pool, 100000, &bottom), THRUM_EFAILED);
    executor_end(pool);
}

/* ---- the awaited task may lie anywhere ---- */

struct await {
    thrum_future *future;
    int rc;
    thrum_time deadline;
};

static void *await_task(void *arg)
{
    struct await *await = arg;

    await->rc = thrum_future_result(await->future, await->deadline, NULL);
    return NULL;
}

/* It was submitted from outside, after the one that waits for it. */
TEST(F96_a_wait_for_a_task_that_is_queued_behind_it)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    struct token token = {0};
    struct await await = {NULL, -1, THRUM_FOREVER};
    thrum_future *waiter = submit(pool, await_task, &await);

    await.future = submit(pool, token_task, &token);
    gate_open(&gate);
    assert_int_equal(thrum_future_result(waiter, THRUM_FOREVER, NULL), 0);
    assert_int_equal(await.rc, 0);
    assert_token(&token, 1, 0);
    thrum_future_unref(await.future);
    thrum_future_unref(waiter);
    executor_end(pool);
}

TEST(F96_a_wait_in_a_task_with_a_deadline)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    struct deal deal = deal_new();
    struct await await = {deal.future, -1, thrum_in_ms(5)};
    thrum_future *waiter = submit(pool, await_task, &await);

    gate_open(&gate);
    assert_int_equal(thrum_future_result(waiter, THRUM_FOREVER, NULL), 0);
    assert_int_equal(await.rc, -ETIMEDOUT);
    thrum_future_unref(waiter);
    deal_end(&deal);
    executor_end(pool);
}

/* Helping must not run what the waiter did not spawn nor wait for: such a task
 * may need a lock that the waiter holds. */
struct foreign {
    thrum_executor *pool;
    thrum_future *promised;
    int waits_in; /* thread of the wait, while it lasts */
    atomic_bool waiting;
    atomic_uint intruded;
    atomic_uint ran;
};

static void *wait_for_promise(void *arg)
{
    struct foreign *foreign = arg;
    int rc;

    foreign->waits_in = token_thread();
    atomic_store(&foreign->waiting, true);
    rc = thrum_future_result(foreign->promised, THRUM_FOREVER, NULL);
    atomic_store(&foreign->waiting, false);
    CHECK_INT(rc, 0);
    return NULL;
}

static void *unrelated(void *arg)
{
    struct foreign *foreign = arg;

    if (atomic_load(&foreign->waiting) && foreign->waits_in == token_thread())
        atomic_fetch_add(&foreign->intruded, 1);
    atomic_fetch_add(&foreign->ran, 1);
    return NULL;
}

TEST(F96_a_wait_does_not_run_unrelated_tasks_on_its_stack)
{
    TEST_OF_THREADS;
    struct deal deal = deal_new();
    struct foreign foreign = {.pool = pool_of(1), .promised = deal.future};
    thrum_future *waiter = submit(foreign.pool, wait_for_promise, &foreign);

    WAIT_UNTIL(atomic_load(&foreign.waiting));
    for (int i = 0; i < 20; i++)
        thrum_future_unref(submit(foreign.pool, unrelated, &foreign));
    /* a spare takes the worker's place */
    WAIT_UNTIL(atomic_load(&foreign.ran) == 20);
    assert_int_equal(thrum_promise_set_result(deal.promise, NULL), 0);
    assert_int_equal(thrum_future_result(waiter, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(waiter);
    executor_end(foreign.pool);
    assert_int_equal(atomic_load(&foreign.intruded), 0);
    deal_end(&deal);
}

/* ---- spares ---- */

struct blocked {
    thrum_future *promised;
    atomic_uint waiting;
    atomic_int rc;
};

static void *block_on_promise(void *arg)
{
    struct blocked *blocked = arg;
    int rc;

    atomic_fetch_add(&blocked->waiting, 1);
    rc = thrum_future_result(blocked->promised, THRUM_FOREVER, NULL);
    if (rc != 0)
        atomic_store(&blocked->rc, rc);
    return NULL;
}

TEST(F96_spares_take_the_place_of_workers_that_wait)
{
    TEST_OF_THREADS;
    enum {
        WAITERS = 10
    };
    struct deal deal = deal_new();
    struct blocked blocked = {deal.future, 0, 0};
    thrum_executor *pool = pool_of(2);
    thrum_future *futures[WAITERS];
    atomic_uint ran = 0;
    thrum_future *last;

    for (int i = 0; i < WAITERS; i++)
        futures[i] = submit(pool, block_on_promise, &blocked);
    last = submit(pool, count_task, &ran);
    WAIT_UNTIL(atomic_load(&blocked.waiting) == WAITERS);
    assert_int_equal(thrum_future_result(last, THRUM_FOREVER, NULL), 0);
    assert_int_equal(thrum_promise_set_result(deal.promise, NULL), 0);
    for (int i = 0; i < WAITERS; i++) {
        assert_int_equal(thrum_future_result(futures[i], THRUM_FOREVER, NULL),
                         0);
        thrum_future_unref(futures[i]);
    }
    assert_int_equal(atomic_load(&blocked.rc), 0);
    thrum_future_unref(last);
    executor_end(pool);
    deal_end(&deal);
}

/* At the cap a wait for something outside is no deadlock: it just waits. */
TEST(F96_at_the_cap_a_wait_for_a_promise_goes_on)
{
    TEST_OF_THREADS;
    enum {
        WAITERS = 6
    };
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    struct deal deal = deal_new();
    struct blocked blocked = {deal.future, 0, 0};
    thrum_executor *pool = NULL;
    thrum_future *futures[WAITERS];
    thrum_stats stats = THRUM_STATS;

    options.max_workers = 1;
    options.max_spares = 2;
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    for (int i = 0; i < WAITERS; i++)
        futures[i] = submit(pool, block_on_promise, &blocked);
    WAIT_UNTIL(atomic_load(&blocked.waiting) == 3);
    do {
        assert_int_equal(thrum_executor_stats(pool, &stats), 0);
    } while (stats.blocked != 3);
    assert_int_equal(stats.workers, 3); /* one and two spares */
    assert_int_equal(atomic_load(&blocked.waiting), 3);
    assert_int_equal(thrum_promise_set_result(deal.promise, NULL), 0);
    for (int i = 0; i < WAITERS; i++) {
        assert_int_equal(thrum_future_result(futures[i], THRUM_FOREVER, NULL),
                         0);
        thrum_future_unref(futures[i]);
    }
    assert_int_equal(atomic_load(&blocked.rc), 0);
    executor_end(pool);
    deal_end(&deal);
}

TEST_MAIN("nested")
