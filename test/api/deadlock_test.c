/* SPDX-License-Identifier: MIT */
/*
 * test/api/deadlock_test.c - waits inside tasks that could never end (F96), and F97.
 */
#include <stdlib.h>

#include "tasks.h"

/* ---- -EDEADLK ---- */

struct await {
    thrum_future *future;
    int rc;
    thrum_time deadline;
};

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

/* The same inside of a generator that the task pulls, and in a greenlet. */
static void *await_by_generator(void *arg)
{
    thrum_generator *generator = NULL;

    CHECK_INT(thrum_generator_new(await_self, arg, 0, NULL, &generator), 0);
    CHECK_INT(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    thrum_generator_unref(generator);
    return NULL;
}

static void *await_by_greenlet(void *arg)
{
    thrum_greenlet *greenlet = NULL;

    CHECK_INT(thrum_greenlet_new(await_self, NULL, NULL, &greenlet), 0);
    CHECK_INT(thrum_greenlet_switch(greenlet, arg, NULL), 0);
    thrum_greenlet_unref(greenlet);
    return NULL;
}

TEST(F96_a_generator_or_greenlet_that_waits_for_the_task_that_runs_it)
{
    thrum_fn *const fns[] = {await_by_generator, await_by_greenlet};

    for (int i = 0; i < 2; i++) {
        thrum_executor *pool = pool_of(2);
        struct await await = {NULL, 0, THRUM_FOREVER};
        thrum_future *future = submit(pool, fns[i], &await);

        __atomic_store_n(&await.future, future, __ATOMIC_RELEASE);
        assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
        assert_int_equal(await.rc, -EDEADLK);
        thrum_future_unref(future);
        executor_end(pool);
    }
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
    thrum_wait_mode mode;
    atomic_uint deadlocks;
};

static void *crowd_wait(void *arg)
{
    struct crowd *crowd = arg;
    int rc;

    gate_wait(&crowd->gate);
    rc = thrum_wait(&crowd->awaited, 1, crowd->mode, THRUM_FOREVER);
    if (rc == -EDEADLK)
        atomic_fetch_add(&crowd->deadlocks, 1);
    else
        CHECK_INT(rc, 1);
    return NULL;
}

static void crowd_at_the_cap(thrum_wait_mode mode)
{
    enum {
        WAITERS = 4
    };
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    struct crowd crowd = {.gate = GATE_INIT, .mode = mode};
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

TEST(F96_waits_for_all_in_tasks_at_the_cap_end)
{
    crowd_at_the_cap(THRUM_ALL_COMPLETED);
}

TEST(F96_waits_for_the_first_in_tasks_at_the_cap_end)
{
    crowd_at_the_cap(THRUM_FIRST_COMPLETED);
    crowd_at_the_cap(THRUM_FIRST_EXCEPTION);
}

/* The newest wait is for a task that runs, but that one waits for what is
 * queued, and there is nobody left to run it. */
struct indirect {
    thrum_future *queued;
    thrum_future *first;
    thrum_wait_mode mode;
    int rc;
};

static void *wait_for_queued(void *arg)
{
    struct indirect *indirect = arg;

    CHECK(thrum_wait(&indirect->queued, 1, indirect->mode, THRUM_FOREVER) != 0);
    return NULL;
}

static void *wait_for_first(void *arg)
{
    struct indirect *indirect = arg;

    indirect->rc = thrum_future_result(indirect->first, THRUM_FOREVER, NULL);
    CHECK(indirect->rc == 0 || indirect->rc == -EDEADLK);
    return NULL;
}

static void wait_indirectly(thrum_wait_mode mode)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    struct gate gate = GATE_INIT;
    struct indirect indirect = {NULL, NULL, mode, 1};
    thrum_executor *pool = NULL;
    thrum_future *second;
    atomic_uint ran = 0;

    options.max_spares = 1;
    pool = busy_pool(&options, &gate);
    indirect.first = submit(pool, wait_for_queued, &indirect);
    second = submit(pool, wait_for_first, &indirect);
    indirect.queued = submit(pool, count_task, &ran);
    gate_open(&gate);
    assert_int_equal(thrum_future_result(second, THRUM_FOREVER, NULL), 0);
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), 1);
    thrum_future_unref(indirect.queued);
    thrum_future_unref(indirect.first);
    thrum_future_unref(second);
}

TEST(F96_a_wait_for_one_that_waits_for_what_is_queued)
{
    wait_indirectly(THRUM_ALL_COMPLETED);
    wait_indirectly(THRUM_FIRST_COMPLETED);
    wait_indirectly(THRUM_FIRST_EXCEPTION);
}

/* The same where no help reaches: the first waits at the bottom of a chain that
 * is deeper than any help, the others for the top of it, and no thread is left
 * for the rest of the chain. The newest is told, and then that can go on. */
struct deep {
    thrum_executor *pool;
    thrum_future *first;
    struct gate met; /* the other worker has come, and cannot steal */
    atomic_uint deadlocks;
};

static void *go_deeper(void *arg)
{
    struct deep **deep = arg;
    struct {
        struct deep *deep;
        uintptr_t left;
    } next = {*deep, ((uintptr_t *)arg)[1] - 1};
    thrum_future *future = NULL;

    if (next.left == 0)
        return NULL;
    if (!CHECK_INT(thrum_executor_submit(next.deep->pool, go_deeper, &next,
                                         sizeof(next), &future),
                   0))
        return NULL;
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    return NULL;
}

static void *begin_chain(void *arg)
{
    struct deep **deep = arg;

    gate_wait(&(*deep)->met);
    return go_deeper(arg);
}

static void *wait_for_top(void *arg)
{
    struct deep *deep = arg;
    thrum_stats stats = THRUM_STATS;
    int rc;

    gate_open(&deep->met);
    do /* the chain has come to its end, or to the end of all help */
        CHECK_INT(thrum_executor_stats(deep->pool, &stats), 0);
    while (stats.blocked == 0 && !thrum_future_done(deep->first));
    rc = thrum_future_result(deep->first, THRUM_FOREVER, NULL);
    if (rc == -EDEADLK)
        atomic_fetch_add(&deep->deadlocks, 1);
    else
        CHECK_INT(rc, 0);
    return NULL;
}

TEST(F96_waits_for_a_chain_that_has_no_thread_left)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    struct deep deep = {NULL, NULL, GATE_INIT, 0};
    struct {
        struct deep *deep;
        uintptr_t left;
    } top = {&deep, 120};
    thrum_future *waiters[2];

    options.max_workers = 2;
    options.max_spares = 1;
    assert_int_equal(thrum_thread_pool_new(&options, &deep.pool), 0);
    assert_int_equal(thrum_executor_submit(deep.pool, begin_chain, &top,
                                           sizeof(top), &deep.first),
                     0);
    for (int i = 0; i < 2; i++)
        waiters[i] = submit(deep.pool, wait_for_top, &deep);
    assert_int_equal(thrum_future_result(deep.first, THRUM_FOREVER, NULL), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(thrum_future_result(waiters[i], THRUM_FOREVER, NULL),
                         0);
        thrum_future_unref(waiters[i]);
    }
    assert_int_equal(atomic_load(&deep.deadlocks), 1);
    thrum_future_unref(deep.first);
    executor_end(deep.pool);
}

/* ---- shutdown and nested waits ---- */

struct late_child {
    thrum_executor *pool;
    atomic_uint ran;
    struct gate submitted;
    struct gate gate;
    thrum_future *child;
};

static void *await_child(void *arg)
{
    struct late_child *late = arg;

    CHECK_INT(thrum_executor_submit(late->pool, count_task, &late->ran, 0,
                                    &late->child),
              0);
    gate_open(&late->submitted);
    gate_wait(&late->gate);
    CHECK_INT(thrum_future_result(late->child, THRUM_FOREVER, NULL),
              THRUM_ECANCELLED);
    thrum_future_unref(late->child);
    return NULL;
}

TEST(F96_a_nested_wait_for_what_a_shutdown_cancelled)
{
    struct late_child late = {pool_of(1), 0, GATE_INIT, GATE_INIT, NULL};
    thrum_future *future = submit(late.pool, await_child, &late);

    gate_wait(&late.submitted);
    assert_int_equal(
        thrum_executor_shutdown(late.pool, THRUM_CANCEL_FUTURES, THRUM_NOW), 0);
    gate_open(&late.gate);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    executor_end(late.pool);
    assert_int_equal(atomic_load(&late.ran), 0);
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

TEST_MAIN("deadlock")
