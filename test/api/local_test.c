/* SPDX-License-Identifier: MIT */
/*
 * local_test.c - a value for each greenlet, and for each thread without one.
 */
#include <errno.h>

#include <thrum.h>

#include "thrum_test.h"

/* What was destroyed, in order. */
static int *destroyed[128];
static atomic_uint destroyed_count;

static void note(void *value)
{
    destroyed[atomic_fetch_add(&destroyed_count, 1)] = value;
}

static thrum_local first = THRUM_LOCAL_INIT(note);
static thrum_local second = THRUM_LOCAL_INIT(note);
static thrum_local plain = THRUM_LOCAL_INIT(NULL);

static int cells[128];

static void set(thrum_local *local, int *cell)
{
    CHECK_INT(thrum_local_set(local, cell), 0);
    CHECK(thrum_local_get(local) == cell);
}

static void *run_in_thread(void *(*fn)(void *), void *arg)
{
    return join_thread(spawn_thread(fn, arg));
}

static void *run_in_greenlet(thrum_fn *fn, void *arg)
{
    thrum_future *future = NULL;
    void *result = NULL;

    assert_int_equal(thrum_spawn(fn, arg, 0, &future), 0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, &result), 0);
    thrum_future_unref(future);
    return result;
}

/* ---- threads ---- */

static void *set_both(void *arg)
{
    CHECK(thrum_local_get(&first) == NULL);
    CHECK(thrum_local_get(&second) == NULL);
    CHECK(thrum_local_get(&plain) == NULL);
    set(&second, &cells[2]);
    set(&first, &cells[7]);
    set(&first, &cells[1]);
    set(&plain, &cells[3]);
    return arg;
}

static void assert_both_destroyed(void)
{
    assert_int_equal(destroyed_count, 2);
    assert_ptr_equal(destroyed[0], &cells[2]);
    assert_ptr_equal(destroyed[1], &cells[1]);
}

TEST(a_thread_has_its_own_which_end_with_it)
{
    for (int i = 0; i < 3; i++) {
        destroyed_count = 0;
        run_in_thread(set_both, NULL);
        assert_both_destroyed();
    }
    assert_null(thrum_local_get(&first));
}

static void *exit_thread(void *arg)
{
    set_both(arg);
    pthread_exit(arg);
}

TEST(a_thread_may_end_by_pthread_exit)
{
    destroyed_count = 0;
    run_in_thread(exit_thread, NULL);
    assert_both_destroyed();
}

static void *set_task(void *cell)
{
    set(&first, cell);
    return NULL;
}

static void *get_task(void *arg)
{
    (void)arg;
    return thrum_local_get(&first);
}

TEST(tasks_of_one_worker_share_those_of_its_thread)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool;
    thrum_future *future;
    void *value;

    destroyed_count = 0;
    options.max_workers = 1;
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    assert_int_equal(thrum_executor_submit(pool, set_task, &cells[4], 0, NULL),
                     0);
    assert_int_equal(thrum_executor_submit(pool, get_task, NULL, 0, &future),
                     0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, &value), 0);
    assert_ptr_equal(value, &cells[4]);
    thrum_future_unref(future);
    assert_int_equal(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER),
                     0);
    thrum_executor_unref(pool);
    assert_int_equal(destroyed_count, 1);
}

/* ---- greenlets ---- */

TEST(a_greenlet_has_its_own_which_end_with_it)
{
    assert_int_equal(thrum_local_set(&plain, &cells[9]), 0);
    for (int i = 0; i < 3; i++) { /* the stack is used again */
        destroyed_count = 0;
        run_in_greenlet(set_both, NULL);
        assert_both_destroyed();
    }
    assert_ptr_equal(thrum_local_get(&plain), &cells[9]);
    assert_int_equal(thrum_local_set(&plain, NULL), 0);
    assert_null(thrum_local_get(&plain));
}

static void *keep_own(void *cell)
{
    CHECK(thrum_local_get(&plain) == NULL);
    set(&plain, cell);
    for (int i = 0; i < 5; i++) {
        CHECK_INT(thrum_pass(), 0);
        CHECK(thrum_local_get(&plain) == cell);
    }
    return NULL;
}

TEST(greenlets_that_take_turns_keep_theirs)
{
    thrum_future *futures[4];

    for (int i = 0; i < 4; i++)
        assert_int_equal(thrum_spawn(keep_own, &cells[i], 0, &futures[i]), 0);
    assert_int_equal(thrum_join_all(futures, 4, THRUM_FOREVER), 0);
    for (int i = 0; i < 4; i++)
        thrum_future_unref(futures[i]);
}

static void *switch_away(void *arg)
{
    thrum_greenlet *main_greenlet = arg;

    CHECK(thrum_local_get(&first) == NULL);
    set(&first, &cells[5]);
    CHECK_INT(thrum_greenlet_switch(main_greenlet, NULL, NULL), 0);
    CHECK(thrum_local_get(&first) == &cells[5]);
    return NULL;
}

TEST(greenlets_that_are_switched_to_have_theirs_too)
{
    thrum_greenlet *self = thrum_greenlet_current();
    thrum_greenlet *other;

    destroyed_count = 0;
    assert_int_equal(thrum_greenlet_new(switch_away, NULL, NULL, &other), 0);
    assert_int_equal(thrum_greenlet_switch(other, self, NULL), 0);
    assert_null(thrum_local_get(&first));
    assert_int_equal(destroyed_count, 0);
    assert_int_equal(thrum_greenlet_switch(other, NULL, NULL), 0);
    assert_int_equal(destroyed_count, 1);
    thrum_greenlet_unref(other);
}

static void *yield_own(void *arg)
{
    CHECK_INT(thrum_yield(thrum_local_get(&first), NULL), 0);
    set(&first, arg);
    return NULL;
}

static void *pull(void *arg)
{
    thrum_generator *generator = NULL;
    void *value = NULL;

    set(&first, arg);
    CHECK_INT(thrum_generator_new(yield_own, &cells[8], 0, NULL, &generator),
              0);
    CHECK_INT(thrum_generator_next(generator, &value), 0);
    CHECK(value == arg);
    CHECK_INT(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    CHECK(thrum_local_get(&first) == &cells[8]);
    thrum_generator_unref(generator);
    return NULL;
}

TEST(a_generator_has_those_of_whoever_pulls_it)
{
    destroyed_count = 0;
    run_in_thread(pull, &cells[6]);
    run_in_greenlet(pull, &cells[7]);
    assert_int_equal(destroyed_count, 2);
}

/* ---- the end ---- */

static void note_deferred(void *value)
{
    CHECK(thrum_local_get(&first) == value);
    note(&cells[100]);
}

static void *defer_and_set(void *arg)
{
    CHECK_INT(thrum_defer(note_deferred, &cells[1]), 0);
    set(&first, &cells[1]);
    return arg;
}

static void see_destroyed(thrum_future *future, void *arg)
{
    (void)future;
    (void)arg;
    CHECK_INT(destroyed_count, 2);
}

TEST(they_end_after_what_was_deferred_and_before_the_future_settles)
{
    thrum_future *future = NULL;

    destroyed_count = 0;
    assert_int_equal(thrum_spawn(defer_and_set, NULL, 0, &future), 0);
    assert_int_equal(
        thrum_future_add_done_callback(future, see_destroyed, NULL), 0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    assert_ptr_equal(destroyed[0], &cells[100]);
    assert_ptr_equal(destroyed[1], &cells[1]);
}

static void *wait_for_ever(void *arg)
{
    set_both(arg);
    CHECK_INT(thrum_sleep(THRUM_FOREVER), -ECANCELED);
    return NULL;
}

TEST(one_that_is_killed_destroys_its_own)
{
    thrum_future *future = NULL;

    destroyed_count = 0;
    assert_int_equal(thrum_spawn(wait_for_ever, NULL, 0, &future), 0);
    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(destroyed_count, 0);
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    thrum_future_unref(future);
    assert_both_destroyed();
}

static void *leave_one_waiting(void *arg)
{
    thrum_future *future = NULL;

    CHECK_INT(thrum_spawn(wait_for_ever, arg, 0, &future), 0);
    CHECK_INT(thrum_pass(), 0);
    thrum_future_unref(future);
    return NULL;
}

TEST(those_that_end_with_their_thread_destroy_their_own)
{
    destroyed_count = 0;
    run_in_thread(leave_one_waiting, NULL);
    assert_both_destroyed();
}

static void set_second(void *value)
{
    note(value);
    set(&second, &cells[20]);
}

static void set_itself(void *value);

static thrum_local setter = THRUM_LOCAL_INIT(set_second);
static thrum_local stubborn = THRUM_LOCAL_INIT(set_itself);

static void set_itself(void *value)
{
    note(value);
    set(&stubborn, value);
}

static void *set_setter(void *arg)
{
    set(&second, &cells[19]);
    set(&setter, &cells[18]);
    return arg;
}

TEST(what_is_set_meanwhile_is_destroyed_too)
{
    destroyed_count = 0;
    run_in_greenlet(set_setter, NULL);
    assert_int_equal(destroyed_count, 3);
    assert_ptr_equal(destroyed[0], &cells[19]);
    assert_ptr_equal(destroyed[1], &cells[18]);
    assert_ptr_equal(destroyed[2], &cells[20]);
}

static void *set_stubborn(void *arg)
{
    set(&stubborn, &cells[21]);
    return arg;
}

TEST(but_not_for_ever)
{
    destroyed_count = 0;
    run_in_greenlet(set_stubborn, NULL);
    assert_int_equal(destroyed_count, 4);
    run_in_thread(set_stubborn, NULL);
    assert_int_equal(destroyed_count, 8);
}

/* ---- many, and memory ---- */

#define MANY 100u

static void *set_many(void *arg)
{
    thrum_local *locals = arg;

    for (unsigned i = 0; i < MANY; i++)
        set(&locals[i], &cells[i]);
    for (unsigned i = 0; i < MANY; i++)
        CHECK(thrum_local_get(&locals[i]) == &cells[i]);
    return arg;
}

TEST(there_may_be_many)
{
    thrum_local locals[MANY];

    destroyed_count = 0;
    for (unsigned i = 0; i < MANY; i++)
        thrum_local_init(&locals[i], note);
    run_in_greenlet(set_many, locals);
    assert_int_equal(destroyed_count, MANY);
    for (unsigned i = 0; i < MANY; i++)
        assert_ptr_equal(destroyed[i], &cells[i]);
    for (unsigned i = 0; i < MANY; i++)
        thrum_local_fini(&locals[i]);
}

static void *set_while_there_is_memory(void *arg)
{
    thrum_local *locals = arg;

    for (unsigned i = 0; i < MANY; i++) {
        int rc = thrum_local_set(&locals[i], &cells[i]);

        CHECK(rc == 0 || rc == -ENOMEM);
        CHECK(thrum_local_get(&locals[i]) == (rc == 0 ? &cells[i] : NULL));
    }
    for (unsigned i = 0; i < MANY; i++)
        CHECK_INT(thrum_local_set(&locals[i], NULL), 0);
    return NULL;
}

TEST(without_memory_it_says_so)
{
    thrum_local locals[MANY];

    for (unsigned i = 0; i < MANY; i++)
        thrum_local_init(&locals[i], note);
    destroyed_count = 0;
    FOR_EACH_FAILURE(n)
    run_in_thread(set_while_there_is_memory, locals);
    assert_int_equal(destroyed_count, 0);
}

static void *use_again(void *arg)
{
    thrum_local *local = arg;

    set(local, &cells[30]);
    thrum_local_fini(local);
    CHECK(thrum_local_get(local) == NULL);
    thrum_local_init(local, note);
    CHECK(thrum_local_get(local) == NULL);
    set(local, &cells[31]);
    return NULL;
}

TEST(one_that_is_gone_is_forgotten_and_its_value_destroyed_at_the_end)
{
    thrum_local local;

    destroyed_count = 0;
    thrum_local_init(&local, note);
    run_in_greenlet(use_again, &local);
    assert_int_equal(destroyed_count, 2);
    assert_ptr_equal(destroyed[0], &cells[30]);
    assert_ptr_equal(destroyed[1], &cells[31]);
}

static void *set_own(void *arg)
{
    thrum_local *local = arg;
    int cell;

    set(local, &cell);
    for (int i = 0; i < 100; i++)
        CHECK(thrum_local_get(local) == &cell);
    return NULL;
}

TEST(several_may_set_it_first_at_once)
{
    for (unsigned round = 0; round < test_scale(100); round++) {
        thrum_local local = THRUM_LOCAL_INIT(NULL);
        struct test_thread *threads[3];

        for (int i = 0; i < 3; i++)
            threads[i] = spawn_thread(set_own, &local);
        for (int i = 0; i < 3; i++)
            join_thread(threads[i]);
    }
}

/* ---- fork ---- */

static int see_value(void *cell)
{
    CHECK(thrum_local_get(&first) == cell);
    set(&second, cell);
    return 0;
}

static void *fork_with_value(void *cell)
{
    set(&first, cell);
    CHECK_INT(in_child(see_value, cell), 0);
    return NULL;
}

TEST(a_child_has_those_of_the_one_that_forked)
{
    destroyed_count = 0;
    run_in_thread(fork_with_value, &cells[40]);
    run_in_greenlet(fork_with_value, &cells[41]);
    assert_int_equal(destroyed_count, 2);
}

TEST_MAIN("local")
