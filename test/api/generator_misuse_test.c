/* SPDX-License-Identifier: MIT */
/*
 * test/api/generator_misuse_test.c - what is refused, what ignores a close, and
 * generators in tasks: nothing breaks.
 */
#include "generators.h"

/* ---- arguments ---- */

static int new_with(size_t size, const void *arg, thrum_stack_options *options)
{
    thrum_generator *generator = NULL;
    int rc = thrum_generator_new(echo_body, arg, size, options, &generator);

    assert_true((rc == 0) == (generator != NULL));
    thrum_generator_unref(generator);
    return rc;
}

TEST(a_generator_needs_a_function)
{
    thrum_generator *generator = NULL;

    assert_int_equal(thrum_generator_new(NULL, NULL, 0, NULL, &generator),
                     -EINVAL);
    assert_null(generator);
}

TEST(bytes_of_nothing_cannot_be_copied)
{
    assert_int_equal(new_with(4, NULL, NULL), -EINVAL);
}

TEST(a_stack_has_a_least_and_a_largest_size)
{
    thrum_stack_options options = THRUM_STACK_OPTIONS;

    options.stack_size = thrum_stack_least() - 1;
    assert_int_equal(new_with(0, NULL, &options), -EINVAL);
    options.stack_size = 1;
    assert_int_equal(new_with(0, NULL, &options), -EINVAL);
    options.stack_size = thrum_stack_least();
    assert_int_equal(new_with(0, NULL, &options), 0);
    options.stack_size = (size_t)64 << 20;
    assert_int_equal(new_with(0, NULL, &options), 0);
    options.stack_size++;
    assert_int_equal(new_with(0, NULL, &options), -EINVAL);
    options.stack_size = SIZE_MAX;
    assert_int_equal(new_with(0, NULL, &options), -EINVAL);
}

TEST(options_of_another_size_are_refused)
{
    thrum_stack_options options = THRUM_STACK_OPTIONS;

    options.size = 0;
    assert_int_equal(new_with(0, NULL, &options), -EINVAL);
    options.size = sizeof(options) - 1;
    assert_int_equal(new_with(0, NULL, &options), -EINVAL);
}

TEST(an_info_of_another_size_is_refused)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_of(echo_body, &seen);
    thrum_stack_info info = THRUM_STACK_INFO;

    info.size = sizeof(info) - 1;
    assert_int_equal(thrum_generator_stack(generator, &info), -EINVAL);
    assert_int_equal(info.stack_size, 0);
    thrum_generator_unref(generator);
}

static void *sum_body(void *arg)
{
    const unsigned char *bytes = arg;
    size_t sum = 0;

    for (size_t i = 0; i < (size_t)16 * 1024; i++)
        sum += bytes[i];
    CHECK_INT((long)sum, 16 * 1024);
    return NULL;
}

TEST(an_argument_takes_at_most_a_quarter_of_the_stack)
{
    static unsigned char bytes[16 * 1024 + 1];
    thrum_stack_options options = THRUM_STACK_OPTIONS;
    thrum_generator *generator = NULL;

    memset(bytes, 1, sizeof(bytes));
    options.stack_size = (size_t)64 * 1024;
    assert_int_equal(new_with(sizeof(bytes), bytes, &options), -E2BIG);
    assert_int_equal(new_with(SIZE_MAX, bytes, &options), -E2BIG);
    assert_int_equal(thrum_generator_new(sum_body, bytes, sizeof(bytes) - 1,
                                         &options, &generator),
                     0);
    memset(bytes, 2, sizeof(bytes));
    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    thrum_generator_unref(generator);
}

TEST(a_deferred_call_needs_a_function)
{
    assert_int_equal(thrum_defer(NULL, NULL), -EINVAL);
}

/* ---- yield and defer where there is no generator ---- */

static void assert_no_generator_here(void)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_of(echo_body, &seen);
    thrum_iter *iter = NULL;
    void *value = &value;

    assert_int_equal(thrum_yield(&value, &value), THRUM_ECONTEXT);
    assert_int_equal(thrum_yield_from(generator, &value), THRUM_ECONTEXT);
    assert_state(generator, CREATED);
    assert_int_equal(thrum_iter_range(0, 1, &iter), 0);
    assert_int_equal(thrum_yield_from_iter(iter), THRUM_ECONTEXT);
    assert_ptr_equal(value, &value);
    assert_int_equal(thrum_iter_next(iter, &value), 0);
    assert_int_equal(*(int64_t *)value, 0); /* nothing was taken */
    assert_int_equal(thrum_defer(seen_deferred, &seen), THRUM_ECONTEXT);
    assert_int_equal(seen.deferred, 0);
    thrum_iter_free(iter);
    thrum_generator_unref(generator);
}

TEST(a_thread_cannot_yield)
{
    int count = 1;
    thrum_generator *generator;

    assert_no_generator_here();
    generator = generator_of(count_body, &count);
    assert_next_number(generator, 1);
    assert_no_generator_here(); /* also while there is one */
    thrum_generator_unref(generator);
}

static void *yielding_task(void *arg)
{
    CHECK_INT(thrum_yield(arg, NULL), THRUM_ECONTEXT);
    CHECK_INT(thrum_defer(seen_deferred, arg), THRUM_ECONTEXT);
    return arg;
}

TEST(a_task_cannot_yield)
{
    struct seen seen = {0};
    thrum_executor *pool = pool_of(1);
    thrum_future *future = submit(pool, yielding_task, &seen);

    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    executor_end(pool);
    assert_int_equal(seen.deferred, 0);
}

/* Also when an error that was thrown into it has been dealt with. */
static void *yielding_greenlet(void *arg)
{
    thrum_greenlet *parent = thrum_greenlet_parent(thrum_greenlet_current());

    CHECK_INT(thrum_yield(arg, NULL), THRUM_ECONTEXT);
    CHECK_INT(thrum_greenlet_switch(parent, NULL, NULL), -EIO);
    CHECK_INT(thrum_yield(arg, NULL), THRUM_ECONTEXT);
    CHECK_INT(thrum_greenlet_switch(parent, NULL, NULL), 0);
    CHECK_INT(thrum_yield(arg, NULL), THRUM_ECONTEXT);
    return arg;
}

TEST(a_greenlet_cannot_yield)
{
    thrum_greenlet *greenlet = NULL;
    void *value = NULL;

    assert_int_equal(
        thrum_greenlet_new(yielding_greenlet, NULL, NULL, &greenlet), 0);
    assert_int_equal(thrum_greenlet_switch(greenlet, &value, NULL), 0);
    assert_int_equal(thrum_greenlet_throw(greenlet, -EIO, NULL), 0);
    assert_int_equal(thrum_greenlet_switch(greenlet, NULL, &value), 0);
    assert_ptr_equal(value, &value);
    thrum_greenlet_unref(greenlet);
}

static void yielding_callback(thrum_future *future, void *arg)
{
    struct seen *seen = arg;

    seen->code = thrum_yield(arg, NULL);
    seen->went_on++;
    CHECK_INT(thrum_yield_from(seen->value, NULL), THRUM_ECONTEXT);
    CHECK_INT(thrum_defer(seen_deferred, arg), THRUM_ECONTEXT);
}

static void *settling_body(void *arg)
{
    struct seen *seen = arg;
    thrum_promise *promise = NULL;
    thrum_future *future = NULL;

    CHECK_INT(thrum_promise_new(&promise, &future), 0);
    CHECK_INT(thrum_future_add_done_callback(future, yielding_callback, seen),
              0);
    CHECK_INT(thrum_promise_set_result(promise, NULL), 0);
    thrum_promise_free(promise);
    thrum_future_unref(future);
    CHECK_INT(thrum_yield(seen, NULL), 0);
    return NULL;
}

TEST(a_callback_cannot_yield_for_the_generator_around_it)
{
    int count = 1;
    struct seen seen = {0};
    thrum_generator *other = generator_of(count_body, &count);
    thrum_generator *generator = generator_of(settling_body, &seen);
    void *value = NULL;

    seen.value = other;
    assert_int_equal(thrum_generator_next(generator, &value), 0);
    assert_ptr_equal(value, &seen);
    assert_int_equal(seen.code, THRUM_ECONTEXT);
    assert_int_equal(seen.went_on, 1);
    assert_exhausted(generator);
    assert_int_equal(seen.deferred, 0);
    assert_state(other, CREATED);
    thrum_generator_unref(other);
    thrum_generator_unref(generator);
}

/* A callback may pull one of its own. */
static void pulling_callback(thrum_future *future, void *arg)
{
    CHECK_INT(thrum_generator_next(arg, NULL), 0);
}

TEST(a_callback_can_pull)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_of(echo_body, &seen);
    struct deal deal = deal_new();

    assert_int_equal(thrum_future_add_done_callback(
                         deal.future, pulling_callback, generator),
                     0);
    assert_int_equal(thrum_promise_set_result(deal.promise, NULL), 0);
    assert_int_equal(seen.begun, 1);
    assert_state(generator, SUSPENDED);
    thrum_generator_unref(generator);
    deal_end(&deal);
}

/* ---- one that will not end ---- */

/* Yields whatever it is told, until it is let go. */
static void *stubborn_body(void *arg)
{
    struct seen *seen = arg;

    do
        seen_yield(seen, seen);
    while (seen->value == NULL);
    return NULL;
}

/* Its memory is kept, so there is more of it after each run: in a child. */
static int drop_stubborn(void *arg)
{
    struct seen seen = {0};
    struct reported reported;
    thrum_generator *generator = NULL;

    reported_begin(&reported);
    CHECK_INT(thrum_generator_new(stubborn_body, &seen, 0, NULL, &generator),
              0);
    CHECK_INT(thrum_generator_next(generator, NULL), 0);
    thrum_generator_unref(generator);
    CHECK(seen.went_on > 0);
    CHECK_INT(seen.code, -ECANCELED);
    reported_end(&reported, 1, THRUM_EIGNORED);
    return 0;
}

TEST(G17_one_that_will_not_end_is_reported_and_kept)
{
    assert_int_equal(in_child(drop_stubborn, NULL), 0);
}

TEST(G11_one_that_ignores_a_close_is_closed_when_it_listens)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(stubborn_body, &seen);

    for (int i = 0; i < 20; i++)
        assert_int_equal(thrum_generator_close(generator, NULL),
                         THRUM_EIGNORED);
    seen.value = &seen;
    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

/* ---- generators in tasks ---- */

static void *pulling_task(void *arg)
{
    int *count = arg;
    int rc = 0;
    int sum = 0;
    thrum_generator *generator = NULL;

    CHECK_INT(thrum_generator_new(count_body, count, sizeof(*count), NULL,
                                  &generator),
              0);
    THRUM_EACH(int, number, generator, rc)
        sum += *number;
    CHECK_INT(rc, THRUM_ESTOP);
    thrum_generator_unref(generator);
    return thrum_return(&sum, sizeof(sum));
}

TEST(tasks_have_generators_of_their_own)
{
    enum {
        TASKS = 50
    };
    int counts[TASKS];
    thrum_future *futures[TASKS];
    thrum_executor *pool = pool_of(3);

    for (int i = 0; i < TASKS; i++) {
        counts[i] = i;
        futures[i] = submit(pool, pulling_task, &counts[i]);
    }
    for (int i = 0; i < TASKS; i++) {
        void *sum = NULL;

        assert_int_equal(thrum_future_result(futures[i], THRUM_FOREVER, &sum),
                         0);
        assert_int_equal(*(int *)sum, i * (i + 1) / 2);
        thrum_future_unref(futures[i]);
    }
    executor_end(pool);
}

/* Waits for a future between two yields. */
static void *waiting_body(void *arg)
{
    thrum_future *future = arg;
    void *value = NULL;

    CHECK_INT(thrum_yield(NULL, NULL), 0);
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, &value), 0);
    CHECK_INT(thrum_yield(value, NULL), 0);
    return NULL;
}

static void *wait_in_generator_task(void *arg)
{
    thrum_generator *generator = NULL;
    void *value = NULL;

    CHECK_INT(thrum_generator_new(waiting_body, arg, 0, NULL, &generator), 0);
    CHECK_INT(thrum_generator_next(generator, NULL), 0);
    CHECK_INT(thrum_generator_next(generator, &value), 0);
    CHECK_INT(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    thrum_generator_unref(generator);
    return value;
}

TEST(a_generator_that_a_task_pulls_may_wait)
{
    thrum_executor *pool = pool_of(1);
    struct deal deal = deal_new();
    thrum_future *future = submit(pool, wait_in_generator_task, deal.future);
    void *value = NULL;

    WAIT_UNTIL(thrum_future_running(future));
    assert_int_equal(thrum_promise_set_result(deal.promise, &deal), 0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, &value), 0);
    assert_ptr_equal(value, &deal);
    thrum_future_unref(future);
    deal_end(&deal);
    executor_end(pool);
}

static void *submitting_body(void *arg)
{
    thrum_future *future = NULL;
    void *value = NULL;
    int count = 10;

    CHECK_INT(thrum_executor_submit(arg, pulling_task, &count, sizeof(count),
                                    &future),
              0);
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, &value), 0);
    CHECK_INT(*(int *)value, 55);
    CHECK_INT(thrum_yield(value, NULL), 0);
    thrum_future_unref(future);
    return NULL;
}

static void *submit_in_generator_task(void *arg)
{
    thrum_generator *generator = NULL;

    CHECK_INT(thrum_generator_new(submitting_body, arg, 0, NULL, &generator),
              0);
    CHECK_INT(thrum_generator_next(generator, NULL), 0);
    CHECK_INT(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    thrum_generator_unref(generator);
    return NULL;
}

/* The pool's only worker is blocked in the generator, and yet the task that it
 * waits for is run. */
TEST(a_generator_may_wait_for_a_task_of_the_pool_that_pulls_it)
{
    thrum_executor *pool = pool_of(1);
    thrum_future *future = submit(pool, submit_in_generator_task, pool);

    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    executor_end(pool);
}

TEST(a_generator_that_a_thread_pulls_may_wait)
{
    thrum_executor *pool = pool_of(1);
    thrum_generator *generator = generator_of(submitting_body, pool);
    void *value = NULL;

    assert_int_equal(thrum_generator_next(generator, &value), 0);
    assert_int_equal(*(int *)value, 55);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
    executor_end(pool);
}

static void *inline_task(void *arg)
{
    CHECK(thrum_error_pending() == NULL);
    return thrum_raise(-EIO, "in the task alone");
}

static void *inline_body(void *arg)
{
    thrum_future *future = NULL;

    CHECK_INT(thrum_executor_submit(arg, inline_task, NULL, 0, &future), 0);
    CHECK(thrum_error_pending() == NULL);
    CHECK_INT(thrum_future_result(future, THRUM_NOW, NULL), THRUM_EFAILED);
    CHECK_INT(thrum_yield(NULL, NULL), 0);
    thrum_future_unref(future);
    return NULL;
}

TEST(a_task_that_runs_in_a_generator_has_its_own_errors)
{
    thrum_executor *here = inline_new();
    thrum_generator *generator = generator_begun(inline_body, here);

    assert_exhausted(generator);
    thrum_generator_unref(generator);
    executor_end(here);
}

TEST_MAIN("generator_misuse")
