/* SPDX-License-Identifier: MIT */
/*
 * test/api/squares.h - maps of numbers to their squares, and a counted input.
 */
#ifndef TEST_SQUARES_H
#define TEST_SQUARES_H

#include "tasks.h"

static inline thrum_iter *range(int64_t end)
{
    thrum_iter *iter = NULL;

    assert_int_equal(thrum_iter_range(0, end, &iter), 0);
    return iter;
}

static inline thrum_iter *map(thrum_executor *executor, thrum_fn *fn,
                              thrum_iter *items,
                              const thrum_map_options *options)
{
    thrum_iter *results = NULL;

    assert_int_equal(thrum_executor_map(executor, fn, items, options, &results),
                     0);
    return results;
}

static inline void *square(void *arg)
{
    int64_t n = *(int64_t *)arg;

    n *= n;
    return thrum_return(&n, sizeof(n));
}

/* Fails each third, and cancels none. */
static inline void *square_but_thirds(void *arg)
{
    int64_t n = *(int64_t *)arg;

    if (n % 3 == 2)
        return thrum_raise(THRUM_EUSER - (int)n, "third %d", (int)n);
    return square(arg);
}

static inline int64_t next_number(thrum_iter *results)
{
    void *item = NULL;

    assert_int_equal(thrum_iter_next(results, &item), 0);
    assert_int_equal(thrum_iter_item_size(results), sizeof(int64_t));
    assert_null(thrum_iter_error(results));
    return *(int64_t *)item;
}

static inline void assert_end(thrum_iter *results)
{
    void *item = NULL;

    assert_int_equal(thrum_iter_next(results, &item), THRUM_ESTOP);
    assert_int_equal(thrum_iter_next(results, &item), THRUM_ESTOP);
}

static inline void assert_squares(thrum_iter *results, int64_t end)
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

static inline int counted_next(void *self, thrum_item *item)
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

static inline void counted_free(void *self)
{
    atomic_fetch_add(&((struct counted *)self)->freed, 1);
}

static inline thrum_iter *count_items(struct counted *counted)
{
    thrum_iter_ops ops = {sizeof(ops), counted_next, counted_free};
    thrum_iter *iter = NULL;

    counted->puller = token_thread();
    assert_int_equal(thrum_iter_new(&ops, counted, &iter), 0);
    return iter;
}

static inline void assert_thirds_fail(thrum_iter *results, int64_t end)
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

#endif /* TEST_SQUARES_H */
