/* SPDX-License-Identifier: MIT */
/*
 * test/api/yield_from_test.c - one generator in place of another: Y1 to Y6.
 */
#include "generators.h"

/* ---- Y1: values pass by ---- */

TEST(Y1_values_go_to_the_outermost)
{
    int count = 5;
    struct outer outer = {0};
    thrum_generator *generator =
        outer_of(&outer, generator_of(count_body, &count));

    for (int i = 1; i <= count; i++)
        assert_next_number(generator, i);
    assert_exhausted(generator);
    assert_int_equal(outer.code, 0);
    assert_int_equal(outer.ran, 2);
    thrum_generator_unref(generator);
}

TEST(Y1_what_is_sent_goes_to_the_innermost)
{
    struct seen seen = {0};
    struct outer outer = {0};
    thrum_generator *generator =
        outer_begun(&outer, generator_of(echo_body, &seen));
    void *value = NULL;

    assert_int_equal(thrum_generator_send(generator, &value, &value), 0);
    assert_ptr_equal(value, &value);
    assert_int_equal(thrum_generator_send(generator, NULL, &value), 0);
    assert_null(value); /* as next would */
    assert_int_equal(outer.ran, 1);
    thrum_generator_unref(generator);
}

TEST(Y1_one_that_has_begun_goes_on_where_it_stands)
{
    int count = 3;
    struct outer outer = {0};
    thrum_generator *inner = generator_of(count_body, &count);
    thrum_generator *generator;

    assert_next_number(inner, 1);
    generator = outer_of(&outer, inner);
    assert_next_number(generator, 2);
    assert_next_number(generator, 3);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

static void *in_turn_body(void *arg)
{
    int *count = arg;

    for (*count = 1; *count <= 3; ++*count) {
        thrum_generator *inner = NULL;

        CHECK_INT(thrum_generator_new(count_body, count, sizeof(*count), NULL,
                                      &inner),
                  0);
        CHECK_INT(thrum_yield_from(inner, NULL), 0);
        thrum_generator_unref(inner);
        CHECK_INT(THRUM_YIELD(int, -*count), 0);
    }
    return NULL;
}

TEST(Y1_one_may_yield_from_several_and_itself)
{
    static const int expected[] = {1, -1, 1, 2, -2, 1, 2, 3, -3};
    int count = 0;
    thrum_generator *generator = generator_of(in_turn_body, &count);

    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_next_number(generator, expected[i]);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

static void *iter_body(void *arg)
{
    return thrum_yield_from_iter(arg) == 0 ? arg : NULL;
}

TEST(Y1_values_of_an_iterator_pass_too)
{
    int numbers[] = {4, 7, 1};
    thrum_iter *iter = NULL;
    thrum_generator *generator;
    void *value = NULL;

    assert_int_equal(thrum_iter_array(numbers, 3, sizeof(int), &iter), 0);
    generator = generator_of(iter_body, iter);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(thrum_generator_next(generator, &value), 0);
        assert_ptr_equal(value, &numbers[i]);
    }
    assert_int_equal(thrum_generator_next(generator, &value), THRUM_ESTOP);
    assert_ptr_equal(value, iter);
    thrum_generator_unref(generator);
    thrum_iter_free(iter); /* it was borrowed */
}

/* ---- Y2: the result ---- */

TEST(Y2_the_inner_result_is_that_of_yield_from)
{
    struct seen seen = {.value = &seen};
    struct outer outer = {.passes_on = true};
    thrum_generator *generator =
        outer_begun(&outer, generator_of(once_body, &seen));
    void *value = NULL;

    assert_int_equal(thrum_generator_next(generator, &value), THRUM_ESTOP);
    assert_int_equal(outer.code, 0);
    assert_ptr_equal(outer.result, &seen);
    assert_ptr_equal(value, &seen);
    thrum_generator_unref(generator);
}

static void *silent_body(void *arg)
{
    return arg;
}

TEST(Y2_one_that_yields_nothing_gives_its_result_at_once)
{
    struct outer outer = {.goes_on = true, .passes_on = true};
    thrum_generator *generator =
        outer_of(&outer, generator_of(silent_body, &outer));
    void *value = NULL;

    assert_int_equal(thrum_generator_next(generator, &value), 0);
    assert_ptr_equal(value, &outer); /* the outer one's own yield */
    assert_int_equal(thrum_generator_next(generator, &value), THRUM_ESTOP);
    assert_ptr_equal(value, &outer);
    thrum_generator_unref(generator);
}

TEST(Y2_the_result_is_given_once)
{
    struct seen seen = {.value = &seen};
    struct outer outer = {0};
    thrum_generator *inner = generator_of(once_body, &seen);
    thrum_generator *generator =
        outer_begun(&outer, thrum_generator_ref(inner));

    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    assert_ptr_equal(outer.result, &seen);
    assert_exhausted(inner);
    thrum_generator_unref(inner);
    thrum_generator_unref(generator);
}

/* Yields from one that has ended already. */
static void assert_ended_gives_nothing(thrum_generator *ended)
{
    struct outer outer = {.result = &outer};
    thrum_generator *generator = outer_of(&outer, ended);

    assert_state(ended, CLOSED);
    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    assert_int_equal(outer.code, 0);
    assert_null(outer.result);
    thrum_generator_unref(generator);
}

TEST(Y2_one_that_has_returned_gives_nothing)
{
    struct seen seen = {.value = &seen};
    thrum_generator *inner = generator_begun(once_body, &seen);

    assert_int_equal(thrum_generator_next(inner, NULL), THRUM_ESTOP);
    assert_ended_gives_nothing(inner);
}

TEST(Y2_one_that_has_failed_before_gives_nothing)
{
    struct seen seen = {.raises = -EIO};
    thrum_generator *inner = generator_begun(once_body, &seen);

    assert_int_equal(thrum_generator_next(inner, NULL), THRUM_EFAILED);
    assert_ended_gives_nothing(inner);
}

TEST(Y2_one_that_was_closed_gives_nothing)
{
    struct seen seen = {0};
    thrum_generator *inner = generator_begun(once_body, &seen);

    assert_int_equal(thrum_generator_close(inner, NULL), 0);
    assert_ended_gives_nothing(inner);
    inner = generator_of(once_body, &seen);
    assert_int_equal(thrum_generator_close(inner, NULL), 0);
    assert_ended_gives_nothing(inner);
}

/* ---- Y3: errors ---- */

TEST(Y3_what_is_thrown_goes_to_the_innermost)
{
    struct seen seen = {.value = &seen};
    struct outer outer = {0};
    thrum_generator *generator =
        outer_begun(&outer, generator_of(once_body, &seen));

    assert_int_equal(thrum_generator_throw(generator, -EPERM, NULL),
                     THRUM_ESTOP);
    assert_int_equal(seen.code, -EPERM);
    assert_int_equal(outer.code, 0); /* it was dealt with */
    assert_ptr_equal(outer.result, &seen);
    thrum_generator_unref(generator);
}

TEST(Y3_an_inner_one_may_yield_what_is_thrown_away)
{
    struct seen seen = {0};
    struct outer outer = {0};
    thrum_generator *generator =
        outer_begun(&outer, generator_of(twice_body, &seen));
    void *value = NULL;

    assert_int_equal(thrum_generator_throw(generator, -EPERM, &value), 0);
    assert_ptr_equal(value, &seen.went_on);
    assert_int_equal(outer.ran, 1);
    assert_exhausted(generator);
    assert_int_equal(outer.code, 0);
    thrum_generator_unref(generator);
}

TEST(Y3_an_error_of_the_inner_one_is_yield_froms)
{
    struct seen seen = {.raises = -EIO};
    struct outer outer = {.goes_on = true, .result = &outer};
    thrum_generator *generator =
        outer_begun(&outer, generator_of(once_body, &seen));
    void *value = NULL;

    assert_int_equal(thrum_generator_next(generator, &value), 0);
    assert_int_equal(outer.code, -EIO);
    assert_ptr_equal(outer.result, &outer); /* untouched */
    assert_ptr_equal(value, &outer); /* the outer one has dealt with it */
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

TEST(Y3_an_error_is_passed_on_with_its_words_and_causes)
{
    struct seen seen = {.raises = -EIO};
    struct outer outer = {0};
    thrum_generator *generator =
        outer_begun(&outer, generator_of(once_body, &seen));
    const thrum_error *error;

    assert_int_equal(thrum_generator_throw(generator, -EPERM, NULL),
                     THRUM_EFAILED);
    assert_int_equal(outer.code, -EIO);
    error = thrum_generator_error(generator);
    assert_non_null(error);
    assert_int_equal(error->code, -EIO);
    assert_string_equal(error->message, "as told");
    assert_non_null(error->cause);
    assert_int_equal(error->cause->code, -EPERM);
    thrum_generator_unref(generator);
}

TEST(Y3_an_iterator_takes_no_errors)
{
    thrum_iter *iter = NULL;
    thrum_generator *generator;

    assert_int_equal(thrum_iter_range(0, 10, &iter), 0);
    generator = generator_begun(iter_body, iter);
    assert_int_equal(thrum_generator_throw(generator, -EPERM, NULL),
                     THRUM_EFAILED);
    assert_int_equal(generator_error_code(generator), -EPERM);
    thrum_generator_unref(generator);
    thrum_iter_free(iter);
}

/* ---- Y4, Y6: cancellation ---- */

static void order_unwound(void *arg)
{
    struct outer *outer = arg;

    outer->ran += 10;
}

static void *last_body(void *arg)
{
    struct outer *outer = arg;

    CHECK_INT(thrum_defer(order_unwound, outer), 0);
    CHECK_INT(thrum_yield(NULL, NULL), -ECANCELED);
    CHECK_INT(outer->code, 1); /* the outer one has not heard of it yet */
    return NULL;
}

TEST(Y4_close_ends_the_innermost_first)
{
    struct outer outer = {0};
    thrum_generator *generator =
        outer_begun(&outer, generator_of(last_body, &outer));

    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    assert_int_equal(outer.code, -ECANCELED);
    assert_int_equal(outer.ran, 12);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

TEST(Y4_an_inner_one_that_returns_a_value_does_not_stop_it)
{
    struct seen seen = {.value = &seen};
    struct outer outer = {0};
    thrum_generator *generator =
        outer_begun(&outer, generator_of(once_body, &seen));

    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    assert_int_equal(seen.code, -ECANCELED);
    assert_int_equal(outer.code, -ECANCELED);
    assert_null(outer.result);
    thrum_generator_unref(generator);
}

TEST(Y4_an_error_of_the_inner_one_comes_instead)
{
    struct seen seen = {.raises = -EIO};
    struct outer outer = {0};
    thrum_generator *generator =
        outer_begun(&outer, generator_of(once_body, &seen));

    assert_int_equal(thrum_generator_close(generator, NULL), THRUM_EFAILED);
    assert_int_equal(outer.code, -EIO);
    assert_int_equal(generator_error_code(generator), -EIO);
    thrum_generator_unref(generator);
}

TEST(Y4_a_cancellation_that_is_thrown_is_one)
{
    struct seen seen = {.value = &seen};
    struct outer outer = {0};
    thrum_generator *generator =
        outer_begun(&outer, generator_of(once_body, &seen));

    assert_int_equal(thrum_generator_throw(generator, -ECANCELED, NULL),
                     THRUM_EFAILED);
    assert_int_equal(outer.code, -ECANCELED);
    assert_int_equal(generator_error_code(generator), -ECANCELED);
    thrum_generator_unref(generator);
}

TEST(Y4_the_last_unref_closes_all)
{
    struct seen seen = {0};
    struct outer outer = {0};
    thrum_generator *generator =
        outer_begun(&outer, generator_of(echo_body, &seen));

    thrum_generator_unref(generator);
    assert_int_equal(seen.code, -ECANCELED);
    assert_int_equal(seen.deferred, 1);
    assert_int_equal(outer.code, -ECANCELED);
}

TEST(Y4_an_iterator_is_left_where_it_is)
{
    thrum_iter *iter = NULL;
    thrum_generator *generator;
    void *item = NULL;

    assert_int_equal(thrum_iter_range(0, 10, &iter), 0);
    generator = generator_begun(iter_body, iter);
    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    assert_int_equal(thrum_iter_next(iter, &item), 0);
    assert_int_equal(*(int64_t *)item, 1);
    thrum_generator_unref(generator);
    thrum_iter_free(iter);
}

TEST(Y6_an_inner_one_that_yields_while_it_is_closed_is_ignored)
{
    struct seen seen = {.value = &seen};
    struct outer outer = {0};
    thrum_generator *generator =
        outer_begun(&outer, generator_of(twice_body, &seen));

    assert_int_equal(thrum_generator_close(generator, NULL), THRUM_EIGNORED);
    assert_state(generator, SUSPENDED);
    assert_int_equal(seen.code, -ECANCELED);
    assert_int_equal(outer.ran, 1);
    assert_exhausted(generator);
    assert_int_equal(outer.code, 0);
    assert_ptr_equal(outer.result, &seen);
    thrum_generator_unref(generator);
}

/* ---- Y5: an iterator that is sent something ---- */

struct from_iter {
    thrum_iter *iter;
    int code;
};

static void *iter_code_body(void *arg)
{
    struct from_iter *from = arg;

    from->code = thrum_yield_from_iter(from->iter);
    (void)thrum_yield(from, NULL);
    return NULL;
}

/* One that passes on what yield-from returns, in the shortest way. */
static void *pass_iterator_on(void *arg)
{
    thrum_iter *iter = arg;

    if (thrum_yield_from_iter(iter) != 0)
        return NULL;
    return arg;
}

TEST(Y5_a_body_that_returns_null_then_fails)
{
    static const int numbers[] = {1, 2};
    thrum_generator *generator = NULL;
    thrum_iter *iter = NULL;
    int sent = 0;

    assert_int_equal(thrum_iter_array(numbers, 2, sizeof(int), &iter), 0);
    assert_int_equal(
        thrum_generator_new(pass_iterator_on, iter, 0, NULL, &generator), 0);
    assert_int_equal(thrum_generator_next(generator, NULL), 0);
    assert_int_equal(thrum_generator_send(generator, &sent, NULL),
                     THRUM_EFAILED);
    assert_int_equal(thrum_generator_error(generator)->code, -ENOTSUP);
    thrum_generator_unref(generator);
    thrum_iter_free(iter);
}

TEST(Y5_an_iterator_takes_no_values)
{
    struct from_iter from = {NULL, 1};
    thrum_generator *generator;
    void *value = NULL;

    assert_int_equal(thrum_iter_range(0, 10, &from.iter), 0);
    generator = generator_begun(iter_code_body, &from);
    assert_int_equal(thrum_generator_send(generator, NULL, &value), 0);
    assert_int_equal(*(int64_t *)value, 1);
    assert_int_equal(from.code, 1);
    assert_int_equal(thrum_generator_send(generator, &from, &value), 0);
    assert_ptr_equal(value, &from); /* it goes on where it yielded from */
    assert_int_equal(from.code, -ENOTSUP);
    thrum_generator_unref(generator);
    thrum_iter_free(from.iter);
}

TEST_MAIN("yield_from")
