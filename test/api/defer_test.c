/* SPDX-License-Identifier: MIT */
/*
 * test/api/defer_test.c - the calls that a generator has deferred, and whatever
 * else is done at its end: G18.
 */
#include "generators.h"

/* ---- G18: cleaning up ---- */

/* Where deferred calls write in what order they came. */
struct order {
    char text[16];
    size_t length;
};

static void order_add(struct order *order, char letter)
{
    if (CHECK(order->length < sizeof(order->text) - 1))
        order->text[order->length++] = letter;
}

static void order_a(void *arg)
{
    order_add(arg, 'a');
}

static void order_b(void *arg)
{
    order_add(arg, 'b');
}

static void order_late(void *arg)
{
    order_add(arg, 'l');
    CHECK_INT(thrum_defer(order_a, arg), 0);
}

static void *ordered_body(void *arg)
{
    CHECK_INT(thrum_defer(order_a, arg), 0);
    if (thrum_yield(NULL, NULL) != 0)
        return NULL;
    CHECK_INT(thrum_defer(order_b, arg), 0);
    if (thrum_yield(NULL, NULL) != 0)
        return NULL;
    order_add(arg, '.');
    return NULL;
}

TEST(G18_deferred_calls_are_made_at_the_end_the_last_one_first)
{
    struct order order = {0};
    thrum_generator *generator = generator_begun(ordered_body, &order);

    assert_int_equal(thrum_generator_next(generator, NULL), 0);
    assert_string_equal(order.text, "");
    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    assert_string_equal(order.text, ".ba");
    thrum_generator_unref(generator);
    assert_string_equal(order.text, ".ba"); /* once */
}

TEST(G18_deferred_calls_are_made_when_it_is_closed)
{
    struct order order = {0};
    thrum_generator *generator = generator_begun(ordered_body, &order);

    assert_int_equal(thrum_generator_next(generator, NULL), 0);
    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    assert_string_equal(order.text, "ba");
    thrum_generator_unref(generator);
}

TEST(G18_deferred_calls_are_made_when_an_error_is_thrown)
{
    struct order order = {0};
    thrum_generator *generator = generator_begun(ordered_body, &order);

    assert_int_equal(thrum_generator_throw(generator, -EIO, NULL),
                     THRUM_EFAILED);
    assert_string_equal(order.text, "a");
    assert_int_equal(generator_error_code(generator), -EIO);
    thrum_generator_unref(generator);
}

TEST(G18_deferred_calls_are_made_at_the_last_unref)
{
    struct order order = {0};
    thrum_generator *generator = generator_begun(ordered_body, &order);

    thrum_generator_unref(generator);
    assert_string_equal(order.text, "a");
}

static void *late_body(void *arg)
{
    CHECK_INT(thrum_defer(order_b, arg), 0);
    CHECK_INT(thrum_defer(order_late, arg), 0);
    return arg;
}

TEST(G18_a_deferred_call_may_defer_another)
{
    struct order order = {0};
    thrum_generator *generator = generator_of(late_body, &order);
    void *value = NULL;

    assert_int_equal(thrum_generator_next(generator, &value), THRUM_ESTOP);
    assert_ptr_equal(value, &order);
    assert_string_equal(order.text, "lab");
    thrum_generator_unref(generator);
}

static void order_left(struct order *const *order)
{
    order_add(*order, 'c');
}

static void *scoped_body(void *arg)
{
    __attribute__((cleanup(order_left))) struct order *order = arg;

    CHECK_INT(thrum_defer(order_a, order), 0);
    if (thrum_yield(order, NULL) != 0)
        return NULL;
    order_add(order, '.');
    return NULL;
}

/* The code returns as any code does, so what the compiler does at the end of a
 * block is done before the deferred calls. */
TEST(G18_blocks_are_left_in_the_usual_way)
{
    struct order order = {0};
    thrum_generator *generator = generator_begun(scoped_body, &order);

    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    assert_string_equal(order.text, "ca");
    thrum_generator_unref(generator);
    memset(&order, 0, sizeof(order));
    generator = generator_begun(scoped_body, &order);
    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    assert_string_equal(order.text, ".ca");
    thrum_generator_unref(generator);
}

static void yielding_deferred(void *arg)
{
    struct seen *seen = arg;

    seen->deferred++;
    seen_yield(seen, &seen->deferred);
}

static void *yielding_defer_body(void *arg)
{
    struct seen *seen = arg;

    CHECK_INT(thrum_defer(yielding_deferred, arg), 0);
    return seen->value;
}

/* As a yield in a finally block. */
TEST(G18_a_deferred_call_may_yield)
{
    struct seen seen = {.value = &seen};
    thrum_generator *generator = generator_of(yielding_defer_body, &seen);
    void *value = NULL;

    assert_int_equal(thrum_generator_next(generator, &value), 0);
    assert_ptr_equal(value, &seen.deferred);
    assert_int_equal(thrum_generator_next(generator, &value), THRUM_ESTOP);
    assert_ptr_equal(value, &seen);
    assert_int_equal(seen.deferred, 1);
    thrum_generator_unref(generator);
}

TEST_MAIN("defer")
