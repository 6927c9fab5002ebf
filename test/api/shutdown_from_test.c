/* SPDX-License-Identifier: MIT */
/*
 * test/api/shutdown_from_test.c - where a shutdown may come from: F72 to F77.
 */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>

#include "tasks.h"

/* ---- F72: the last unref ---- */

TEST(F72_the_last_unref_does_not_wait_and_all_runs)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    thrum_future *futures[10];
    atomic_uint ran = 0;

    for (int i = 0; i < 10; i++)
        futures[i] = submit(pool, count_task, &ran);
    thrum_executor_unref(pool);
    assert_int_equal(atomic_load(&ran), 0);
    gate_open(&gate);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(thrum_future_result(futures[i], THRUM_FOREVER, NULL),
                         0);
        thrum_future_unref(futures[i]);
    }
    assert_int_equal(atomic_load(&ran), 10);
}

static void *unref_own_pool(void *arg)
{
    struct late {
        thrum_executor *pool;
        struct gate gate;
        atomic_bool done;
    } *late = arg;

    gate_wait(&late->gate);
    thrum_executor_unref(late->pool);
    CHECK(thrum_executor_current() != NULL);
    atomic_store(&late->done, true);
    return NULL;
}

TEST(F72_the_last_unref_from_the_own_worker)
{
    struct {
        thrum_executor *pool;
        struct gate gate;
        atomic_bool done;
    } late = {pool_of(2), GATE_INIT, false};
    atomic_uint ran = 0;
    thrum_future *future = submit(late.pool, unref_own_pool, &late);

    for (int i = 0; i < 20; i++)
        thrum_future_unref(submit(late.pool, count_task, &ran));
    gate_open(&late.gate);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    WAIT_UNTIL(atomic_load(&ran) == 20);
    assert_true(atomic_load(&late.done));
}

static void unref_callback(thrum_future *future, void *arg)
{
    (void)future;
    thrum_executor_unref(arg);
}

TEST(F72_the_last_unref_from_a_callback)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = pool_of(1);
    thrum_future *future = submit(pool, gate_task, &gate);

    assert_int_equal(
        thrum_future_add_done_callback(future, unref_callback, pool), 0);
    gate_open(&gate);
    assert_int_equal(thrum_future_quiesce(future, THRUM_FOREVER), 0);
    thrum_future_unref(future);
}

/* ---- F74: submit, cancel, shutdown ---- */

TEST(F74_submit_and_cancel_just_before_do_not_hang_it)
{
    unsigned rounds = test_scale(200);

    for (unsigned i = 0; i < rounds; i++) {
        thrum_executor *pool = pool_of(1);
        atomic_uint ran = 0;
        thrum_future *future = submit(pool, count_task, &ran);

        thrum_future_cancel(future);
        thrum_future_unref(future);
        executor_end(pool);
    }
}

/* ---- F75: from its own worker ---- */

struct suicide {
    thrum_executor *pool;
    int rc[3];
    int submit_rc;
    atomic_uint ran;
};

static void *shut_own_pool(void *arg)
{
    struct suicide *suicide = arg;

    suicide->rc[0] =
        thrum_executor_shutdown(suicide->pool, THRUM_WAIT, THRUM_FOREVER);
    suicide->rc[1] = thrum_executor_shutdown(
        suicide->pool, THRUM_WAIT | THRUM_CANCEL_FUTURES, THRUM_NOW);
    suicide->submit_rc = thrum_executor_submit(suicide->pool, count_task,
                                               &suicide->ran, 0, NULL);
    return NULL;
}

TEST(F75_waiting_from_the_own_worker_is_a_deadlock_and_changes_nothing)
{
    struct gate gate = GATE_INIT;
    struct suicide suicide = {.pool = busy_pool(NULL, &gate)};
    thrum_future *future = submit(suicide.pool, shut_own_pool, &suicide);
    thrum_future *queued = submit(suicide.pool, count_task, &suicide.ran);

    gate_open(&gate);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    assert_int_equal(suicide.rc[0], -EDEADLK);
    assert_int_equal(suicide.rc[1], -EDEADLK);
    assert_int_equal(suicide.submit_rc, 0);
    /* and from outside it takes tasks still */
    thrum_future_unref(submit(suicide.pool, count_task, &suicide.ran));
    executor_end(suicide.pool);
    assert_int_equal(atomic_load(&suicide.ran), 3);
    assert_false(thrum_future_cancelled(queued));
    thrum_future_unref(queued);
    thrum_future_unref(future);
}

static void *shut_own_pool_without_waiting(void *arg)
{
    struct suicide *suicide = arg;

    suicide->rc[0] = thrum_executor_shutdown(suicide->pool, 0, THRUM_NOW);
    suicide->submit_rc = thrum_executor_submit(suicide->pool, count_task,
                                               &suicide->ran, 0, NULL);
    return NULL;
}

TEST(F75_without_waiting_the_own_worker_may)
{
    struct suicide suicide = {.pool = pool_of(1)};
    thrum_future *future =
        submit(suicide.pool, shut_own_pool_without_waiting, &suicide);

    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    executor_end(suicide.pool);
    assert_int_equal(suicide.rc[0], 0);
    assert_int_equal(suicide.submit_rc, THRUM_ESHUTDOWN);
}

static void shut_callback(thrum_future *future, void *arg)
{
    struct suicide *suicide = arg;

    (void)future;
    suicide->rc[0] =
        thrum_executor_shutdown(suicide->pool, THRUM_WAIT, THRUM_FOREVER);
}

TEST(F75_a_callback_on_the_own_worker_must_not_wait_either)
{
    struct gate gate = GATE_INIT;
    struct suicide suicide = {.pool = pool_of(1)};
    thrum_future *future = submit(suicide.pool, gate_task, &gate);

    assert_int_equal(
        thrum_future_add_done_callback(future, shut_callback, &suicide), 0);
    gate_open(&gate);
    assert_int_equal(thrum_future_quiesce(future, THRUM_FOREVER), 0);
    assert_true(suicide.rc[0] == -EDEADLK || suicide.rc[0] == THRUM_ECONTEXT);
    thrum_future_unref(future);
    thrum_future_unref(submit(suicide.pool, count_task, &suicide.ran));
    executor_end(suicide.pool);
    assert_int_equal(atomic_load(&suicide.ran), 1);
}

/* ---- F77: from a signal handler ---- */

static thrum_executor *_Atomic signalled_pool;
static atomic_int signalled_rc;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&signalled_rc,
                 thrum_executor_request_shutdown(atomic_load(&signalled_pool)));
}

TEST(F77_request_shutdown_from_a_signal_handler)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    struct sigaction action = {0};
    struct sigaction saved;
    atomic_uint ran = 0;

    for (int i = 0; i < 10; i++)
        thrum_future_unref(submit(pool, count_task, &ran));
    atomic_store(&signalled_pool, pool);
    atomic_store(&signalled_rc, -1);
    action.sa_handler = on_signal;
    assert_int_equal(sigaction(SIGUSR1, &action, &saved), 0);
    raise(SIGUSR1);
    assert_int_equal(sigaction(SIGUSR1, &saved, NULL), 0);
    assert_int_equal(atomic_load(&signalled_rc), 0);
    assert_int_equal(thrum_executor_submit(pool, count_task, &ran, 0, NULL),
                     THRUM_ESHUTDOWN);
    gate_open(&gate);
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), 10);
}

/* The handler meets submits in the midst: none deadlocks, none is lost. */
TEST(F77_request_shutdown_in_the_midst_of_submits)
{
    unsigned rounds = test_scale(50);
    struct sigaction action = {0};
    struct sigaction saved;

    action.sa_handler = on_signal;
    assert_int_equal(sigaction(SIGALRM, &action, &saved), 0);
    for (unsigned round = 0; round < rounds; round++) {
        timer_t timer;
        struct sigevent event = {0};
        struct itimerspec soon = {{0, 0}, {0, 20000 + 3000 * (round % 50)}};
        thrum_executor *pool = pool_of(2);
        atomic_uint ran = 0;
        unsigned accepted = 0;

        atomic_store(&signalled_pool, pool);
        atomic_store(&signalled_rc, -1);
        event.sigev_notify = SIGEV_SIGNAL;
        event.sigev_signo = SIGALRM;
        assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
        assert_int_equal(timer_settime(timer, 0, &soon, NULL), 0);
        while (thrum_executor_submit(pool, count_task, &ran, 0, NULL) == 0)
            accepted++;
        assert_int_equal(timer_delete(timer), 0);
        executor_end(pool);
        assert_int_equal(atomic_load(&ran), accepted);
    }
    assert_int_equal(sigaction(SIGALRM, &saved, NULL), 0);
}

TEST(F77_request_shutdown_of_an_idle_pool_lets_it_end)
{
    thrum_executor *pool = pool_of(2);
    atomic_uint ran = 0;
    thrum_future *future = submit(pool, count_task, &ran);

    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    assert_int_equal(thrum_executor_request_shutdown(pool), 0);
    assert_int_equal(thrum_executor_request_shutdown(pool), 0);
    thrum_executor_unref(pool); /* without another shutdown */
}

/* ---- F73: shutdown races with submits ---- */

struct racer {
    thrum_executor *pool;
    struct gate *gate;
    atomic_uint *ran;
    unsigned accepted;
};

static void *race_submits(void *arg)
{
    struct racer *racer = arg;

    gate_wait(racer->gate);
    while (thrum_executor_submit(racer->pool, count_task, racer->ran, 0,
                                 NULL) == 0)
        racer->accepted++;
    return NULL;
}

TEST(F73_shutdown_and_submits_race)
{
    unsigned rounds = test_scale(100);

    for (unsigned round = 0; round < rounds; round++) {
        struct gate gate = GATE_INIT;
        thrum_executor *pool = pool_of(2);
        struct test_thread *threads[3];
        struct racer racers[3];
        atomic_uint ran = 0;
        unsigned accepted = 0;

        for (int i = 0; i < 3; i++) {
            racers[i] = (struct racer){pool, &gate, &ran, 0};
            threads[i] = spawn_thread(race_submits, &racers[i]);
        }
        gate_open(&gate);
        executor_end(thrum_executor_ref(pool));
        for (int i = 0; i < 3; i++) {
            join_thread(threads[i]);
            accepted += racers[i].accepted;
        }
        thrum_executor_unref(pool);
        assert_int_equal(atomic_load(&ran), accepted);
    }
}

TEST_MAIN("shutdown_from")
