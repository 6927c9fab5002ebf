/* SPDX-License-Identifier: MIT */
/*
 * test/api/generator_use_test.c - arguments, loops, errno, and generators that pull
 * each other.
 */
#include "generators.h"

/* ---- the argument, the loops, errno ---- */

TEST(a_copied_argument_is_the_generators_own)
{
    int count = 3;
    thrum_generator *generator = NULL;

    assert_int_equal(thrum_generator_new(count_body, &count, sizeof(count),
                                         NULL, &generator),
                     0);
    count = 0;
    for (int i = 1; i <= 3; i++)
        assert_next_number(generator, i);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

TEST(each_walks_over_all_values)
{
    int count = 5;
    int sum = 0;
    int rc = 1;
    thrum_generator *generator = generator_of(count_body, &count);

    THRUM_EACH(int, number, generator, rc)
        sum += *number;
    assert_int_equal(rc, THRUM_ESTOP);
    assert_int_equal(sum, 15);
    thrum_generator_unref(generator);
}

TEST(each_can_be_left)
{
    int count = 5;
    int rc = 1;
    thrum_generator *generator = generator_of(count_body, &count);

    THRUM_EACH(int, number, generator, rc)
        if (*number == 3)
            break;
    assert_int_equal(rc, 0);
    assert_next_number(generator, 4);
    thrum_generator_unref(generator);
}

static void *powers_body(void *arg)
{
    for (int power = 1; power < 100; power *= 2)
        CHECK_INT(THRUM_YIELD(int, power), 0);
    return thrum_raise(-ERANGE, "too large");
}

TEST(each_tells_why_it_ended)
{
    int expected = 1;
    int rc = 1;
    thrum_generator *generator = generator_of(powers_body, NULL);

    THRUM_EACH(int, power, generator, rc) {
        assert_int_equal(*power, expected);
        expected *= 2;
    }
    assert_int_equal(rc, THRUM_EFAILED);
    assert_int_equal(expected, 128);
    assert_int_equal(generator_error_code(generator), -ERANGE);
    thrum_generator_unref(generator);
}

static void *errno_body(void *arg)
{
    CHECK_INT(errno, EDOM);
    errno = ERANGE;
    CHECK_INT(thrum_yield(NULL, NULL), 0);
    CHECK_INT(errno, EILSEQ);
    return NULL;
}

/* As a function that is called, and returns. */
TEST(errno_is_that_of_the_one_who_pulls)
{
    thrum_generator *generator = generator_of(errno_body, NULL);

    errno = EDOM;
    assert_int_equal(thrum_generator_next(generator, NULL), 0);
    assert_int_equal(errno, ERANGE);
    errno = EILSEQ;
    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    thrum_generator_unref(generator);
}

/* Yields the numbers of the one further in that 2 to its own do not divide. */
struct sieve {
    thrum_generator *source;
    int prime;
};

static void *from_two_body(void *arg)
{
    for (int i = 2; thrum_yield(&i, NULL) == 0; i++)
        ;
    return NULL;
}

static void *sieve_body(void *arg)
{
    struct sieve *sieve = arg;
    int rc = 0;

    THRUM_EACH(int, number, sieve->source, rc)
        if (*number % sieve->prime != 0 && thrum_yield(number, NULL) != 0)
            break;
    thrum_generator_unref(sieve->source);
    return NULL;
}

TEST(generators_pull_each_other)
{
    static const int primes[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29};
    thrum_generator *generator = generator_of(from_two_body, NULL);

    for (size_t i = 0; i < 10; i++) {
        struct sieve sieve = {generator, primes[i]};

        assert_next_number(generator, primes[i]);
        assert_int_equal(thrum_generator_new(sieve_body, &sieve, sizeof(sieve),
                                             NULL, &generator),
                         0);
    }
    assert_next_number(generator, 31);
    thrum_generator_unref(generator); /* closes them one after the other */
}

TEST(many_may_stand_at_a_time)
{
    enum {
        MANY = 1000
    };
    static thrum_generator *generators[MANY];
    unsigned count = test_scale(MANY);
    int most = 3;

    if (count > MANY)
        count = MANY;
    for (unsigned i = 0; i < count; i++)
        generators[i] = generator_of(count_body, &most);
    for (int round = 1; round <= most; round++)
        for (unsigned i = 0; i < count; i++)
            assert_next_number(generators[i], round);
    for (unsigned i = 0; i < count; i++)
        thrum_generator_unref(generators[i]);
}

static void *self_unref_body(void *arg)
{
    thrum_generator **self = arg;

    thrum_generator_unref(*self);
    *self = NULL;
    return NULL;
}

TEST(the_last_reference_may_go_in_the_body_itself)
{
    thrum_generator *generator = NULL;

    generator = generator_of(self_unref_body, &generator);
    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    assert_null(generator);
}

TEST(a_reference_keeps_it)
{
    int count = 2;
    thrum_generator *generator = generator_of(count_body, &count);

    assert_ptr_equal(thrum_generator_ref(generator), generator);
    assert_next_number(generator, 1);
    thrum_generator_unref(generator);
    assert_next_number(generator, 2);
    thrum_generator_unref(generator);
    thrum_generator_unref(NULL);
}

TEST_MAIN("generator_use")
