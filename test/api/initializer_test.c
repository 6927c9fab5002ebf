/* SPDX-License-Identifier: MIT */
/*
 * test/api/initializer_test.c - what runs in a thread before its first task:
 * F78, F79, F81 and, for a broken pool, F48.
 */
#include <pthread.h>
#include <stdlib.h>

#include "tasks.h"

struct setup {
    atomic_uint runs;
    atomic_uint tasks;
    int rc;            /* what the initializer returns */
    struct gate *gate; /* it waits for this, if not NULL */
};

static _Thread_local unsigned here; /* initializer runs in this thread */

static int set_up(void *arg)
{
    struct setup *setup = arg;

    here++;
    if (setup->gate != NULL)
        gate_wait(setup->gate);
    atomic_fetch_add(&setup->runs, 1);
    return setup->rc;
}

static void *is_set_up(void *arg)
{
    struct setup *setup = arg;

    CHECK_INT(here, 1);
    atomic_fetch_add(&setup->tasks, 1);
    return NULL;
}

static thrum_executor *set_up_pool(struct setup *setup, int workers)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool = NULL;

    options.max_workers = workers;
    options.initializer = set_up;
    options.initializer_arg = setup;
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    return pool;
}

TEST(F78_runs_once_in_every_worker_before_its_first_task)
{
    struct setup setup = {0};
    thrum_executor *pool = set_up_pool(&setup, 3);
    struct gate gate = GATE_INIT;
    thrum_stats stats = THRUM_STATS;

    assert_int_equal(atomic_load(&setup.runs), 0); /* no worker yet */
    for (int i = 0; i < 3; i++)
        thrum_future_unref(submit(pool, gate_task, &gate));
    for (int i = 0; i < 100; i++)
        thrum_future_unref(submit(pool, is_set_up, &setup));
    WAIT_UNTIL(atomic_load(&setup.runs) == 3);
    gate_open(&gate);
    assert_int_equal(thrum_executor_stats(pool, &stats), 0);
    WAIT_UNTIL(atomic_load(&setup.tasks) == 100);
    /* now: one that ends at the shutdown may be followed by another, if others
     * have tasks left to share */
    assert_int_equal(atomic_load(&setup.runs), 3);
    executor_end(pool);
}

TEST(F78_a_code_above_zero_is_no_failure)
{
    struct setup setup = {.rc = 1};
    thrum_executor *pool = set_up_pool(&setup, 1);

    thrum_future_unref(submit(pool, is_set_up, &setup));
    executor_end(pool);
    assert_int_equal(atomic_load(&setup.tasks), 1);
}

static void log_note(thrum_log_level level, const char *message, void *arg)
{
    CHECK(message[0] != '\0');
    if (level == THRUM_LOG_ERROR)
        atomic_fetch_add((atomic_uint *)arg, 1);
}

static void assert_broken(thrum_future *future)
{
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL),
                     THRUM_EFAILED);
    assert_int_equal(error_code_of(future), THRUM_EBROKEN);
    thrum_future_unref(future);
}

TEST(F79_a_failure_breaks_the_pool_and_all_that_is_pending)
{
    struct gate gate = GATE_INIT;
    struct setup setup = {.rc = -EACCES, .gate = &gate};
    thrum_executor *pool = set_up_pool(&setup, 1);
    thrum_future *futures[10];
    thrum_future *late = NULL;
    atomic_uint logged = 0;

    thrum_set_log(log_note, &logged);
    for (int i = 0; i < 10; i++)
        futures[i] = submit(pool, is_set_up, &setup);
    gate_open(&gate);
    for (int i = 0; i < 10; i++)
        assert_broken(futures[i]);
    assert_int_equal(thrum_executor_submit(pool, is_set_up, &setup, 0, &late),
                     THRUM_EBROKEN); /* F48 */
    assert_int_equal(thrum_executor_submit(pool, is_set_up, &setup, 0, NULL),
                     THRUM_EBROKEN);
    executor_end(pool);
    thrum_set_log(NULL, NULL);
    assert_true(atomic_load(&logged) >= 1);
    assert_int_equal(atomic_load(&setup.tasks), 0);
}

TEST(F48_submit_to_a_broken_pool_is_refused)
{
    struct gate gate = GATE_INIT;
    struct setup setup = {.rc = -EACCES, .gate = &gate};
    thrum_executor *pool = set_up_pool(&setup, 2);
    thrum_future *future = submit(pool, is_set_up, &setup);
    void *args[2] = {&setup, &setup};
    thrum_iter *items = NULL;
    thrum_iter *results = NULL;

    gate_open(&gate);
    assert_broken(future);
    assert_int_equal(thrum_executor_submit(pool, is_set_up, &setup, 0, &future),
                     THRUM_EBROKEN);
    assert_int_equal(thrum_executor_submit_many(pool, is_set_up, args, 2, NULL),
                     THRUM_EBROKEN);
    assert_int_equal(thrum_iter_range(0, 5, &items), 0);
    assert_int_equal(thrum_executor_map(pool, is_set_up, items, NULL, &results),
                     THRUM_EBROKEN);
    executor_end(pool);
    assert_int_equal(atomic_load(&setup.tasks), 0);
}

TEST(F79_detached_tasks_of_a_broken_pool_are_not_lost_silently)
{
    struct gate gate = GATE_INIT;
    struct setup setup = {.rc = -EACCES, .gate = &gate};
    thrum_executor *pool = set_up_pool(&setup, 1);
    struct token tokens[5];

    memset(tokens, 0, sizeof(tokens));
    for (int i = 0; i < 5; i++)
        assert_int_equal(token_submit(pool, &tokens[i], NULL), 0);
    gate_open(&gate);
    executor_end(pool);
    for (int i = 0; i < 5; i++)
        assert_token(&tokens[i], 0, 1);
}

/* Fails in every thread but the first, once the gate is open. */
static int only_the_first(void *arg)
{
    struct setup *setup = arg;

    if (atomic_fetch_add(&setup->runs, 1) == 0)
        return 0;
    gate_wait(setup->gate);
    return -EIO;
}

TEST(F79_a_failure_of_a_later_thread_breaks_it_too_but_not_what_runs)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    struct gate gate = GATE_INIT;
    struct gate failing = GATE_INIT;
    struct setup setup = {.gate = &failing};
    thrum_executor *pool = NULL;
    thrum_future *running;
    thrum_future *second;
    void *result = NULL;

    options.max_workers = 2;
    options.initializer = only_the_first;
    options.initializer_arg = &setup;
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    running = submit(pool, gate_task, &gate);
    WAIT_UNTIL(thrum_future_running(running));
    second = submit(pool, gate_task, &gate);
    gate_open(&failing);
    assert_broken(second);
    assert_int_equal(thrum_executor_submit(pool, gate_task, &gate, 0, NULL),
                     THRUM_EBROKEN);
    gate_open(&gate);
    assert_int_equal(thrum_future_result(running, THRUM_FOREVER, &result), 0);
    assert_ptr_equal(result, &gate);
    thrum_future_unref(running);
    executor_end(pool);
}

TEST(F79_a_broken_pool_can_be_shut_down_in_every_way)
{
    static const unsigned flags[] = {0, THRUM_WAIT, THRUM_CANCEL_FUTURES,
                                     THRUM_WAIT | THRUM_CANCEL_FUTURES};

    for (size_t i = 0; i < 4; i++) {
        struct gate gate = GATE_INIT;
        struct setup setup = {.rc = -1, .gate = &gate};
        thrum_executor *pool = set_up_pool(&setup, 2);
        thrum_future *future = submit(pool, is_set_up, &setup);

        gate_open(&gate);
        assert_broken(future);
        assert_int_equal(thrum_executor_shutdown(pool, flags[i], THRUM_FOREVER),
                         0);
        executor_end(pool);
    }
}

/* A submitter that waits for room learns of it. */
struct pusher {
    thrum_executor *pool;
    int rc;
};

static void *push(void *arg)
{
    struct pusher *pusher = arg;

    pusher->rc = thrum_executor_submit(pusher->pool, is_set_up, NULL, 0, NULL);
    return NULL;
}

static int end_the_thread(void *arg)
{
    gate_wait(arg);
    pthread_exit(NULL);
}

/* No thread would ever do, so none is started again and again. */
TEST(F79_an_initializer_that_ends_its_thread_has_failed)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    struct gate gate = GATE_INIT;
    thrum_executor *pool = NULL;
    thrum_future *future;

    options.max_workers = 2;
    options.initializer = end_the_thread;
    options.initializer_arg = &gate;
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    future = submit(pool, gate_task, &gate);
    gate_open(&gate);
    assert_broken(future);
    assert_int_equal(thrum_executor_submit(pool, gate_task, &gate, 0, NULL),
                     THRUM_EBROKEN);
    executor_end(pool);
}

TEST(F79_a_submit_that_waits_for_room_is_refused)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    struct gate gate = GATE_INIT;
    struct setup setup = {.rc = -EIO, .gate = &gate};
    struct pusher pusher = {NULL, 0};
    struct test_thread *thread;
    thrum_future *queued;

    options.max_workers = 1;
    options.queue_limit = 1;
    options.initializer = set_up;
    options.initializer_arg = &setup;
    assert_int_equal(thrum_thread_pool_new(&options, &pusher.pool), 0);
    queued = submit(pusher.pool, is_set_up, &setup);
    thread = spawn_thread(push, &pusher);
    thread_await_sleep(thread);
    gate_open(&gate);
    join_thread(thread);
    assert_broken(queued);
    assert_int_equal(pusher.rc, THRUM_EBROKEN);
    executor_end(pusher.pool);
}

static int submits(void *arg)
{
    thrum_executor **pool = arg;
    atomic_uint *ran = (atomic_uint *)(void *)(pool + 1);

    CHECK_INT(thrum_executor_submit(*pool, count_task, ran, 0, NULL), 0);
    return 0;
}

TEST(F81_an_initializer_may_use_its_own_pool)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    struct {
        thrum_executor *pool;
        atomic_uint ran;
    } it = {NULL, 0};

    options.max_workers = 1;
    options.initializer = submits;
    options.initializer_arg = &it;
    assert_int_equal(thrum_thread_pool_new(&options, &it.pool), 0);
    thrum_future_unref(submit(it.pool, count_task, &it.ran));
    WAIT_UNTIL(atomic_load(&it.ran) == 2);
    executor_end(it.pool);
}

TEST_MAIN("initializer")
