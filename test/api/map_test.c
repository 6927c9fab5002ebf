/* SPDX-License-Identifier: MIT */
/*
 * test/api/map_test.c - map: F55 to F64.
 */
#include <stdlib.h>

#include "tasks.h"

static thrum_iter *range(int64_t end)
{
    thrum_iter *iter = NULL;

    assert_int_equal(thrum_iter_range(0, end, &iter), 0);
    return iter;
}

static thrum_iter *map(thrum_executor *executor, thrum_fn *fn,
                       thrum_iter *items, const thrum_map_options *options)
{
    thrum_iter *results = NULL;

    assert_int_equal(thrum_executor_map(executor, fn, items, options, &results),
                     0);
    return results;
}

static void *square(void *arg)
{
    int64_t n = *(int64_t *)arg;

    n *= n;
    return thrum_return(&n, sizeof(n));
}

/* Fails each third, and cancels none. */
static void *square_but_thirds(void *arg)
{
    int64_t n = *(int64_t *)arg;

    if (n % 3 == 2)
        return thrum_raise(THRUM_EUSER - (int)n, "third %d", (int)n);
    return square(arg);
}

static int64_t next_number(thrum_iter *results)
{
    void *item = NULL;

    assert_int_equal(thrum_iter_next(results, &item), 0);
    assert_int_equal(thrum_iter_item_size(results), sizeof(int64_t));
    assert_null(thrum_iter_error(results));
    return *(int64_t *)item;
}

static void assert_end(thrum_iter *results)
{
    void *item = NULL;

    assert_int_equal(thrum_iter_next(results, &item), THRUM_ESTOP);
    assert_int_equal(thrum_iter_next(results, &item), THRUM_ESTOP);
}

static void assert_squares(thrum_iter *results, int64_t end)
{
    for (int64_t i = 0; i < end; i++) {
        assert_int_equal(next_number(results), i * i);
        assert_int_equal(thrum_iter_index(results), i);
    }
    assert_end(results);
    thrum_iter_free(results);
}

/* ---- an input that counts what is pulled ---- */

struct counted {
    atomic_uint pulled;
    atomic_uint freed;
    unsigned end; /* 0: without end */
    int code;     /* at the end, instead of THRUM_ESTOP */
    int puller;
    int64_t value;
};

static int counted_next(void *self, thrum_item *item)
{
    struct counted *counted = self;
    unsigned n = atomic_load(&counted->pulled);

    CHECK_INT(token_thread(), counted->puller);
    if (counted->end != 0 && n == counted->end)
        return counted->code != 0 ? counted->code : THRUM_ESTOP;
    counted->value = n;
    item->value = &counted->value;
    item->size = sizeof(counted->value);
    atomic_fetch_add(&counted->pulled, 1);
    return 0;
}

static void counted_free(void *self)
{
    atomic_fetch_add(&((struct counted *)self)->freed, 1);
}

static thrum_iter *count_items(struct counted *counted)
{
    thrum_iter_ops ops = {sizeof(ops), counted_next, counted_free};
    thrum_iter *iter = NULL;

    counted->puller = token_thread();
    assert_int_equal(thrum_iter_new(&ops, counted, &iter), 0);
    return iter;
}

/* ---- F55: how much is submitted at the call ---- */

TEST(F55_bounded_by_default)
{
    thrum_executor *pool = pool_of(3);
    struct counted counted = {0};
    thrum_iter *results = map(pool, square, count_items(&counted), NULL);

    assert_int_equal(atomic_load(&counted.pulled), 12); /* 4 a worker */
    for (int64_t i = 0; i < 100; i++)
        assert_int_equal(next_number(results), i * i);
    assert_true(atomic_load(&counted.pulled) <= 112);
    thrum_iter_free(results);
    assert_int_equal(atomic_load(&counted.freed), 1);
    executor_end(pool);
}

TEST(F55_eager_on_request_takes_all_at_the_call)
{
    thrum_executor *pool = pool_of(2);
    thrum_map_options options = THRUM_MAP_OPTIONS;
    struct counted counted = {.end = 500};
    thrum_iter *results;

    options.buffersize = SIZE_MAX;
    results = map(pool, square, count_items(&counted), &options);
    assert_int_equal(atomic_load(&counted.pulled), 500);
    assert_squares(results, 500);
    executor_end(pool);
}

TEST(F55_what_was_submitted_at_the_call_runs_without_next)
{
    thrum_executor *pool = pool_of(2);
    thrum_map_options options = THRUM_MAP_OPTIONS;
    atomic_uint ran[4] = {0, 0, 0, 0};
    void *pointers[4] = {&ran[0], &ran[1], &ran[2], &ran[3]};
    thrum_iter *items = NULL;
    thrum_iter *results;

    options.buffersize = SIZE_MAX;
    assert_int_equal(thrum_iter_pointers(pointers, 4, &items), 0);
    results = map(pool, count_task, items, &options);
    for (int i = 0; i < 4; i++)
        WAIT_UNTIL(atomic_load(&ran[i]) == 1);
    thrum_iter_free(results);
    executor_end(pool);
}

/* ---- F56: order, and the shortest ---- */

TEST(F56_results_come_in_the_order_of_the_input)
{
    thrum_executor *executors[] = {inline_new(), pool_of(1), pool_of(4)};

    for (size_t i = 0; i < 3; i++) {
        assert_squares(map(executors[i], square, range(300), NULL), 300);
        executor_end(executors[i]);
    }
}

struct door {
    struct gate *gate;
    int number;
};

static void *pass_door(void *arg)
{
    struct door *door = arg;

    if (door->gate != NULL)
        gate_wait(door->gate);
    return &((struct door *)arg)->number;
}

TEST(F56_order_holds_when_the_first_is_the_last_to_end)
{
    thrum_executor *pool = pool_of(2);
    struct gate gate = GATE_INIT;
    struct door doors[4] = {{&gate, 0}, {NULL, 1}, {NULL, 2}, {NULL, 3}};
    void *pointers[4] = {&doors[0], &doors[1], &doors[2], &doors[3]};
    thrum_iter *items = NULL;
    thrum_iter *results;

    assert_int_equal(thrum_iter_pointers(pointers, 4, &items), 0);
    results = map(pool, pass_door, items, NULL);
    gate_open(&gate);
    for (int i = 0; i < 4; i++) {
        void *item = NULL;

        assert_int_equal(thrum_iter_next(results, &item), 0);
        assert_int_equal(thrum_iter_item_size(results), 0);
        assert_ptr_equal(item, &doors[i].number);
    }
    assert_end(results);
    thrum_iter_free(results);
    executor_end(pool);
}

TEST(unordered_gives_what_is_done_first)
{
    thrum_executor *pool = pool_of(2);
    thrum_map_options options = THRUM_MAP_OPTIONS;
    struct gate gate = GATE_INIT;
    struct door doors[4] = {{&gate, 0}, {NULL, 1}, {NULL, 2}, {NULL, 3}};
    void *pointers[4] = {&doors[0], &doors[1], &doors[2], &doors[3]};
    thrum_iter *items = NULL;
    thrum_iter *results;
    unsigned seen = 0;
    void *item = NULL;

    options.unordered = true;
    assert_int_equal(thrum_iter_pointers(pointers, 4, &items), 0);
    results = map(pool, pass_door, items, &options);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(thrum_iter_next(results, &item), 0);
        seen |= 1u << *(int *)item;
        assert_int_equal(thrum_iter_index(results), *(int *)item);
    }
    assert_int_equal(seen, 14);
    gate_open(&gate);
    assert_int_equal(thrum_iter_next(results, &item), 0);
    assert_int_equal(*(int *)item, 0);
    assert_int_equal(thrum_iter_index(results), 0);
    assert_end(results);
    thrum_iter_free(results);
    executor_end(pool);
}

TEST(unordered_gives_each_once)
{
    enum {
        ITEMS = 400
    };
    static unsigned char seen[ITEMS];
    thrum_executor *pool = pool_of(4);
    thrum_map_options options = THRUM_MAP_OPTIONS;
    static const size_t chunks[] = {1, 7};

    options.unordered = true;
    for (size_t c = 0; c < 2; c++) {
        thrum_iter *results;

        options.chunksize = chunks[c];
        results = map(pool, square, range(ITEMS), &options);
        memset(seen, 0, sizeof(seen));
        for (int i = 0; i < ITEMS; i++) {
            int64_t value = next_number(results);
            size_t index = thrum_iter_index(results);

            assert_true(index < ITEMS);
            assert_int_equal(value, index * index);
            assert_int_equal(seen[index]++, 0);
        }
        assert_end(results);
        thrum_iter_free(results);
    }
    executor_end(pool);
}

static void *add_pair(void *arg)
{
    int64_t **pair = arg;
    int64_t sum = *pair[0] + *pair[1];

    return thrum_return(&sum, sizeof(sum));
}

TEST(F56_zip_ends_with_the_shortest)
{
    enum {
        LONG = 8,
        SHORT = 5
    };
    int64_t longer[LONG];
    int64_t shorter[SHORT];
    thrum_iter *inputs[2];
    thrum_iter *items = NULL;
    thrum_executor *pool = pool_of(2);
    thrum_iter *results;

    for (int i = 0; i < LONG; i++)
        longer[i] = i;
    for (int i = 0; i < SHORT; i++)
        shorter[i] = 100;
    assert_int_equal(
        thrum_iter_array(longer, LONG, sizeof(*longer), &inputs[0]), 0);
    assert_int_equal(
        thrum_iter_array(shorter, SHORT, sizeof(*shorter), &inputs[1]), 0);
    assert_int_equal(thrum_iter_zip(inputs, 2, &items), 0);
    results = map(pool, add_pair, items, NULL);
    for (int i = 0; i < SHORT; i++)
        assert_int_equal(next_number(results), 100 + i);
    assert_end(results);
    thrum_iter_free(results);
    executor_end(pool);
}

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

static void assert_thirds_fail(thrum_iter *results, int64_t end)
{
    for (int64_t i = 0; i < end; i++) {
        void *item = NULL;

        if (i % 3 != 2) {
            assert_int_equal(next_number(results), i * i);
        } else {
            assert_int_equal(thrum_iter_next(results, &item), THRUM_EFAILED);
            assert_non_null(thrum_iter_error(results));
            assert_int_equal(thrum_iter_error(results)->code, THRUM_EUSER - i);
        }
        assert_int_equal(thrum_iter_index(results), i);
    }
    assert_end(results);
    thrum_iter_free(results);
}

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

/* ---- F60: chunks ---- */

TEST(F60_chunks_keep_the_order)
{
    static const size_t chunks[] = {1, 2, 3, 7, 50, 51, 1000};
    thrum_executor *executors[] = {inline_new(), pool_of(3)};

    for (size_t e = 0; e < 2; e++) {
        for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
            thrum_map_options options = THRUM_MAP_OPTIONS;

            options.chunksize = chunks[i];
            assert_squares(map(executors[e], square, range(50), &options), 50);
        }
        executor_end(executors[e]);
    }
}

TEST(F60_each_item_of_a_chunk_has_its_own_outcome)
{
    static const size_t chunks[] = {2, 3, 4, 100};
    thrum_executor *pool = pool_of(2);

    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        thrum_map_options options = THRUM_MAP_OPTIONS;

        options.chunksize = chunks[i];
        assert_thirds_fail(map(pool, square_but_thirds, range(30), &options),
                           30);
    }
    executor_end(pool);
}

TEST(F60_a_chunk_without_end_is_freed_in_the_middle)
{
    thrum_executor *pool = pool_of(2);
    thrum_map_options options = THRUM_MAP_OPTIONS;
    struct counted counted = {0};
    thrum_iter *results;

    options.chunksize = 10;
    results = map(pool, square, count_items(&counted), &options);
    for (int64_t i = 0; i < 25; i++)
        assert_int_equal(next_number(results), i * i);
    thrum_iter_free(results);
    executor_end(pool);
    assert_int_equal(atomic_load(&counted.freed), 1);
}

/* ---- F61, F63: buffersize ---- */

TEST(F61_exactly_buffersize_items_are_pulled_before_the_first_next)
{
    static const size_t sizes[] = {1, 2, 5, 64};
    thrum_executor *executors[] = {inline_new(), pool_of(3)};

    for (size_t e = 0; e < 2; e++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            thrum_map_options options = THRUM_MAP_OPTIONS;
            struct counted counted = {0};
            thrum_iter *results;

            options.buffersize = sizes[i];
            results =
                map(executors[e], square, count_items(&counted), &options);
            assert_int_equal(atomic_load(&counted.pulled), sizes[i]);
            for (int64_t n = 0; n < 20; n++) {
                assert_int_equal(next_number(results), n * n);
                /* never more than so many taken and not given back */
                assert_true(atomic_load(&counted.pulled) <=
                            sizes[i] + (size_t)n + 1);
                assert_true(atomic_load(&counted.pulled) >=
                            sizes[i] + (size_t)n);
            }
            thrum_iter_free(results);
            assert_int_equal(atomic_load(&counted.freed), 1);
        }
        executor_end(executors[e]);
    }
}

TEST(F61_an_input_without_items_ends_at_once)
{
    thrum_executor *pool = pool_of(1);
    thrum_map_options options = THRUM_MAP_OPTIONS;

    assert_squares(map(pool, square, range(0), NULL), 0);
    options.buffersize = 3;
    assert_squares(map(pool, square, range(0), &options), 0);
    options.chunksize = 3;
    options.unordered = true;
    assert_squares(map(pool, square, range(0), &options), 0);
    executor_end(pool);
}

TEST(F61_a_buffer_larger_than_the_input)
{
    thrum_executor *pool = pool_of(2);
    thrum_map_options options = THRUM_MAP_OPTIONS;

    options.buffersize = 1000;
    assert_squares(map(pool, square, range(7), &options), 7);
    executor_end(pool);
}

TEST(F63_with_chunks_whole_chunks_are_taken)
{
    thrum_executor *pool = pool_of(1);
    thrum_map_options options = THRUM_MAP_OPTIONS;
    struct counted counted = {0};
    thrum_iter *results;

    options.buffersize = 10;
    options.chunksize = 5;
    results = map(pool, square, count_items(&counted), &options);
    assert_int_equal(atomic_load(&counted.pulled), 10);
    thrum_iter_free(results);
    executor_end(pool);
}

TEST(F61_bad_options_are_refused_and_the_input_is_freed)
{
    thrum_executor *pool = pool_of(1);
    thrum_map_options options = THRUM_MAP_OPTIONS;
    thrum_iter *results = NULL;
    struct counted counted = {0};

    options.size = 3;
    assert_int_equal(thrum_executor_map(pool, square, count_items(&counted),
                                        &options, &results),
                     -EINVAL);
    assert_int_equal(
        thrum_executor_map(pool, NULL, count_items(&counted), NULL, &results),
        -EINVAL);
    assert_int_equal(
        thrum_executor_map(NULL, square, count_items(&counted), NULL, &results),
        -EINVAL);
    assert_int_equal(thrum_executor_map(pool, square, NULL, NULL, &results),
                     -EINVAL);
    assert_int_equal(atomic_load(&counted.freed), 3);
    assert_int_equal(atomic_load(&counted.pulled), 0);
    assert_null(results);
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
        while ((rc = thrum_iter_next(results, &item)) == 0)
            assert_int_equal(*(int64_t *)item, given * given), given++;
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

TEST_MAIN("map")
