/* SPDX-License-Identifier: MIT */
/*
 * test/api/generator_exit_test.c - bodies that end their thread (pthread_exit):
 * what they leave behind is closed, its deferred calls are made, and others are
 * told.
 */
#include "generators.h"

/* ThreadSanitizer expects a thread to end on its own stack. */
#define SKIP_IF_TSAN()                                                  \
 do {                                                                   \
  if (TEST_TSAN)                                                        \
   TEST_SKIP("its runtime wants pthread_exit() on the thread's stack"); \
 } while (0)

/* Two generators; the inner one, or the only one, ends its thread. */
struct leaving {
    thrum_generator *outer;
    thrum_generator *inner;
    thrum_greenlet *greenlet;
    unsigned deferred;
};

static void leaving_deferred(void *arg)
{
    ((struct leaving *)arg)->deferred++;
}

static void *exit_body(void *arg)
{
    CHECK_INT(thrum_defer(leaving_deferred, arg), 0);
    pthread_exit(arg);
}

static void *yield_from_body(void *arg)
{
    struct leaving *leaving = arg;

    CHECK_INT(thrum_defer(leaving_deferred, leaving), 0);
    CHECK_INT(thrum_yield_from(leaving->inner, NULL),
              1); /* it does not return */
    return NULL;
}

static void *pull_body(void *arg)
{
    struct leaving *leaving = arg;

    CHECK_INT(thrum_defer(leaving_deferred, leaving), 0);
    CHECK_INT(thrum_generator_next(leaving->inner, NULL),
              1); /* it does not return */
    return NULL;
}

static void *pull_outer(void *arg)
{
    CHECK_INT(thrum_generator_next(((struct leaving *)arg)->outer, NULL),
              1); /* it does not return */
    return NULL;
}

/* It has ended with its thread; drops it. */
static void assert_left(thrum_generator *generator)
{
    assert_state(generator, CLOSED);
    assert_int_equal(generator_error_code(generator), THRUM_EEXITED);
    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_EGONE);
    thrum_generator_unref(generator);
}

static void assert_leaves_both(thrum_fn *outer_fn)
{
    struct leaving leaving = {0};

    leaving.inner = generator_of(exit_body, &leaving);
    leaving.outer = generator_of(outer_fn, &leaving);
    assert_ptr_equal(join_thread(spawn_thread(pull_outer, &leaving)), &leaving);
    assert_int_equal(leaving.deferred, 2);
    assert_left(leaving.outer);
    assert_left(leaving.inner);
}

TEST(a_body_that_ends_its_thread_leaves_a_closed_generator)
{
    struct leaving leaving = {0};

    SKIP_IF_TSAN();
    leaving.outer = generator_of(exit_body, &leaving);
    assert_ptr_equal(join_thread(spawn_thread(pull_outer, &leaving)), &leaving);
    assert_int_equal(leaving.deferred, 1);
    assert_left(leaving.outer);
}

TEST(those_that_yield_from_it_are_left_too)
{
    SKIP_IF_TSAN();
    assert_leaves_both(yield_from_body);
}

TEST(those_that_pull_it_are_left_too)
{
    SKIP_IF_TSAN();
    assert_leaves_both(pull_body);
}

static void *switch_and_pull(void *arg)
{
    struct leaving *leaving = arg;

    CHECK_INT(thrum_greenlet_new(pull_outer, NULL, NULL, &leaving->greenlet),
              0);
    CHECK_INT(thrum_greenlet_switch(leaving->greenlet, leaving, NULL),
              1); /* it does not return */
    return NULL;
}

TEST(the_greenlet_that_pulls_it_is_left_too)
{
    struct leaving leaving = {0};

    SKIP_IF_TSAN();
    leaving.outer = generator_of(exit_body, &leaving);
    join_thread(spawn_thread(switch_and_pull, &leaving));
    assert_int_equal(leaving.deferred, 1);
    assert_true(thrum_greenlet_dead(leaving.greenlet));
    assert_left(leaving.outer);
    thrum_greenlet_unref(leaving.greenlet);
}

static void *begin_and_exit(void *arg)
{
    struct leaving *leaving = arg;

    CHECK_INT(thrum_generator_next(leaving->inner, NULL), 0);
    return pull_outer(leaving);
}

/* One that is suspended meanwhile is closed, as by any end of a thread. */
TEST(G17_a_thread_that_ends_in_a_generator_closes_the_others)
{
    struct leaving leaving = {0};
    struct seen seen = {0};

    SKIP_IF_TSAN();
    leaving.outer = generator_of(exit_body, &leaving);
    leaving.inner = generator_of(echo_body, &seen);
    join_thread(spawn_thread(begin_and_exit, &leaving));
    assert_int_equal(seen.code, -ECANCELED);
    assert_int_equal(seen.deferred, 1);
    assert_null(thrum_generator_error(leaving.inner));
    thrum_generator_unref(leaving.inner);
    assert_left(leaving.outer);
}

TEST(a_task_fails_when_its_generator_ends_the_thread)
{
    struct leaving leaving = {0};
    thrum_executor *pool;
    thrum_future *future;

    SKIP_IF_TSAN();
    if (TEST_ASAN)
        TEST_SKIP("a worker's frames are entered again, as they were left");
    pool = pool_of(1);
    leaving.outer = generator_of(exit_body, &leaving);
    future = submit(pool, pull_outer, &leaving);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL),
                     THRUM_EFAILED);
    assert_int_equal(error_code_of(future), THRUM_EEXITED);
    thrum_future_unref(future);
    executor_end(pool);
    assert_int_equal(leaving.deferred, 1);
    assert_left(leaving.outer);
}

TEST_MAIN("generator_exit")
