/* SPDX-License-Identifier: MIT */
/*
 * test/api/iter_test.c - iterators over what a program has, and one's own.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tasks.h"

static void assert_ended(thrum_iter *iter)
{
    void *item = NULL;

    for (int i = 0; i < 3; i++)
        assert_int_equal(thrum_iter_next(iter, &item), THRUM_ESTOP);
    assert_null(item);
    thrum_iter_free(iter);
}

TEST(array_gives_pointers_to_its_elements)
{
    int numbers[] = {3, 1, 4, 1, 5};
    thrum_iter *iter = NULL;

    assert_int_equal(thrum_iter_array(numbers, 5, sizeof(int), &iter), 0);
    for (size_t i = 0; i < 5; i++) {
        void *item = NULL;

        assert_int_equal(thrum_iter_next(iter, &item), 0);
        assert_ptr_equal(item, &numbers[i]);
        assert_int_equal(thrum_iter_item_size(iter), sizeof(int));
        assert_int_equal(thrum_iter_index(iter), i);
        assert_null(thrum_iter_error(iter));
    }
    assert_ended(iter);
}

TEST(pointers_gives_the_pointers_themselves)
{
    int a;
    int b;
    void *pointers[] = {&a, NULL, &b};
    thrum_iter *iter = NULL;

    assert_int_equal(thrum_iter_pointers(pointers, 3, &iter), 0);
    for (size_t i = 0; i < 3; i++) {
        void *item = &iter;

        assert_int_equal(thrum_iter_next(iter, &item), 0);
        assert_ptr_equal(item, pointers[i]);
        assert_int_equal(thrum_iter_item_size(iter), 0);
        assert_int_equal(thrum_iter_index(iter), i);
    }
    assert_ended(iter);
}

TEST(range_counts_up_to_but_not_including_its_end)
{
    thrum_iter *iter = NULL;
    void *item = NULL;

    assert_int_equal(thrum_iter_range(-2, 3, &iter), 0);
    for (int64_t i = -2; i < 3; i++) {
        assert_int_equal(thrum_iter_next(iter, &item), 0);
        assert_int_equal(*(int64_t *)item, i);
        assert_int_equal(thrum_iter_item_size(iter), sizeof(int64_t));
    }
    item = NULL;
    assert_ended(iter);
    assert_int_equal(thrum_iter_range(INT64_MAX - 1, INT64_MAX, &iter), 0);
    assert_int_equal(thrum_iter_next(iter, &item), 0);
    assert_true(*(int64_t *)item == INT64_MAX - 1);
    assert_ended(iter);
    assert_int_equal(thrum_iter_range(INT64_MIN, INT64_MAX, &iter), 0);
    assert_int_equal(thrum_iter_next(iter, &item), 0);
    assert_true(*(int64_t *)item == INT64_MIN);
    thrum_iter_free(iter);
}

TEST(nothing_to_walk_over_is_an_end)
{
    thrum_iter *iter = NULL;

    assert_int_equal(thrum_iter_array(NULL, 0, 4, &iter), 0);
    assert_ended(iter);
    assert_int_equal(thrum_iter_pointers(NULL, 0, &iter), 0);
    assert_ended(iter);
    assert_int_equal(thrum_iter_range(5, 5, &iter), 0);
    assert_ended(iter);
}

TEST(bad_arguments_are_refused)
{
    thrum_iter *iter = NULL;
    thrum_iter_ops ops = {sizeof(ops), NULL, NULL};
    int number = 0;

    assert_int_equal(thrum_iter_array(&number, 1, 0, &iter), -EINVAL);
    assert_int_equal(thrum_iter_range(1, 0, &iter), -EINVAL);
    assert_int_equal(thrum_iter_new(&ops, NULL, &iter), -EINVAL);
    assert_int_equal(thrum_iter_new(NULL, NULL, &iter), -EINVAL);
    assert_null(iter);
    thrum_iter_free(NULL);
}

/* ---- lines ---- */

static void assert_line(thrum_iter *iter, const char *expected)
{
    void *item = NULL;

    assert_int_equal(thrum_iter_next(iter, &item), 0);
    assert_string_equal(item, expected);
    assert_true(thrum_iter_item_size(iter) == strlen(expected) + 1);
}

TEST(lines_come_without_their_newline)
{
    char text[] = "first\n\nthird, and longer\nlast without newline";
    FILE *stream = fmemopen(text, sizeof(text) - 1, "r");
    thrum_iter *iter = NULL;

    assert_non_null(stream);
    assert_int_equal(thrum_iter_lines(stream, &iter), 0);
    assert_line(iter, "first");
    assert_line(iter, "");
    assert_line(iter, "third, and longer");
    assert_int_equal(thrum_iter_index(iter), 2);
    assert_line(iter, "last without newline");
    assert_ended(iter);
    fclose(stream); /* it is ours still */
}

TEST(lines_may_be_long)
{
    enum {
        LONG = 100000
    };
    char *text = malloc(LONG + 3);
    FILE *stream;
    thrum_iter *iter = NULL;
    void *item = NULL;

    assert_non_null(text);
    memset(text, 'x', LONG);
    memcpy(text + LONG, "\ny\n", 3);
    stream = fmemopen(text, LONG + 3, "r");
    assert_non_null(stream);
    assert_int_equal(thrum_iter_lines(stream, &iter), 0);
    assert_int_equal(thrum_iter_next(iter, &item), 0);
    assert_int_equal(strlen(item), LONG);
    assert_line(iter, "y");
    assert_ended(iter);
    fclose(stream);
    free(text);
}

TEST(lines_of_what_cannot_be_read_are_an_error)
{
    FILE *stream = fopen("/", "r");
    thrum_iter *iter = NULL;
    void *item = NULL;

    assert_non_null(stream);
    assert_int_equal(thrum_iter_lines(stream, &iter), 0);
    assert_int_equal(thrum_iter_next(iter, &item), -EISDIR);
    thrum_iter_free(iter);
    fclose(stream);
}

/* ---- one's own ---- */

struct source {
    unsigned given;
    unsigned freed;
    int value;
};

/* Gives 0, fails 1, refuses with a code at 2, and ends at 4. */
static int source_next(void *self, thrum_item *item)
{
    static const thrum_error error = {.code = -EIO, .message = "item 1"};
    struct source *source = self;

    switch (source->given++) {
    case 1:
        item->error = &error;
        return THRUM_EFAILED;
    case 2:
        return -ENODATA;
    case 4:
        return THRUM_ESTOP;
    default:
        item->value = &source->value;
        item->size = sizeof(source->value);
        return 0;
    }
}

static void source_free(void *self)
{
    ((struct source *)self)->freed++;
}

static thrum_iter *source_iter(struct source *source)
{
    thrum_iter_ops ops = {sizeof(ops), source_next, source_free};
    thrum_iter *iter = NULL;

    assert_int_equal(thrum_iter_new(&ops, source, &iter), 0);
    memset(&ops, 0, sizeof(ops)); /* they were copied */
    return iter;
}

TEST(an_own_iterator_says_what_it_likes)
{
    struct source source = {0, 0, 7};
    thrum_iter *iter = source_iter(&source);
    void *item = NULL;

    assert_int_equal(thrum_iter_next(iter, &item), 0);
    assert_ptr_equal(item, &source.value);
    assert_int_equal(thrum_iter_index(iter), 0);
    assert_int_equal(thrum_iter_next(iter, &item), THRUM_EFAILED);
    assert_int_equal(thrum_iter_error(iter)->code, -EIO);
    assert_int_equal(thrum_iter_index(iter), 1);
    assert_int_equal(thrum_iter_next(iter, &item), -ENODATA);
    assert_null(thrum_iter_error(iter));
    assert_int_equal(thrum_iter_next(iter, &item), 0);
    assert_int_equal(thrum_iter_next(iter, &item), THRUM_ESTOP);
    assert_int_equal(source.given, 5);
    assert_int_equal(thrum_iter_next(iter, &item), THRUM_ESTOP);
    assert_int_equal(source.given, 5); /* never asked again after its end */
    thrum_iter_free(iter);
    assert_int_equal(source.freed, 1);
}

TEST(an_own_iterator_needs_no_free)
{
    thrum_iter_ops ops = {sizeof(ops), source_next, NULL};
    struct source source = {0, 0, 7};
    thrum_iter *iter = NULL;

    assert_int_equal(thrum_iter_new(&ops, &source, &iter), 0);
    thrum_iter_free(iter);
}

/* ---- zip ---- */

TEST(zip_gives_one_of_each)
{
    int a[] = {1, 2, 3};
    char b[] = "xyz";
    thrum_iter *iters[2];
    thrum_iter *zip = NULL;

    assert_int_equal(thrum_iter_array(a, 3, sizeof(int), &iters[0]), 0);
    assert_int_equal(thrum_iter_array(b, 3, 1, &iters[1]), 0);
    assert_int_equal(thrum_iter_zip(iters, 2, &zip), 0);
    for (size_t i = 0; i < 3; i++) {
        void *item = NULL;
        void **pair;

        assert_int_equal(thrum_iter_next(zip, &item), 0);
        pair = item;
        assert_ptr_equal(pair[0], &a[i]);
        assert_ptr_equal(pair[1], &b[i]);
        assert_int_equal(thrum_iter_index(zip), i);
        assert_int_equal(thrum_iter_item_size(zip), 2 * sizeof(void *));
    }
    assert_ended(zip);
}

TEST(zip_ends_with_its_first_end_and_frees_all)
{
    struct source first = {0, 0, 1};
    struct source second = {0, 0, 2};
    thrum_iter *iters[3] = {source_iter(&first), NULL, source_iter(&second)};
    thrum_iter *zip = NULL;
    void *item = NULL;

    assert_int_equal(thrum_iter_range(0, 1, &iters[1]), 0);
    assert_int_equal(thrum_iter_zip(iters, 3, &zip), 0);
    assert_int_equal(thrum_iter_next(zip, &item), 0);
    thrum_iter_free(zip);
    assert_int_equal(first.freed, 1);
    assert_int_equal(second.freed, 1);
}

TEST(zip_passes_on_what_goes_wrong)
{
    struct source source = {0, 0, 1};
    thrum_iter *iters[2] = {source_iter(&source), NULL};
    thrum_iter *zip = NULL;
    void *item = NULL;

    assert_int_equal(thrum_iter_range(0, 10, &iters[1]), 0);
    assert_int_equal(thrum_iter_zip(iters, 2, &zip), 0);
    assert_int_equal(thrum_iter_next(zip, &item), 0);
    assert_int_equal(thrum_iter_next(zip, &item), THRUM_EFAILED);
    assert_int_equal(thrum_iter_error(zip)->code, -EIO);
    assert_int_equal(thrum_iter_next(zip, &item), -ENODATA);
    thrum_iter_free(zip);
    assert_int_equal(source.freed, 1);
}

/* Without memory, zip still takes what it was given. */
TEST(zip_takes_its_iterators_also_when_it_fails)
{
    FOR_EACH_FAILURE(n)
    {
        struct source source = {0, 0, 1};
        thrum_iter_ops ops = {sizeof(ops), source_next, source_free};
        thrum_iter *iters[2] = {NULL, NULL};
        thrum_iter *zip = NULL;
        bool made = thrum_iter_new(&ops, &source, &iters[0]) == 0 &&
                    thrum_iter_range(0, 10, &iters[1]) == 0;

        if (made && thrum_iter_zip(iters, 2, &zip) == 0)
            thrum_iter_free(zip);
        else if (!made)
            thrum_iter_free(iters[0]);
        assert_int_equal(source.freed, iters[0] != NULL);
    }
}

TEST_MAIN("iter")
