/* SPDX-License-Identifier: MIT */
/*
 * test/api/exit_test.c - the end of the process with a pool in it: F68, F76.
 *
 * Each case is a child that ends in its own way; its exit status must be what
 * it asked for, and it must not hang.
 */
#include <stdlib.h>
#include <sys/wait.h>

#include "tasks.h"

#if TEST_ASAN
/* A forked child sees what its parent's threads hold as leaks. The support
 * library counts the library's memory. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

/* The tests end their children by exit(), whose handlers must run; children of
 * a fork keep no threads, so the pools are made in them. */
static int status_of(void (*child)(void *arg), void *arg)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        child(arg);
        _exit(99); /* a child ends itself */
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status))
        return 128 + WTERMSIG(status);
    return WEXITSTATUS(status);
}

static void *exit_task(void *arg)
{
    exit(*(int *)arg);
}

static void exit_in_worker(void *arg)
{
    bool wait_at_exit = *(bool *)arg;
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool = NULL;
    struct gate gate = GATE_INIT;
    atomic_uint ran = 0;
    int code = 42;

    options.max_workers = 2;
    options.wait_at_exit = wait_at_exit;
    if (thrum_thread_pool_new(&options, &pool) != 0)
        _exit(98);
    thrum_future_unref(submit(pool, gate_task, &gate));
    for (int i = 0; i < 10; i++)
        thrum_future_unref(submit(pool, count_task, &ran));
    thrum_future_unref(submit(pool, exit_task, &code));
    gate_wait(&gate); /* for ever: the worker ends the process */
}

TEST(F68_exit_from_a_worker_keeps_the_status)
{
    bool wait_at_exit = false;

    assert_int_equal(status_of(exit_in_worker, &wait_at_exit), 42);
}

TEST(F68_exit_from_a_worker_never_waits)
{
    bool wait_at_exit = true;

    assert_int_equal(status_of(exit_in_worker, &wait_at_exit), 42);
}

static void exit_callback(thrum_future *future, void *arg)
{
    (void)future;
    exit(*(int *)arg);
}

static void exit_in_callback(void *arg)
{
    bool wait_at_exit = *(bool *)arg;
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    struct gate gate = GATE_INIT;
    struct gate never = GATE_INIT;
    thrum_executor *pool = NULL;
    thrum_future *future;
    int code = 43;

    options.max_workers = 1;
    options.wait_at_exit = wait_at_exit;
    if (thrum_thread_pool_new(&options, &pool) != 0)
        _exit(98);
    future = submit(pool, gate_task, &gate);
    if (thrum_future_add_done_callback(future, exit_callback, &code) != 0)
        _exit(97);
    gate_open(&gate);
    gate_wait(&never);
}

TEST(F68_exit_from_a_callback_keeps_the_status)
{
    bool wait_at_exit = false;

    assert_int_equal(status_of(exit_in_callback, &wait_at_exit), 43);
    wait_at_exit = true;
    assert_int_equal(status_of(exit_in_callback, &wait_at_exit), 43);
}

static void exit_with_busy_pool(void *arg)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = pool_of(2);
    atomic_uint ran = 0;

    (void)arg;
    thrum_future_unref(submit(pool, gate_task, &gate));
    thrum_future_unref(submit(pool, gate_task, &gate));
    for (int i = 0; i < 100; i++)
        thrum_future_unref(submit(pool, count_task, &ran));
    exit(44);
}

TEST(F68_exit_does_not_wait_by_default)
{
    assert_int_equal(status_of(exit_with_busy_pool, NULL), 44);
}

static void exit_with_idle_pool(void *arg)
{
    thrum_executor *pool = pool_of(2);
    atomic_uint ran = 0;
    thrum_future *future = submit(pool, count_task, &ran);

    (void)arg;
    if (thrum_future_result(future, THRUM_FOREVER, NULL) != 0)
        _exit(98);
    exit(45);
}

TEST(F68_exit_with_an_idle_pool)
{
    assert_int_equal(status_of(exit_with_idle_pool, NULL), 45);
}

/* ---- wait_at_exit ---- */

static atomic_uint exit_ran;

/* Registered before the pool, so it runs after the pool's own handler. */
static void status_by_ran(void)
{
    _exit(atomic_load(&exit_ran) == 100 ? 7 : 8);
}

/* Registered after the first pool: runs before the wait, and lets the task
 * begin that the wait waits for. */
static struct gate exit_gate = GATE_INIT;

static void open_exit_gate(void)
{
    gate_open(&exit_gate);
}

static void exit_waiting(void *arg)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool = NULL;
    bool unref = *(bool *)arg;

    atexit(status_by_ran);
    options.max_workers = 1;
    options.wait_at_exit = true;
    if (thrum_thread_pool_new(&options, &pool) != 0)
        _exit(98);
    atexit(open_exit_gate);
    thrum_future_unref(submit(pool, gate_task, &exit_gate));
    for (int i = 0; i < 100; i++)
        thrum_future_unref(submit(pool, count_task, &exit_ran));
    if (unref)
        thrum_executor_unref(pool);
    exit(0);
}

TEST(F68_wait_at_exit_waits_for_what_was_submitted)
{
    bool unref = false;

    assert_int_equal(status_of(exit_waiting, &unref), 7);
    unref = true; /* also when nobody has the pool any more */
    assert_int_equal(status_of(exit_waiting, &unref), 7);
}

static thrum_executor *exit_pool;

static void submit_at_exit(void)
{
    int rc = thrum_executor_submit(exit_pool, count_task, &exit_ran, 0, NULL);

    _exit(rc == THRUM_ESHUTDOWN ? 9 : 10);
}

static void exit_and_submit(void *arg)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;

    (void)arg;
    atexit(submit_at_exit);
    options.max_workers = 1;
    options.wait_at_exit = true;
    if (thrum_thread_pool_new(&options, &exit_pool) != 0)
        _exit(98);
    thrum_future_unref(submit(exit_pool, count_task, &exit_ran));
    exit(0);
}

TEST(F47_submit_after_the_exit_has_begun_is_refused_with_wait_at_exit)
{
    assert_int_equal(status_of(exit_and_submit, NULL), 9);
}

/* ---- the end of main ---- */

/* main's return and exit() are the same; pthread_exit() of the first thread
 * is not: the process goes on with its other threads. */
static void *exit_when_open(void *arg)
{
    gate_wait(arg);
    exit(46);
}

static void end_main_thread(void *arg)
{
    struct gate *gate = arg;
    thrum_executor *pool = pool_of(1);

    thrum_future_unref(submit(pool, exit_when_open, gate));
    gate_open(gate);
    pthread_exit(NULL);
}

TEST(the_first_thread_may_end_before_the_pool)
{
    static struct gate gate = GATE_INIT;

    gate_close(&gate);
    assert_int_equal(status_of(end_main_thread, &gate), 46);
}

/* ---- F76: fork ---- */

static void *fork_and_exit(void *arg)
{
    int *status = arg;
    pid_t pid = fork();

    if (pid == 0)
        exit(47);
    CHECK(pid > 0);
    CHECK_INT(waitpid(pid, status, 0), pid);
    return NULL;
}

TEST(F76_a_child_forked_from_a_worker_can_exit)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool = NULL;
    int status = 0;
    thrum_future *future;

    options.max_workers = 2;
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    future = submit(pool, fork_and_exit, &status);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 47);
    thrum_future_unref(future);
    executor_end(pool);
}

struct inherited {
    thrum_executor *pool;
    thrum_future *pending;
    thrum_future *settled;
};

static int use_inherited(void *arg)
{
    struct inherited *inherited = arg;
    thrum_future *future = NULL;
    atomic_uint ran = 0;
    thrum_executor *own;
    thrum_stats stats = THRUM_STATS;

    CHECK_INT(
        thrum_executor_submit(inherited->pool, count_task, &ran, 0, &future),
        -ECHILD);
    CHECK_INT(
        thrum_executor_shutdown(inherited->pool, THRUM_WAIT, THRUM_FOREVER),
        -ECHILD);
    CHECK_INT(thrum_executor_stats(inherited->pool, &stats), -ECHILD);
    CHECK_INT(thrum_future_result(inherited->settled, THRUM_FOREVER, NULL), 0);
    CHECK_INT(thrum_future_result(inherited->pending, THRUM_FOREVER, NULL),
              -ECHILD);
    CHECK(!thrum_future_cancel(inherited->pending));
    thrum_executor_unref(inherited->pool); /* does not touch the parent's */
    own = pool_of(2);                      /* a new one works */
    for (int i = 0; i < 10; i++)
        thrum_future_unref(submit(own, count_task, &ran));
    CHECK_INT(thrum_executor_shutdown(own, THRUM_WAIT, THRUM_FOREVER), 0);
    thrum_executor_unref(own);
    CHECK_INT(atomic_load(&ran), 10);
    return 0;
}

TEST(F76_an_inherited_pool_is_inert_and_a_new_one_works)
{
    struct gate gate = GATE_INIT;
    struct inherited inherited;
    atomic_uint ran = 0;

    inherited.pool = pool_of(1);
    inherited.settled = submit(inherited.pool, count_task, &ran);
    assert_int_equal(
        thrum_future_result(inherited.settled, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(submit(inherited.pool, gate_task, &gate));
    inherited.pending = submit(inherited.pool, count_task, &ran);
    assert_int_equal(in_child(use_inherited, &inherited), 0);
    gate_open(&gate);
    executor_end(inherited.pool);
    assert_int_equal(atomic_load(&ran), 2);
    thrum_future_unref(inherited.pending);
    thrum_future_unref(inherited.settled);
}

static void exit_with_inherited(void *arg)
{
    (void)arg;
    exit(48);
}

TEST(F68_exit_in_a_forked_child_never_waits)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    struct gate gate = GATE_INIT;
    thrum_executor *pool;

    options.wait_at_exit = true;
    pool = busy_pool(&options, &gate);
    assert_int_equal(status_of(exit_with_inherited, NULL), 48);
    gate_open(&gate);
    executor_end(pool);
}

TEST_MAIN("exit")
