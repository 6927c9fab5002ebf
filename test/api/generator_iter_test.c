/* SPDX-License-Identifier: MIT */
/*
 * test/api/generator_iter_test.c - iterators over generators, alone, zipped and
 * mapped over.
 */
#include "generators.h"

static thrum_iter *iter_of(thrum_generator *generator, size_t item_size)
{
    thrum_iter *iter = NULL;

    assert_int_equal(thrum_generator_iter(generator, item_size, &iter), 0);
    thrum_generator_unref(generator); /* the iterator holds it */
    return iter;
}

static void assert_ended(thrum_iter *iter)
{
    void *item = NULL;

    for (int i = 0; i < 3; i++)
        assert_int_equal(thrum_iter_next(iter, &item), THRUM_ESTOP);
    thrum_iter_free(iter);
}

TEST(iter_gives_what_the_generator_yields)
{
    int count = 4;
    thrum_iter *iter = iter_of(generator_of(count_body, &count), sizeof(int));

    for (int i = 1; i <= count; i++) {
        void *item = NULL;

        assert_int_equal(thrum_iter_next(iter, &item), 0);
        assert_int_equal(*(int *)item, i);
        assert_int_equal(thrum_iter_item_size(iter), sizeof(int));
        assert_int_equal(thrum_iter_index(iter), i - 1);
        assert_null(thrum_iter_error(iter));
    }
    assert_ended(iter);
}

TEST(iter_of_plain_pointers)
{
    struct seen seen = {0};
    thrum_iter *iter = iter_of(generator_of(once_body, &seen), 0);
    void *item = NULL;

    assert_int_equal(thrum_iter_next(iter, &item), 0);
    assert_ptr_equal(item, &seen);
    assert_int_equal(thrum_iter_item_size(iter), 0);
    assert_ended(iter);
}

TEST(making_an_iter_runs_nothing)
{
    struct seen seen = {0};
    thrum_iter *iter = iter_of(generator_of(echo_body, &seen), 0);

    thrum_iter_free(iter);
    assert_int_equal(seen.begun, 0);
}

TEST(freeing_an_iter_closes_its_generator)
{
    struct seen seen = {0};
    thrum_iter *iter = iter_of(generator_of(echo_body, &seen), 0);
    void *item = &seen;

    assert_int_equal(thrum_iter_next(iter, &item), 0);
    assert_null(item);
    thrum_iter_free(iter);
    assert_int_equal(seen.code, -ECANCELED);
    assert_int_equal(seen.deferred, 1);
}

TEST(an_iter_leaves_a_generator_that_others_hold)
{
    int count = 3;
    thrum_generator *generator = generator_of(count_body, &count);
    thrum_iter *iter = NULL;
    void *item = NULL;

    assert_int_equal(thrum_generator_iter(generator, sizeof(int), &iter), 0);
    assert_int_equal(thrum_iter_next(iter, &item), 0);
    thrum_iter_free(iter);
    assert_next_number(generator, 2);
    thrum_generator_unref(generator);
}

/* Yields 1 and 2, and fails. */
static void *failing_body(void *arg)
{
    for (int i = 1; i <= 2; i++)
        CHECK_INT(thrum_yield(&i, NULL), 0);
    return thrum_raise(-EIO, "at the third");
}

TEST(a_failed_generator_is_one_failed_item_and_the_end)
{
    thrum_iter *iter = iter_of(generator_of(failing_body, NULL), sizeof(int));
    void *item = NULL;

    assert_int_equal(thrum_iter_next(iter, &item), 0);
    assert_int_equal(thrum_iter_next(iter, &item), 0);
    assert_int_equal(thrum_iter_next(iter, &item), THRUM_EFAILED);
    assert_int_equal(thrum_iter_index(iter), 2);
    assert_non_null(thrum_iter_error(iter));
    assert_int_equal(thrum_iter_error(iter)->code, -EIO);
    assert_string_equal(thrum_iter_error(iter)->message, "at the third");
    assert_ended(iter);
}

static void *inward_body(void *arg)
{
    void *item = NULL;

    CHECK_INT(thrum_iter_next(*(thrum_iter **)arg, &item), -EBUSY);
    CHECK_INT(thrum_yield(arg, NULL), 0);
    return NULL;
}

TEST(an_iter_of_a_running_generator_is_busy)
{
    thrum_iter *iter = NULL;
    void *item = NULL;

    iter = iter_of(generator_of(inward_body, &iter), 0);
    assert_int_equal(thrum_iter_next(iter, &item), 0);
    assert_ptr_equal(item, &iter);
    assert_ended(iter);
}

/* ---- zip ---- */

TEST(zip_of_two_generators)
{
    int shorter = 3;
    int longer = 5;
    thrum_iter *iters[2] = {
        iter_of(generator_of(count_body, &shorter), sizeof(int)),
        iter_of(generator_of(count_body, &longer), sizeof(int))};
    thrum_iter *zip = NULL;

    assert_int_equal(thrum_iter_zip(iters, 2, &zip), 0);
    for (int i = 1; i <= shorter; i++) {
        void *item = NULL;

        assert_int_equal(thrum_iter_next(zip, &item), 0);
        assert_int_equal(*((int **)item)[0], i);
        assert_int_equal(*((int **)item)[1], i);
    }
    assert_ended(zip);
}

TEST(zip_closes_what_it_leaves)
{
    struct seen seen = {0};
    int none = 0;
    thrum_iter *iters[2] = {
        iter_of(generator_of(echo_body, &seen), 0),
        iter_of(generator_of(count_body, &none), sizeof(int))};
    thrum_iter *zip = NULL;

    assert_int_equal(thrum_iter_zip(iters, 2, &zip), 0);
    assert_ended(zip);
    assert_int_equal(seen.code, -ECANCELED);
    assert_int_equal(seen.deferred, 1);
}

TEST(zip_passes_the_error_of_a_generator_on)
{
    int many = 10;
    thrum_iter *iters[2] = {
        iter_of(generator_of(count_body, &many), sizeof(int)),
        iter_of(generator_of(failing_body, NULL), sizeof(int))};
    thrum_iter *zip = NULL;
    void *item = NULL;

    assert_int_equal(thrum_iter_zip(iters, 2, &zip), 0);
    assert_int_equal(thrum_iter_next(zip, &item), 0);
    assert_int_equal(thrum_iter_next(zip, &item), 0);
    assert_int_equal(thrum_iter_next(zip, &item), THRUM_EFAILED);
    assert_int_equal(thrum_iter_error(zip)->code, -EIO);
    assert_ended(zip);
}

/* ---- map ---- */

static void *double_task(void *arg)
{
    int doubled = 2 * *(int *)arg;

    return thrum_return(&doubled, sizeof(doubled));
}

static thrum_iter *map_over(thrum_executor *executor, thrum_fn *fn,
                            thrum_iter *items)
{
    thrum_iter *results = NULL;

    assert_int_equal(thrum_executor_map(executor, fn, items, NULL, &results),
                     0);
    return results;
}

/* Each yielded value is gone when the generator goes on, and so it is copied. */
TEST(map_takes_its_items_from_a_generator)
{
    int count = (int)test_scale(500);
    thrum_executor *executors[] = {inline_new(), pool_of(1), pool_of(3)};

    for (size_t k = 0; k < 3; k++) {
        thrum_iter *results =
            map_over(executors[k], double_task,
                     iter_of(generator_of(count_body, &count), sizeof(int)));

        for (int i = 1; i <= count; i++) {
            void *result = NULL;

            assert_int_equal(thrum_iter_next(results, &result), 0);
            assert_int_equal(*(int *)result, 2 * i);
        }
        assert_ended(results);
        executor_end(executors[k]);
    }
}

TEST(map_over_a_failing_generator_fails_for_one_item)
{
    thrum_executor *pool = pool_of(2);
    thrum_iter *results =
        map_over(pool, double_task,
                 iter_of(generator_of(failing_body, NULL), sizeof(int)));
    void *result = NULL;

    assert_int_equal(thrum_iter_next(results, &result), 0);
    assert_int_equal(*(int *)result, 2);
    assert_int_equal(thrum_iter_next(results, &result), 0);
    assert_int_equal(*(int *)result, 4);
    assert_int_equal(thrum_iter_next(results, &result), THRUM_EFAILED);
    assert_non_null(thrum_iter_error(results));
    assert_int_equal(thrum_iter_error(results)->code, -EIO);
    assert_ended(results);
    executor_end(pool);
}

static void *null_task(void *arg)
{
    return NULL;
}

TEST(a_map_that_is_left_closes_its_generator)
{
    struct seen seen = {0};
    thrum_executor *pool = pool_of(2);
    thrum_iter *results =
        map_over(pool, null_task, iter_of(generator_of(echo_body, &seen), 0));

    thrum_iter_free(results);
    assert_int_equal(seen.code, -ECANCELED);
    assert_int_equal(seen.deferred, 1);
    executor_end(pool);
}

/* A pipeline: a generator that yields what a map over another one gives. */
struct pipe {
    thrum_executor *pool;
    int count;
};

static void *pipe_body(void *arg)
{
    struct pipe *pipe = arg;
    thrum_generator *source = NULL;
    thrum_iter *items = NULL;
    thrum_iter *results = NULL;

    if (!CHECK_INT(
            thrum_generator_new(count_body, &pipe->count, 0, NULL, &source),
            0) ||
        !CHECK_INT(thrum_generator_iter(source, sizeof(int), &items), 0))
        return NULL;
    thrum_generator_unref(source);
    if (CHECK_INT(
            thrum_executor_map(pipe->pool, double_task, items, NULL, &results),
            0))
        CHECK_INT(thrum_yield_from_iter(results), 0);
    thrum_iter_free(results);
    return NULL;
}

TEST(generators_and_maps_are_a_pipeline)
{
    struct pipe pipe = {pool_of(2), 100};
    thrum_generator *generator = generator_of(pipe_body, &pipe);

    for (int i = 1; i <= pipe.count; i++)
        assert_next_number(generator, 2 * i);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
    executor_end(pipe.pool);
}

TEST_MAIN("generator_iter")
