/* SPDX-License-Identifier: MIT */
/*
 * test/api/map_end_test.c - maps that fail, time out, or are let go: F57 to F59,
 * F62, F64.
 */
#include "squares.h"

/* ---- F57, F58: time, and the end before the end ---- */

static void timeout_at_next(bool detach)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = pool_of(1);
    thrum_map_options options = THRUM_MAP_OPTIONS;
    struct token tokens[3] = {{.gate = NULL}, {.gate = &gate}, {0}};
    void *pointers[3] = {&tokens[0], &tokens[1], &tokens[2]};
    thrum_iter *items = NULL;
    thrum_iter *results;
    void *item = NULL;

    options.deadline = thrum_in_ms(50);
    options.detach = detach;
    options.buffersize = SIZE_MAX;
    assert_int_equal(thrum_iter_pointers(pointers, 3, &items), 0);
    results = map(pool, token_task, items, &options);
    WAIT_UNTIL(atomic_load(&tokens[1].begun) == 1);
    assert_int_equal(thrum_iter_next(results, &item), 0); /* is done */
    assert_ptr_equal(item, &tokens[0]);
    assert_int_equal(thrum_iter_next(results, &item), -ETIMEDOUT);
    gate_open(&gate);
    if (!detach)
        assert_end(results);
    thrum_iter_free(results);
    executor_end(pool);
    assert_int_equal(atomic_load(&tokens[1].ran), 1);
    assert_int_equal(atomic_load(&tokens[2].ran), detach);
}

TEST(F57_the_deadline_is_that_of_each_next)
{
    timeout_at_next(false);
}

TEST(F58_a_timeout_cancels_the_rest_unless_detached)
{
    timeout_at_next(true);
}

TEST(F57_what_is_done_comes_also_past_the_deadline)
{
    thrum_executor *executor = inline_new();
    thrum_map_options options = THRUM_MAP_OPTIONS;
    thrum_iter *results;

    options.deadline = thrum_at_ns(1);
    options.buffersize = SIZE_MAX;
    results = map(executor, square, range(3), &options);
    assert_squares(results, 3);
    executor_end(executor);
}

/* Frees the map after `nexts` results; how many of the rest ran. */
static unsigned ran_after_free(unsigned nexts, bool detach)
{
    enum {
        ITEMS = 6
    };
    struct gate gate = GATE_INIT;
    thrum_executor *pool = pool_of(1);
    thrum_map_options options = THRUM_MAP_OPTIONS;
    struct token tokens[ITEMS];
    void *pointers[ITEMS];
    thrum_iter *items = NULL;
    thrum_iter *results;
    unsigned ran = 0;

    memset(tokens, 0, sizeof(tokens));
    for (int i = 0; i < ITEMS; i++)
        pointers[i] = &tokens[i];
    tokens[nexts].gate = &gate;
    options.detach = detach;
    options.buffersize = SIZE_MAX;
    assert_int_equal(thrum_iter_pointers(pointers, ITEMS, &items), 0);
    results = map(pool, token_task, items, &options);
    for (unsigned i = 0; i < nexts; i++) {
        void *item = NULL;

        assert_int_equal(thrum_iter_next(results, &item), 0);
    }
    WAIT_UNTIL(atomic_load(&tokens[nexts].begun) == 1);
    thrum_iter_free(results);
    gate_open(&gate);
    executor_end(pool);
    for (unsigned i = nexts; i < ITEMS; i++)
        ran += atomic_load(&tokens[i].ran);
    return ran;
}

TEST(F58_free_cancels_what_has_not_begun)
{
    assert_int_equal(ran_after_free(2, false), 1);
    assert_int_equal(ran_after_free(0, false), 1); /* before the first next */
}

TEST(F58_free_leaves_a_detached_map_running)
{
    assert_int_equal(ran_after_free(2, true), 4);
    assert_int_equal(ran_after_free(0, true), 6);
}

/* ---- F59: errors ---- */

TEST(F59_iteration_goes_on_after_an_error)
{
    thrum_executor *executors[] = {inline_new(), pool_of(3)};

    for (size_t i = 0; i < 2; i++) {
        assert_thirds_fail(
            map(executors[i], square_but_thirds, range(50), NULL), 50);
        executor_end(executors[i]);
    }
}

static void *raise_timeout(void *arg)
{
    (void)arg;
    return thrum_raise(-ETIMEDOUT, "the task's own");
}

TEST(F59_a_task_that_raises_ETIMEDOUT_is_no_timeout_of_the_wait)
{
    thrum_executor *pool = pool_of(1);
    thrum_iter *results = map(pool, raise_timeout, range(2), NULL);
    void *item = NULL;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(thrum_iter_next(results, &item), THRUM_EFAILED);
        assert_int_equal(thrum_iter_error(results)->code, -ETIMEDOUT);
    }
    assert_end(results);
    thrum_iter_free(results);
    executor_end(pool);
}

static void stop_at_third(size_t chunksize)
{
    thrum_executor *pool = pool_of(1);
    thrum_map_options options = THRUM_MAP_OPTIONS;
    struct counted counted = {0};
    thrum_iter *results;
    void *item = NULL;

    options.stop_on_error = true;
    options.chunksize = chunksize;
    results = map(pool, square_but_thirds, count_items(&counted), &options);
    assert_int_equal(next_number(results), 0);
    assert_int_equal(next_number(results), 1);
    assert_int_equal(thrum_iter_next(results, &item), THRUM_EFAILED);
    assert_int_equal(thrum_iter_error(results)->code, THRUM_EUSER - 2);
    assert_end(results);
    thrum_iter_free(results);
    executor_end(pool);
}

TEST(F59_stop_on_error_ends_at_the_first)
{
    stop_at_third(1);
    stop_at_third(4);
}

/* An item that was cancelled by its own body: told, and the next goes on. */
static void *cancel_self(void *arg)
{
    int64_t n = *(int64_t *)arg;

    if (n != 1)
        return square(arg);
    return thrum_cancelled() ? NULL : square(arg);
}

TEST(an_item_that_is_not_asked_to_stop_is_not_cancelled)
{
    thrum_executor *pool = pool_of(2);

    assert_squares(map(pool, cancel_self, range(4), NULL), 4);
    executor_end(pool);
}

/* ---- F62: shutdown in the middle ---- */

TEST(F62_shutdown_in_the_middle_is_a_code_never_silence)
{
    static const size_t chunks[] = {1, 2};

    for (size_t c = 0; c < 2; c++) {
        thrum_executor *pool = pool_of(1);
        thrum_map_options options = THRUM_MAP_OPTIONS;
        struct counted counted = {0};
        thrum_iter *results;
        void *item = NULL;
        int64_t given = 1;
        int rc;

        options.buffersize = 4;
        options.chunksize = chunks[c];
        results = map(pool, square, count_items(&counted), &options);
        assert_int_equal(next_number(results), 0);
        assert_int_equal(
            thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER), 0);
        while ((rc = thrum_iter_next(results, &item)) == 0) {
            assert_int_equal(*(int64_t *)item, given * given);
            given++;
        }
        assert_int_equal(rc, THRUM_ESHUTDOWN);
        assert_true(given >= 4); /* what was submitted is not lost */
        assert_end(results);
        thrum_iter_free(results);
        thrum_executor_unref(pool);
    }
}

TEST(F62_map_on_an_executor_that_was_shut_down_is_a_code)
{
    thrum_executor *pool = pool_of(1);
    struct counted counted = {0};
    thrum_iter *results = NULL;

    executor_end(thrum_executor_ref(pool));
    assert_int_equal(
        thrum_executor_map(pool, square, count_items(&counted), NULL, &results),
        THRUM_ESHUTDOWN);
    assert_null(results);
    assert_int_equal(atomic_load(&counted.freed), 1);
    thrum_executor_unref(pool);
}

TEST(F62_the_map_keeps_its_executor)
{
    thrum_executor *pool = pool_of(1);
    thrum_map_options options = THRUM_MAP_OPTIONS;
    thrum_iter *results;

    options.buffersize = 1;
    results = map(pool, square, range(20), &options);
    thrum_executor_unref(pool);
    assert_squares(results, 20);
}

TEST(F62_results_cancelled_by_a_shutdown_say_so)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = busy_pool(NULL, &gate);
    thrum_map_options options = THRUM_MAP_OPTIONS;
    thrum_iter *results;
    void *item = NULL;

    options.buffersize = SIZE_MAX;
    results = map(pool, square, range(3), &options);
    assert_int_equal(
        thrum_executor_shutdown(pool, THRUM_CANCEL_FUTURES, THRUM_NOW), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(thrum_iter_next(results, &item), THRUM_ECANCELLED);
    assert_end(results);
    thrum_iter_free(results);
    gate_open(&gate);
    executor_end(pool);
}

/* ---- F64: results are let go ---- */

static void *owned(void *arg)
{
    return thrum_return_owned(arg, token_free);
}

TEST(F64_the_result_before_is_freed_by_next)
{
    static const size_t chunks[] = {1, 3};

    for (size_t c = 0; c < 2; c++) {
        thrum_executor *pool = pool_of(1);
        thrum_map_options options = THRUM_MAP_OPTIONS;
        struct token tokens[3] = {{0}, {0}, {0}};
        void *pointers[3] = {&tokens[0], &tokens[1], &tokens[2]};
        thrum_iter *items = NULL;
        thrum_iter *results;

        options.chunksize = chunks[c];
        assert_int_equal(thrum_iter_pointers(pointers, 3, &items), 0);
        results = map(pool, owned, items, &options);
        for (int i = 0; i < 3; i++) {
            void *item = NULL;

            assert_int_equal(thrum_iter_next(results, &item), 0);
            assert_ptr_equal(item, &tokens[i]);
            assert_int_equal(atomic_load(&tokens[i].freed), 0);
            if (i > 0 && chunks[c] == 1) /* the worker may lag a little */
                WAIT_UNTIL(atomic_load(&tokens[i - 1].freed) == 1);
        }
        thrum_iter_free(results);
        executor_end(pool);
        for (int i = 0; i < 3; i++)
            assert_int_equal(atomic_load(&tokens[i].freed), 1);
    }
}

TEST(F64_results_that_nobody_took_are_freed)
{
    thrum_executor *pool = pool_of(2);
    thrum_map_options options = THRUM_MAP_OPTIONS;
    struct token tokens[3] = {{0}, {0}, {0}};
    void *pointers[3] = {&tokens[0], &tokens[1], &tokens[2]};
    thrum_iter *items = NULL;

    options.detach = true;
    options.buffersize = SIZE_MAX;
    assert_int_equal(thrum_iter_pointers(pointers, 3, &items), 0);
    thrum_iter_free(map(pool, owned, items, &options));
    executor_end(pool);
    for (int i = 0; i < 3; i++)
        assert_int_equal(atomic_load(&tokens[i].freed), 1);
}

/* ---- inputs that fail ---- */

TEST(an_input_that_ends_with_a_code_gives_its_results_first)
{
    static const size_t chunks[] = {1, 3, 10};

    for (size_t c = 0; c < 3; c++) {
        thrum_executor *pool = pool_of(2);
        thrum_map_options options = THRUM_MAP_OPTIONS;
        struct counted counted = {.end = 7, .code = -EIO};
        thrum_iter *results;
        void *item = NULL;

        options.chunksize = chunks[c];
        results = map(pool, square, count_items(&counted), &options);
        for (int64_t i = 0; i < 7; i++)
            assert_int_equal(next_number(results), i * i);
        assert_int_equal(thrum_iter_next(results, &item), -EIO);
        assert_end(results);
        thrum_iter_free(results);
        executor_end(pool);
    }
}

/* An input like a map's results: some of its items failed. */
TEST(a_map_of_a_map_keeps_each_failed_item_in_its_place)
{
    static const size_t chunks[] = {1, 2, 3, 4, 100};
    thrum_executor *pool = pool_of(2);

    for (size_t c = 0; c < sizeof(chunks) / sizeof(chunks[0]); c++) {
        thrum_map_options options = THRUM_MAP_OPTIONS;
        thrum_iter *results;
        void *item = NULL;

        options.chunksize = chunks[c];
        results = map(pool, square,
                      map(pool, square_but_thirds, range(12), NULL), &options);
        for (int64_t i = 0; i < 12; i++) {
            if (i % 3 != 2) {
                assert_int_equal(next_number(results), i * i * i * i);
            } else {
                assert_int_equal(thrum_iter_next(results, &item),
                                 THRUM_EFAILED);
                assert_int_equal(thrum_iter_error(results)->code,
                                 THRUM_EUSER - i);
            }
            assert_int_equal(thrum_iter_index(results), i);
        }
        assert_end(results);
        thrum_iter_free(results);
    }
    executor_end(pool);
}

/* A map within a task, on the pool of that task. */
static void *sum_of_squares(void *arg)
{
    thrum_iter *items = NULL;
    thrum_iter *results = NULL;
    int64_t sum = 0;
    void *item = NULL;
    int rc;

    (void)arg;
    CHECK_INT(thrum_iter_range(0, 100, &items), 0);
    CHECK_INT(thrum_executor_map(thrum_executor_current(), square, items, NULL,
                                 &results),
              0);
    while ((rc = thrum_iter_next(results, &item)) == 0)
        sum += *(int64_t *)item;
    CHECK_INT(rc, THRUM_ESTOP);
    thrum_iter_free(results);
    return thrum_return(&sum, sizeof(sum));
}

TEST(F96_a_map_within_a_task_of_a_pool_of_one)
{
    thrum_executor *executors[] = {pool_of(1), pool_of(2), inline_new()};

    for (size_t i = 0; i < 3; i++) {
        thrum_future *future = submit(executors[i], sum_of_squares, NULL);
        void *sum = NULL;

        assert_int_equal(thrum_future_result(future, THRUM_FOREVER, &sum), 0);
        assert_int_equal(*(int64_t *)sum, 328350);
        thrum_future_unref(future);
        executor_end(executors[i]);
    }
}

TEST_MAIN("map_end")
