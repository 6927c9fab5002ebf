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
    if (!CHECK_INT(thrum_executor_submit(chain->pool, follow_chain, &next,
                                         sizeof(next), &future),
                   0))
        return NULL;
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

/* ---- -EDEADLK ---- */

static void *await_self(void *arg)
{
    struct await *await = arg;

    while (__atomic_load_n(&await->future, __ATOMIC_ACQUIRE) == NULL)
        sched_yield();
    await->rc = thrum_future_result(await->future, THRUM_FOREVER, NULL);
    return NULL;
}

TEST(F96_a_task_that_waits_for_itself)
{
    thrum_executor *pool = pool_of(2);
    struct await await = {NULL, 0, THRUM_FOREVER};
    thrum_future *future = submit(pool, await_self, &await);

    __atomic_store_n(&await.future, future, __ATOMIC_RELEASE);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    assert_int_equal(await.rc, -EDEADLK);
    thrum_future_unref(future);
    executor_end(pool);
}

/* Tasks that wait for each other in a ring, each on its own worker. */
struct ring {
    struct gate gate;
    atomic_uint deadlocks;
    atomic_uint values;
    struct ring_task {
        struct ring *ring;
        thrum_future *next; /* the one it waits for */
    } tasks[4];
};

static void *await_next(void *arg)
{
    struct ring_task *task = arg;
    int rc;

    gate_wait(&task->ring->gate);
    rc = thrum_future_result(task->next, THRUM_FOREVER, NULL);
    if (rc == -EDEADLK)
        atomic_fetch_add(&task->ring->deadlocks, 1);
    else if (CHECK_INT(rc, 0))
        atomic_fetch_add(&task->ring->values, 1);
    return NULL;
}

static void run_ring(unsigned n, int workers, thrum_executor *other)
{
    struct ring ring = {.gate = GATE_INIT};
    thrum_executor *pool = pool_of(workers);
    thrum_future *futures[4];

    for (unsigned i = 0; i < n; i++) {
        ring.tasks[i].ring = &ring;
        futures[i] = submit(i % 2 == 1 && other != NULL ? other : pool,
                            await_next, &ring.tasks[i]);
    }
    for (unsigned i = 0; i < n; i++)
        ring.tasks[i].next = futures[(i + 1) % n];
    gate_open(&ring.gate);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(thrum_future_result(futures[i], THRUM_FOREVER, NULL),
                         0);
    /* the newest wait is told, and then the others can end */
    assert_int_equal(atomic_load(&ring.deadlocks), 1);
    assert_int_equal(atomic_load(&ring.values), n - 1);
    for (unsigned i = 0; i < n; i++)
        thrum_future_unref(futures[i]);
    executor_end(pool);
}

TEST(F96_two_tasks_that_wait_for_each_other)
{
    unsigned rounds = test_scale(200);

    for (unsigned i = 0; i < rounds; i++) {
        run_ring(2, 2, NULL);
        run_ring(2, 1, NULL); /* one is run by the wait for it */
    }
}

TEST(F96_three_and_four_tasks_that_wait_in_a_ring)
{
    unsigned rounds = test_scale(100);

    for (unsigned i = 0; i < rounds; i++) {
        run_ring(3, 3, NULL);
        run_ring(3, 2, NULL);
        run_ring(3, 1, NULL);
        run_ring(4, 2, NULL);
    }
}

TEST(F96_a_ring_over_two_pools)
{
    unsigned rounds = test_scale(100);

    for (unsigned i = 0; i < rounds; i++) {
        thrum_executor *other = pool_of(2);

        run_ring(2, 2, other);
        run_ring(4, 2, other);
        executor_end(other);
    }
}

/* A wait that ends by its deadline is part of no cycle. */
static void *await_next_for_a_while(void *arg)
{
    struct ring_task *task = arg;
    int rc;

    gate_wait(&task->ring->gate);
    rc = thrum_future_result(task->next, thrum_in_ms(20), NULL);
    if (rc == -ETIMEDOUT)
        atomic_fetch_add(&task->ring->values, 1);
    else
        CHECK(rc == 0);
    return NULL;
}

TEST(F96_waits_with_a_deadline_end_by_themselves)
{
    struct ring ring = {.gate = GATE_INIT};
    thrum_executor *pool = pool_of(2);
    thrum_future *futures[2];

    for (int i = 0; i < 2; i++) {
        ring.tasks[i].ring = &ring;
        futures[i] = submit(pool, await_next_for_a_while, &ring.tasks[i]);
    }
    for (int i = 0; i < 2; i++)
        WAIT_UNTIL(thrum_future_running(futures[i]));
    for (int i = 0; i < 2; i++)
        ring.tasks[i].next = futures[1 - i];
    gate_open(&ring.gate);
    for (int i = 0; i < 2; i++)
        assert_int_equal(thrum_future_result(futures[i], THRUM_FOREVER, NULL),
                         0);
    assert_true(atomic_load(&ring.values) >= 1);
    for (int i = 0; i < 2; i++)
        thrum_future_unref(futures[i]);
    executor_end(pool);
}

/* At the cap, with every worker waiting for what is queued and cannot be
 * helped: told, not hung. A task cannot be helped that is not the awaited one
 * itself: here they wait by thrum_wait() for the last of all. */
struct crowd {
    struct gate gate;
    thrum_future *awaited;
    atomic_uint deadlocks;
};

static void *crowd_wait(void *arg)
{
    struct crowd *crowd = arg;
    int rc;

    gate_wait(&crowd->gate);
    rc = thrum_wait(&crowd->awaited, 1, THRUM_ALL_COMPLETED, THRUM_FOREVER);
    if (rc == -EDEADLK)
        atomic_fetch_add(&crowd->deadlocks, 1);
    else
        CHECK_INT(rc, 1);
    return NULL;
}

TEST(F96_thrum_wait_in_tasks_at_the_cap_ends)
{
    enum {
        WAITERS = 4
    };
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    struct crowd crowd = {.gate = GATE_INIT};
    thrum_executor *pool = NULL;
    thrum_future *futures[WAITERS];
    atomic_uint ran = 0;

    options.max_workers = 1;
    options.max_spares = 1;
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    for (int i = 0; i < WAITERS; i++)
        futures[i] = submit(pool, crowd_wait, &crowd);
    crowd.awaited = submit(pool, count_task, &ran);
    gate_open(&crowd.gate);
    for (int i = 0; i < WAITERS; i++) {
        assert_int_equal(thrum_future_result(futures[i], THRUM_FOREVER, NULL),
                         0);
        thrum_future_unref(futures[i]);
    }
    assert_int_equal(thrum_future_result(crowd.awaited, THRUM_FOREVER, NULL),
                     0);
    assert_int_equal(atomic_load(&ran), 1);
    thrum_future_unref(crowd.awaited);
    executor_end(pool);
}

/* ---- shutdown and nested waits ---- */

struct late_chain {
    struct chain chain;
    struct gate gate;
    thrum_future *child;
};

static void *await_child(void *arg)
{
    struct late_chain *late = arg;

    CHECK_INT(thrum_executor_submit(late->chain.pool, count_task,
                                    late->chain.bottom, 0, &late->child),
              0);
    gate_wait(&late->gate);
    CHECK_INT(thrum_future_result(late->child, THRUM_FOREVER, NULL),
              THRUM_ECANCELLED);
    thrum_future_unref(late->child);
    return NULL;
}

TEST(F96_a_nested_wait_for_what_a_shutdown_cancelled)
{
    atomic_uint bottom = 0;
    struct late_chain late = {{pool_of(1), 0, &bottom}, GATE_INIT, NULL};
    thrum_future *future = submit(late.chain.pool, await_child, &late);
    thrum_stats stats = THRUM_STATS;

    do {
        assert_int_equal(thrum_executor_stats(late.chain.pool, &stats), 0);
    } while (stats.queued != 1);
    assert_int_equal(thrum_executor_shutdown(late.chain.pool,
                                             THRUM_CANCEL_FUTURES, THRUM_NOW),
                     0);
    gate_open(&late.gate);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    executor_end(late.chain.pool);
    assert_int_equal(atomic_load(&bottom), 0);
}

/* F97: the functions of an executor, and of futures, called from a task. */
static void *use_everything(void *arg)
{
    thrum_executor *pool = arg;
    atomic_uint ran = 0;
    thrum_future *futures[3] = {NULL, NULL, NULL};
    void *args[2] = {&ran, &ran};
    thrum_stats stats = THRUM_STATS;
    thrum_future_set *set = NULL;
    thrum_future *done = NULL;

    CHECK_INT(thrum_executor_submit(pool, count_task, &ran, 0, &futures[0]), 0);
    CHECK_INT(
        thrum_executor_submit_many(pool, count_task, args, 2, &futures[1]), 2);
    CHECK_INT(thrum_executor_stats(pool, &stats), 0);
    CHECK_INT(thrum_wait(futures, 3, THRUM_ALL_COMPLETED, THRUM_FOREVER), 3);
    CHECK_INT(thrum_as_completed(futures, 3, &set), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(thrum_future_set_next(set, THRUM_FOREVER, &done), 0);
        thrum_future_unref(done);
        thrum_future_unref(futures[i]);
    }
    thrum_future_set_free(set);
    CHECK_INT(atomic_load(&ran), 3);
    return NULL;
}

TEST(F97_executor_and_future_functions_from_a_task)
{
    static const int workers[] = {1, 2, 4};

    for (size_t i = 0; i < 3; i++) {
        thrum_executor *pool = pool_of(workers[i]);
        thrum_future *futures[20];

        for (int j = 0; j < 20; j++)
            futures[j] = submit(pool, use_everything, pool);
        for (int j = 0; j < 20; j++) {
            assert_int_equal(
                thrum_future_result(futures[j], THRUM_FOREVER, NULL), 0);
            thrum_future_unref(futures[j]);
        }
        executor_end(pool);
    }
}

/* F97: another pool's tasks, and inline ones, wait likewise. */
struct bridge {
    thrum_executor *there;
    thrum_executor *back;
    unsigned depth;
};

static void *cross_bridge(void *arg)
{
    struct bridge *bridge = arg;
    struct bridge next = {bridge->back, bridge->there, bridge->depth - 1};
    thrum_future *future = NULL;

    if (bridge->depth == 0)
        return NULL;
    if (!CHECK_INT(thrum_executor_submit(bridge->there, cross_bridge, &next,
                                         sizeof(next), &future),
                   0))
        return NULL;
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    return NULL;
}

TEST(F97_two_pools_of_one_whose_tasks_call_each_other)
{
    struct bridge bridge = {pool_of(1), pool_of(1), 20};

    assert_null(cross_bridge(&bridge));
    executor_end(bridge.there);
    bridge.there = inline_new();
    assert_null(cross_bridge(&bridge));
    executor_end(bridge.there);
    executor_end(bridge.back);
}

TEST_MAIN("nested")
