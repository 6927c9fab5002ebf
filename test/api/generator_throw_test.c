/* SPDX-License-Identifier: MIT */
/*
 * test/api/generator_throw_test.c - errors and cancellations that are thrown into
 * generators: G6 to G9, G14 and G16.
 */
#include "generators.h"

/* ---- G6: throw into one that stands at a yield ---- */

TEST(G6_a_yield_returns_what_is_thrown)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(twice_body, &seen);
    void *value = NULL;

    assert_int_equal(thrum_generator_throw(generator, -EPERM, &value), 0);
    assert_int_equal(seen.code, -EPERM);
    assert_int_equal(seen.went_on, 1);
    assert_ptr_equal(value, &seen.went_on);
    assert_state(generator, SUSPENDED);
    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    thrum_generator_unref(generator);
}

TEST(G6_a_thrown_error_that_is_passed_on_comes_back)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(once_body, &seen);
    void *value = &seen;

    assert_int_equal(thrum_generator_throw(generator, -EPERM, &value),
                     THRUM_EFAILED);
    assert_ptr_equal(value, &seen); /* untouched */
    assert_int_equal(generator_error_code(generator), -EPERM);
    assert_state(generator, CLOSED);
    assert_int_equal(seen.ended, 1);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

TEST(G6_a_value_after_a_throw_is_a_normal_end)
{
    struct seen seen = {.value = &seen};
    thrum_generator *generator = generator_begun(once_body, &seen);
    void *value = NULL;

    assert_int_equal(thrum_generator_throw(generator, -EPERM, &value),
                     THRUM_ESTOP);
    assert_ptr_equal(value, &seen);
    assert_null(thrum_generator_error(generator));
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

TEST(G6_another_error_comes_instead_with_the_thrown_one_as_cause)
{
    struct seen seen = {.raises = -EIO};
    thrum_generator *generator = generator_begun(once_body, &seen);
    const thrum_error *error;

    assert_int_equal(thrum_generator_throw(generator, -EPERM, NULL),
                     THRUM_EFAILED);
    error = thrum_generator_error(generator);
    assert_non_null(error);
    assert_int_equal(error->code, -EIO);
    assert_string_equal(error->message, "as told");
    assert_non_null(error->cause);
    assert_int_equal(error->cause->code, -EPERM);
    assert_null(error->cause->cause);
    thrum_generator_unref(generator);
}

TEST(G6_a_code_of_the_program_itself_may_be_thrown)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(once_body, &seen);

    assert_int_equal(thrum_generator_throw(generator, THRUM_EUSER - 7, NULL),
                     THRUM_EFAILED);
    assert_int_equal(seen.code, THRUM_EUSER - 7);
    assert_int_equal(generator_error_code(generator), THRUM_EUSER - 7);
    thrum_generator_unref(generator);
}

static void *pending_body(void *arg)
{
    const thrum_error *error;

    CHECK(thrum_error_pending() == NULL);
    CHECK_INT(thrum_yield(NULL, NULL), -EPERM);
    error = thrum_error_pending();
    CHECK(error != NULL && error->code == -EPERM);
    CHECK_INT(thrum_yield(NULL, NULL), 0);
    CHECK(thrum_error_pending() == NULL); /* it was dealt with */
    CHECK_INT(thrum_yield(NULL, NULL), -EACCES);
    thrum_error_clear();
    CHECK(thrum_error_pending() == NULL);
    return NULL;
}

TEST(G6_what_is_thrown_is_pending_until_it_is_dealt_with)
{
    thrum_generator *generator = generator_begun(pending_body, NULL);

    assert_int_equal(thrum_generator_throw(generator, -EPERM, NULL), 0);
    assert_int_equal(thrum_generator_next(generator, NULL), 0);
    assert_int_equal(thrum_generator_throw(generator, -EACCES, NULL),
                     THRUM_ESTOP);
    thrum_generator_unref(generator);
}

/* Clears what was thrown, raises its own, and yields before it ends. */
static void *replacing_body(void *arg)
{
    CHECK_INT(thrum_yield(NULL, NULL), -EPERM);
    thrum_error_clear();
    thrum_raise(-EIO, "%s", thrum_strerror(-EPERM)); /* of the same length */
    CHECK_INT(thrum_yield(NULL, NULL), 0);
    CHECK(thrum_error_pending() != NULL);
    return NULL;
}

/* An error that the body has raised itself outlasts a yield, also when its
 * memory was that of the one that was thrown. */
TEST(G6_an_own_error_is_not_taken_for_the_thrown_one)
{
    thrum_generator *generator = generator_begun(replacing_body, NULL);

    assert_int_equal(thrum_generator_throw(generator, -EPERM, NULL), 0);
    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_EFAILED);
    assert_int_equal(generator_error_code(generator), -EIO);
    thrum_generator_unref(generator);
}

TEST(G6_a_cancellation_that_is_thrown_and_passed_on_is_an_error)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(once_body, &seen);

    assert_int_equal(thrum_generator_throw(generator, -ECANCELED, NULL),
                     THRUM_EFAILED);
    assert_int_equal(seen.code, -ECANCELED);
    assert_int_equal(generator_error_code(generator), -ECANCELED);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

static void *clearing_body(void *arg)
{
    int code = thrum_yield(NULL, NULL);

    thrum_error_clear();
    return code == *(int *)arg ? NULL : arg;
}

TEST(G6_a_cancellation_that_is_thrown_can_be_cleared)
{
    int code = -ECANCELED;
    thrum_generator *generator = generator_begun(clearing_body, &code);
    void *value = &code;

    assert_int_equal(thrum_generator_throw(generator, code, &value),
                     THRUM_ESTOP);
    assert_null(value);
    thrum_generator_unref(generator);
}

/* ---- G7, G8, G9: throw at other times ---- */

TEST(G7_throw_ends_one_that_has_not_begun)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_of(echo_body, &seen);
    void *value = &seen;

    assert_int_equal(thrum_generator_throw(generator, -EIO, &value),
                     THRUM_EFAILED);
    assert_ptr_equal(value, &seen);
    assert_int_equal(generator_error_code(generator), -EIO);
    assert_exhausted(generator);
    assert_int_equal(seen.begun, 0);
    thrum_generator_unref(generator);
}

TEST(G8_throw_at_one_that_has_ended_comes_back)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(once_body, &seen);

    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    for (int code = -1; code > -4; code--) {
        assert_int_equal(thrum_generator_throw(generator, code, NULL),
                         THRUM_EFAILED);
        assert_int_equal(generator_error_code(generator), code);
    }
    assert_int_equal(seen.went_on, 1);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

TEST(G8_throw_at_one_that_was_closed_comes_back)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(once_body, &seen);

    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    assert_int_equal(thrum_generator_throw(generator, -ECANCELED, NULL),
                     THRUM_EFAILED);
    assert_int_equal(generator_error_code(generator), -ECANCELED);
    assert_int_equal(seen.went_on, 1);
    thrum_generator_unref(generator);
}

TEST(G9_what_is_no_error_cannot_be_thrown)
{
    static const int codes[] = {0, 1, EIO, INT32_MAX};
    struct seen seen = {0};
    thrum_generator *generator = generator_of(echo_body, &seen);

    for (size_t i = 0; i < 4; i++)
        assert_int_equal(thrum_generator_throw(generator, codes[i], NULL),
                         -EINVAL);
    assert_state(generator, CREATED);
    assert_int_equal(thrum_generator_next(generator, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(thrum_generator_throw(generator, codes[i], NULL),
                         -EINVAL);
    assert_state(generator, SUSPENDED);
    assert_int_equal(seen.went_on, 0); /* it was not touched */
    thrum_generator_unref(generator);
}

/* ---- G14: cancellation is a code of its own ---- */

/* Deals with any error but a cancellation, and passes that on. */
static void *steadfast_body(void *arg)
{
    unsigned *dealt_with = arg;
    int code;

    while ((code = thrum_yield(dealt_with, NULL)) != -ECANCELED)
        *dealt_with += code != 0;
    return NULL;
}

TEST(G14_a_cancellation_can_be_told_from_all_other_errors)
{
    static const int codes[] = {-EIO, -EINTR, -ETIMEDOUT, THRUM_ECANCELLED,
                                THRUM_EUSER};
    unsigned dealt_with = 0;
    thrum_generator *generator = generator_begun(steadfast_body, &dealt_with);

    for (size_t i = 0; i < 5; i++)
        assert_int_equal(thrum_generator_throw(generator, codes[i], NULL), 0);
    assert_int_equal(dealt_with, 5);
    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    assert_int_equal(dealt_with, 5);
    assert_state(generator, CLOSED);
    thrum_generator_unref(generator);
}

/* ---- G16: the end of iteration is no error ---- */

TEST(G16_a_stop_cannot_be_thrown)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(once_body, &seen);

    assert_int_equal(thrum_generator_throw(generator, THRUM_ESTOP, NULL),
                     -EINVAL);
    assert_state(generator, SUSPENDED);
    assert_int_equal(seen.went_on, 0);
    thrum_generator_unref(generator);
}

TEST(G16_a_stop_that_is_raised_is_not_a_normal_end)
{
    struct seen seen = {.raises = THRUM_ESTOP};
    thrum_generator *generator = generator_begun(once_body, &seen);
    const thrum_error *error;

    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_EFAILED);
    error = thrum_generator_error(generator);
    assert_non_null(error);
    assert_int_equal(error->code, -EINVAL);
    assert_non_null(error->cause);
    assert_int_equal(error->cause->code, THRUM_ESTOP);
    thrum_generator_unref(generator);
}

TEST_MAIN("generator_throw")
