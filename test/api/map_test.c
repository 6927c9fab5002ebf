/* SPDX-License-Identifier: MIT */
/*
 * test/api/map_test.c - map: F55 to F64.
 */
#include "squares.h"

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

TEST_MAIN("map")
