/* SPDX-License-Identifier: MIT */
/*
 * green_pool_test.c - what a green pool does that others do not. What it does
 * as all do is tried by their tests, see pool_tests in meson.build.
 */
#include <thrum.h>

#include "tasks.h"

static thrum_executor *green_of(int threads, int limit)
{
    thrum_green_pool_options options = THRUM_GREEN_POOL_OPTIONS;
    thrum_executor *pool = NULL;

    options.threads = threads;
    options.limit = limit;
    assert_int_equal(thrum_green_pool_new(&options, &pool), 0);
    return pool;
}

/* In the caller's hub and in one or more of their own. */
static const int thread_counts[] = {0, 1, 3};

static void *this_thread(void *arg)
{
    (void)arg;
    return (void *)(intptr_t)token_thread();
}

static int ran_in(thrum_executor *pool)
{
    thrum_future *future = submit(pool, this_thread, NULL);
    void *thread = NULL;

    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, &thread), 0);
    thrum_future_unref(future);
    return (int)(intptr_t)thread;
}

TEST(tasks_run_in_the_caller_s_thread_or_in_their_own)
{
    thrum_executor *pool = green_of(0, 0);

    assert_int_equal(ran_in(pool), token_thread());
    executor_end(pool);
    pool = green_of(2, 0);
    assert_int_not_equal(ran_in(pool), token_thread());
    executor_end(pool);
}

/* ---- many at once ---- */

struct crowd {
    thrum_event open;
    atomic_uint inside;
    atomic_uint most;
};

static void *join_crowd(void *arg)
{
    struct crowd *crowd = arg;
    unsigned inside = atomic_fetch_add(&crowd->inside, 1) + 1;
    unsigned most = atomic_load(&crowd->most);

    while (inside > most &&
           !atomic_compare_exchange_weak(&crowd->most, &most, inside))
        ;
    CHECK_INT(thrum_event_wait(&crowd->open, THRUM_FOREVER), 0);
    atomic_fetch_sub(&crowd->inside, 1);
    return NULL;
}

TEST(without_a_limit_all_are_under_way_at_once)
{
    enum {
        MANY = 200
    };

    for (size_t i = 0; i < 3; i++) {
        thrum_executor *pool = green_of(thread_counts[i], 0);
        struct crowd crowd = {THRUM_EVENT_INIT, 0, 0};
        thrum_future *futures[MANY];

        for (int j = 0; j < MANY; j++)
            futures[j] = submit(pool, join_crowd, &crowd);
        while (atomic_load(&crowd.inside) < MANY)
            assert_int_equal(thrum_pass(), 0);
        thrum_event_set(&crowd.open);
        assert_int_equal(thrum_join_all(futures, MANY, THRUM_FOREVER), 0);
        for (int j = 0; j < MANY; j++)
            thrum_future_unref(futures[j]);
        executor_end(pool);
    }
}

static void *pass_in_crowd(void *arg)
{
    struct crowd *crowd = arg;
    unsigned inside = atomic_fetch_add(&crowd->inside, 1) + 1;

    CHECK(inside <= 3);
    for (int i = 0; i < 3; i++)
        CHECK_INT(thrum_pass(), 0);
    atomic_fetch_sub(&crowd->inside, 1);
    atomic_fetch_add(&crowd->most, 1);
    return NULL;
}

TEST(S16_the_limit_bounds_how_many_are_under_way)
{
    for (size_t i = 0; i < 3; i++) {
        thrum_executor *pool = green_of(thread_counts[i], 3);
        struct crowd crowd = {THRUM_EVENT_INIT, 0, 0};

        for (int j = 0; j < 100; j++)
            thrum_future_unref(submit(pool, pass_in_crowd, &crowd));
        executor_end(pool);
        assert_int_equal(atomic_load(&crowd.most), 100);
    }
}

/* ---- a full queue ---- */

static thrum_executor *green_bounded(thrum_queue_policy policy)
{
    thrum_green_pool_options options = THRUM_GREEN_POOL_OPTIONS;
    thrum_executor *pool = NULL;

    options.limit = 1;
    options.queue_limit = 1;
    options.queue_policy = policy;
    assert_int_equal(thrum_green_pool_new(&options, &pool), 0);
    return pool;
}

TEST(S16_a_submit_to_a_full_queue_waits_while_the_others_run)
{
    thrum_executor *pool = green_bounded(THRUM_QUEUE_BLOCK);
    atomic_uint ran = 0;

    for (int i = 0; i < 50; i++) /* the tasks run here, during the wait */
        thrum_future_unref(submit(pool, count_task, &ran));
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), 50);
}

TEST(S16_a_submit_that_must_not_wait_is_EFULL)
{
    thrum_executor *pool = green_bounded(THRUM_QUEUE_REJECT);
    atomic_uint ran = 0;

    assert_int_equal(thrum_executor_submit(pool, count_task, &ran, 0, NULL), 0);
    assert_int_equal(thrum_executor_submit(pool, count_task, &ran, 0, NULL),
                     THRUM_EFULL);
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), 1);
}

/* ---- waits within the pool ---- */

struct inner {
    thrum_executor *pool;
    int depth;
};

static void *apply_inside(void *arg)
{
    struct inner *inner = arg;
    struct inner next = {inner->pool, inner->depth - 1};
    thrum_future *future = NULL;

    if (inner->depth == 0)
        return NULL;
    if (CHECK_INT(
            thrum_executor_submit(inner->pool, apply_inside, &next, 0, &future),
            0))
        CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    return NULL;
}

TEST(S16_a_member_that_applies_does_not_wait_for_its_own_place)
{
    for (size_t i = 0; i < 3; i++) {
        struct inner inner = {green_of(thread_counts[i], 1), 50};
        thrum_future *future = submit(inner.pool, apply_inside, &inner);

        assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
        thrum_future_unref(future);
        executor_end(inner.pool);
    }
}

static void *map_inside(void *arg)
{
    thrum_executor *pool = arg;
    int numbers[20] = {0};
    void *pointers[20];
    thrum_iter *items = NULL;
    thrum_iter *results = NULL;
    void *value;
    int count = 0;

    for (int i = 0; i < 20; i++)
        pointers[i] = &numbers[i];
    if (CHECK_INT(thrum_iter_pointers(pointers, 20, &items), 0) &&
        CHECK_INT(thrum_executor_map(pool, count_task, items, NULL, &results),
                  0))
        while (thrum_iter_next(results, &value) == 0)
            count++;
    thrum_iter_free(results);
    CHECK_INT(count, 20);
    return NULL;
}

static void *set_inside(void *arg)
{
    thrum_executor *pool = arg;
    thrum_future_set *set = NULL;
    thrum_future *future = NULL;
    atomic_uint ran = 0;

    CHECK_INT(thrum_future_set_new(&set), 0);
    for (int i = 0; i < 5; i++) {
        CHECK_INT(thrum_executor_submit(pool, count_task, &ran, 0, &future), 0);
        CHECK_INT(thrum_future_set_add(set, future), 0);
        thrum_future_unref(future);
    }
    while (thrum_future_set_next(set, THRUM_FOREVER, &future) == 0)
        thrum_future_unref(future);
    thrum_future_set_free(set);
    CHECK_INT(atomic_load(&ran), 5);
    return NULL;
}

static void *wait_inside(void *arg)
{
    thrum_executor *pool = arg;
    thrum_future *futures[5];
    atomic_uint ran = 0;

    for (int i = 0; i < 5; i++)
        CHECK_INT(thrum_executor_submit(pool, count_task, &ran, 0, &futures[i]),
                  0);
    CHECK(thrum_wait(futures, 5, THRUM_FIRST_COMPLETED, THRUM_FOREVER) > 0);
    CHECK_INT(thrum_wait(futures, 5, THRUM_ALL_COMPLETED, THRUM_FOREVER), 5);
    for (int i = 0; i < 5; i++)
        thrum_future_unref(futures[i]);
    return NULL;
}

TEST(S16_a_member_waits_for_others_by_map_and_set_and_wait)
{
    static thrum_fn *const fns[] = {map_inside, set_inside, wait_inside};

    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++) {
            thrum_executor *pool = green_of(thread_counts[i], 1);
            thrum_future *future = submit(pool, fns[j], pool);

            assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL),
                             0);
            thrum_future_unref(future);
            executor_end(pool);
        }
}

/* ---- killing ---- */

static void *wait_for_ever(void *begun)
{
    atomic_store((atomic_bool *)begun, true);
    CHECK_INT(thrum_sleep(THRUM_FOREVER), -ECANCELED);
    return NULL;
}

TEST(kill_ends_a_running_task)
{
    for (size_t i = 0; i < 3; i++) {
        thrum_executor *pool = green_of(thread_counts[i], 0);
        atomic_bool begun = false;
        thrum_future *future = submit(pool, wait_for_ever, &begun);

        while (!atomic_load(&begun))
            assert_int_equal(thrum_pass(), 0);
        assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
        assert_true(thrum_future_cancelled(future));
        thrum_future_unref(future);
        executor_end(pool);
    }
}

TEST(request_cancel_ends_the_wait_of_a_running_task)
{
    for (size_t i = 0; i < 3; i++) {
        thrum_executor *pool = green_of(thread_counts[i], 0);
        atomic_bool begun = false;
        thrum_future *future = submit(pool, wait_for_ever, &begun);

        while (!atomic_load(&begun))
            assert_int_equal(thrum_pass(), 0);
        assert_int_equal(thrum_future_request_cancel(future), 0);
        assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL),
                         THRUM_ECANCELLED);
        thrum_future_unref(future);
        executor_end(pool);
    }
}

static void *sleep_anyhow(void *arg)
{
    (void)arg;
    (void)thrum_sleep(THRUM_FOREVER);
    return thrum_return("value", 6);
}

static thrum_future *submit_limited(thrum_executor *pool, thrum_fn *fn,
                                    void *arg, int64_t run_ns)
{
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    thrum_future *future = NULL;

    options.run_ns = run_ns;
    assert_int_equal(
        thrum_executor_submit_with(pool, fn, arg, 0, &options, &future), 0);
    return future;
}

TEST(run_ns_kills_what_runs_for_too_long)
{
    for (size_t i = 0; i < 3; i++) {
        thrum_executor *pool = green_of(thread_counts[i], 0);
        atomic_bool begun = false;
        thrum_future *late = submit_limited(pool, wait_for_ever, &begun, 1000);
        thrum_future *stays = submit_limited(pool, sleep_anyhow, NULL, 1000);
        thrum_future *early =
            submit_limited(pool, this_thread, NULL, INT64_MAX / 2);
        thrum_future *all[] = {late, stays, early};

        assert_int_equal(thrum_join_all(all, 3, THRUM_FOREVER), 0);
        assert_int_equal(error_code_of(late), THRUM_EEXPIRED);
        assert_int_equal(thrum_future_result(stays, THRUM_NOW, NULL), 0);
        assert_int_equal(thrum_future_result(early, THRUM_NOW, NULL), 0);
        for (int j = 0; j < 3; j++)
            thrum_future_unref(all[j]);
        executor_end(pool);
    }
}

TEST(run_ns_kills_what_is_spawned_by_the_hub_s_executor)
{
    atomic_bool begun = false;
    thrum_future *late =
        submit_limited(thrum_hub_executor(), wait_for_ever, &begun, 1000);

    assert_int_equal(thrum_future_result(late, THRUM_FOREVER, NULL),
                     THRUM_EFAILED);
    assert_int_equal(error_code_of(late), THRUM_EEXPIRED);
    thrum_future_unref(late);
}

static void *close_scope(void *arg)
{
    thrum_executor *pool = arg;
    atomic_bool begun = false;
    thrum_scope *scope = NULL;

    CHECK_INT(thrum_scope_new(THRUM_FOREVER, &scope), 0);
    CHECK_INT(thrum_scope_submit(scope, pool, wait_for_ever, &begun, 0, NULL),
              0);
    while (!atomic_load(&begun))
        CHECK_INT(thrum_pass(), 0);
    thrum_scope_cancel(scope);
    CHECK_INT(thrum_scope_close(scope), THRUM_ECANCELLED);
    return NULL;
}

TEST(F71_a_cancelled_scope_ends_the_waits_of_its_greenlets)
{
    for (size_t i = 0; i < 3; i++) {
        thrum_executor *pool = green_of(thread_counts[i], 0);

        assert_null(close_scope(pool));
        executor_end(pool);
    }
    assert_null(close_scope(thrum_hub_executor()));
}

TEST(F71_the_deadline_of_a_scope_ends_the_waits_of_its_greenlets)
{
    thrum_scope *scope = NULL;
    atomic_bool begun = false;

    assert_int_equal(thrum_scope_new(thrum_in_ms(2), &scope), 0);
    assert_int_equal(thrum_scope_submit(scope, thrum_hub_executor(),
                                        wait_for_ever, &begun, 0, NULL),
                     0);
    assert_int_equal(thrum_scope_close(scope), -ETIMEDOUT);
    assert_true(atomic_load(&begun));
}

/* ---- what a task spawns ---- */

struct family {
    atomic_uint ended;
};

static void *child(void *arg)
{
    struct family *family = arg;

    for (int i = 0; i < 3; i++)
        CHECK_INT(thrum_pass(), 0);
    atomic_fetch_add(&family->ended, 1);
    return NULL;
}

static void *parent(void *arg)
{
    for (int i = 0; i < 3; i++)
        CHECK_INT(thrum_spawn(child, arg, 0, NULL), 0);
    return NULL;
}

TEST(what_a_task_spawns_ends_before_its_future_settles)
{
    for (size_t i = 0; i < 3; i++) {
        thrum_executor *pool = green_of(thread_counts[i], 0);
        struct family families[4] = {0};
        thrum_future *futures[4];

        for (int j = 0; j < 4; j++)
            futures[j] = submit(pool, parent, &families[j]);
        for (int j = 0; j < 4; j++) {
            assert_int_equal(
                thrum_future_result(futures[j], THRUM_FOREVER, NULL), 0);
            assert_int_equal(atomic_load(&families[j].ended), 3);
            thrum_future_unref(futures[j]);
        }
        executor_end(pool);
    }
}

/* ---- the end of its thread ---- */

static void *make_pool(void *arg)
{
    thrum_executor **pool = arg;

    *pool = green_of(0, 1);
    return submit(*pool, sleep_anyhow, NULL);
}

TEST(a_pool_ends_with_the_thread_whose_hub_it_lives_in)
{
    thrum_executor *pool = NULL;
    thrum_future *future = join_thread(spawn_thread(make_pool, &pool));

    assert_true(thrum_future_done(future));
    assert_int_equal(thrum_executor_submit(pool, count_task, NULL, 0, NULL),
                     THRUM_ESHUTDOWN);
    thrum_future_unref(future);
    executor_end(pool);
}

static void *end_thread(void *arg)
{
    (void)arg;
    pthread_exit(NULL);
}

TEST(a_task_that_ends_its_thread_fails_and_another_takes_its_place)
{
    if (TEST_TSAN)
        TEST_SKIP("ThreadSanitizer ends the process at pthread_exit()");
    thrum_executor *pool = green_of(1, 0);
    thrum_future *future = submit(pool, end_thread, NULL);
    atomic_uint ran = 0;

    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL),
                     THRUM_EFAILED);
    assert_int_equal(error_code_of(future), THRUM_EEXITED);
    thrum_future_unref(future);
    future = submit(pool, count_task, &ran);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    assert_int_equal(atomic_load(&ran), 1);
    thrum_future_unref(future);
    executor_end(pool);
}

/* ---- options ---- */

TEST(bad_options_are_refused)
{
    thrum_green_pool_options options = THRUM_GREEN_POOL_OPTIONS;
    thrum_executor *pool = NULL;

    options.limit = -1;
    assert_int_equal(thrum_green_pool_new(&options, &pool), -EINVAL);
    options = (thrum_green_pool_options)THRUM_GREEN_POOL_OPTIONS;
    options.threads = 1025;
    assert_int_equal(thrum_green_pool_new(&options, &pool), -EINVAL);
    options = (thrum_green_pool_options)THRUM_GREEN_POOL_OPTIONS;
    options.stack_size = 1;
    assert_int_equal(thrum_green_pool_new(&options, &pool), -EINVAL);
    options = (thrum_green_pool_options)THRUM_GREEN_POOL_OPTIONS;
    options.block_ns = -1;
    assert_int_equal(thrum_green_pool_new(&options, &pool), -EINVAL);
    options = (thrum_green_pool_options)THRUM_GREEN_POOL_OPTIONS;
    options.size = 4;
    assert_int_equal(thrum_green_pool_new(&options, &pool), -EINVAL);
    assert_int_equal(thrum_green_pool_new(NULL, &pool), 0);
    executor_end(pool);
}

static void *use_stack(void *arg)
{
    char large[100 * 1024];

    memset(large, 1, sizeof(large));
    __asm__ volatile("" ::"r"(large) : "memory");
    return arg;
}

TEST(stack_size_is_that_of_each_task)
{
    thrum_green_pool_options options = THRUM_GREEN_POOL_OPTIONS;
    thrum_executor *pool = NULL;

    options.stack_size = 256 * 1024;
    assert_int_equal(thrum_green_pool_new(&options, &pool), 0);
    for (int i = 0; i < 10; i++)
        thrum_future_unref(submit(pool, use_stack, NULL));
    executor_end(pool);
}

static int pool_in_child(void *arg)
{
    thrum_executor *pool = arg;
    thrum_executor *own = NULL;
    thrum_future *future = NULL;

    CHECK_INT(thrum_executor_submit(pool, count_task, NULL, 0, NULL), -ECHILD);
    thrum_executor_unref(pool);
    if (CHECK_INT(thrum_green_pool_new(NULL, &own), 0) &&
        CHECK_INT(thrum_executor_submit(own, this_thread, NULL, 0, &future), 0))
        CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    return 0;
}

TEST(a_child_has_none_of_it_and_may_make_its_own)
{
    TEST_SKIP_EMULATED(NO_THREADS_IN_CHILD);
    for (size_t i = 0; i < 3; i++) {
        thrum_executor *pool = green_of(thread_counts[i], 0);

        (void)ran_in(pool);
        assert_int_equal(in_child(pool_in_child, pool), 0);
        executor_end(pool);
    }
}

/* ---- thrum_hub_threads() ---- */

static void *thread_and_hub(void *arg)
{
    (void)arg;
    CHECK_INT(thrum_pass(), 0);
    return (void *)(intptr_t)token_thread();
}

TEST(hub_threads_runs_a_function_on_each_of_its_threads)
{
    thrum_future *futures[4];
    void *threads[4];

    assert_int_equal(thrum_hub_threads(4, thread_and_hub, NULL, futures), 4);
    assert_int_equal(thrum_join_all(futures, 4, THRUM_FOREVER), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(
            thrum_future_result(futures[i], THRUM_NOW, &threads[i]), 0);
        for (int j = 0; j < i; j++)
            assert_ptr_not_equal(threads[i], threads[j]);
        thrum_future_unref(futures[i]);
    }
}

static void *serve(void *arg)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
    CHECK_INT(thrum_sleep(THRUM_FOREVER), -ECANCELED);
    return NULL;
}

TEST(hub_threads_are_ended_by_a_kill)
{
    thrum_future *futures[2];
    atomic_uint serving = 0;

    assert_int_equal(thrum_hub_threads(2, serve, &serving, futures), 2);
    WAIT_UNTIL(atomic_load(&serving) == 2);
    assert_int_equal(thrum_kill_all(futures, 2, THRUM_FOREVER), 0);
    thrum_future_unref(futures[0]);
    thrum_future_unref(futures[1]);
    assert_int_equal(thrum_hub_threads(2, NULL, &serving, futures), -EINVAL);
}

TEST_MAIN("green_pool")
