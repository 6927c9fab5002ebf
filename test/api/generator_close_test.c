/* SPDX-License-Identifier: MIT */
/*
 * test/api/generator_close_test.c - how generators are ended: G10 to G13 and
 * G17.
 */
#include "generators.h"

/* ---- G10: close ---- */

TEST(G10_close_ends_one_that_passes_the_cancellation_on)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(echo_body, &seen);
    void *value = &seen;

    assert_int_equal(thrum_generator_close(generator, &value), 0);
    assert_null(value);
    assert_int_equal(seen.code, -ECANCELED);
    assert_int_equal(seen.ended, 1);
    assert_state(generator, CLOSED);
    assert_null(thrum_generator_error(generator));
    thrum_generator_unref(generator);
}

TEST(G10_a_closed_one_is_at_its_end)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(echo_body, &seen);

    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    assert_exhausted(generator);
    assert_int_equal(thrum_generator_send(generator, &seen, NULL), THRUM_ESTOP);
    assert_int_equal(seen.went_on, 1);
    assert_null(thrum_generator_error(generator));
    thrum_generator_unref(generator);
}

TEST(G10_close_of_one_that_has_not_begun_runs_nothing)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_of(echo_body, &seen);
    void *value = &seen;

    assert_int_equal(thrum_generator_close(generator, &value), 0);
    assert_null(value);
    assert_exhausted(generator);
    assert_int_equal(seen.begun, 0);
    thrum_generator_unref(generator);
}

TEST(G10_close_of_one_that_has_ended_does_nothing)
{
    struct seen seen = {.value = &seen};
    thrum_generator *generator = generator_begun(once_body, &seen);

    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    for (int i = 0; i < 3; i++) {
        void *value = &value;

        assert_int_equal(thrum_generator_close(generator, &value), 0);
        assert_null(value);
    }
    assert_int_equal(seen.went_on, 1);
    thrum_generator_unref(generator);
}

TEST(G10_close_of_one_that_has_failed_is_fine)
{
    struct seen seen = {.raises = -EIO};
    thrum_generator *generator = generator_begun(once_body, &seen);

    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_EFAILED);
    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

TEST(G10_close_swallows_a_cancellation_that_is_raised_anew)
{
    struct seen seen = {.raises = -ECANCELED};
    thrum_generator *generator = generator_begun(once_body, &seen);

    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    assert_int_equal(seen.ended, 1);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

static void *anew_body(void *arg)
{
    CHECK_INT(thrum_yield(NULL, NULL), -ECANCELED);
    thrum_error_clear();
    return thrum_raise(-ECANCELED, "as if it were its own");
}

TEST(G10_close_swallows_a_cancellation_that_comes_after_all)
{
    thrum_generator *generator = generator_begun(anew_body, NULL);

    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

static void *heedless_body(void *arg)
{
    (void)thrum_yield(NULL, NULL);
    thrum_error_clear();
    return NULL;
}

TEST(G10_close_swallows_a_normal_end)
{
    thrum_generator *generator = generator_begun(heedless_body, NULL);
    void *value = &generator;

    assert_int_equal(thrum_generator_close(generator, &value), 0);
    assert_null(value);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

/* ---- G11: one that yields instead ---- */

TEST(G11_one_that_yields_while_it_is_closed_has_ignored_it)
{
    struct seen seen = {.value = &seen};
    thrum_generator *generator = generator_begun(twice_body, &seen);
    void *value = NULL;

    assert_int_equal(thrum_generator_close(generator, NULL), THRUM_EIGNORED);
    assert_state(generator, SUSPENDED);
    assert_int_equal(seen.code, -ECANCELED);
    assert_int_equal(seen.deferred, 0);
    assert_int_equal(thrum_generator_next(generator, &value), THRUM_ESTOP);
    assert_int_equal(seen.code, 0); /* it goes on from there */
    assert_ptr_equal(value, &seen);
    thrum_generator_unref(generator);
}

TEST(G11_one_that_has_ignored_it_can_be_closed_again)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(twice_body, &seen);

    assert_int_equal(thrum_generator_close(generator, NULL), THRUM_EIGNORED);
    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    assert_int_equal(seen.code, -ECANCELED);
    assert_int_equal(seen.ended, 1);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

TEST(G11_one_that_has_ignored_it_ends_normally)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(twice_body, &seen);
    void *value = &seen;

    assert_int_equal(thrum_generator_close(generator, NULL), THRUM_EIGNORED);
    assert_int_equal(thrum_generator_next(generator, &value), THRUM_ESTOP);
    assert_null(value); /* and is not a cancelled one */
    assert_null(thrum_generator_error(generator));
    thrum_generator_unref(generator);
}

TEST(G11_a_cancellation_that_is_thrown_may_be_ignored)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(twice_body, &seen);
    void *value = NULL;

    assert_int_equal(thrum_generator_throw(generator, -ECANCELED, &value), 0);
    assert_ptr_equal(value, &seen.went_on);
    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    thrum_generator_unref(generator);
}

/* ---- G12: one that fails ---- */

TEST(G12_an_error_while_it_is_closed_is_closes)
{
    struct seen seen = {.raises = -EIO};
    thrum_generator *generator = generator_begun(once_body, &seen);

    assert_int_equal(thrum_generator_close(generator, NULL), THRUM_EFAILED);
    assert_int_equal(generator_error_code(generator), -EIO);
    assert_state(generator, CLOSED);
    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

static void failing_deferred(void *arg)
{
    thrum_raise(*(int *)arg, "while it was cleaned up");
}

static void *failing_defer_body(void *arg)
{
    CHECK_INT(thrum_defer(failing_deferred, arg), 0);
    CHECK_INT(thrum_yield(NULL, NULL), -ECANCELED);
    return NULL;
}

TEST(G12_an_error_of_a_deferred_call_is_one_of_the_body)
{
    int code = -EDQUOT;
    thrum_generator *generator = generator_begun(failing_defer_body, &code);

    assert_int_equal(thrum_generator_close(generator, NULL), THRUM_EFAILED);
    assert_int_equal(generator_error_code(generator), -EDQUOT);
    thrum_generator_unref(generator);
}

/* ---- G13: the result ---- */

TEST(G13_close_gives_the_result)
{
    struct seen seen = {.value = &seen};
    thrum_generator *generator = generator_begun(once_body, &seen);
    void *value = NULL;

    assert_int_equal(thrum_generator_close(generator, &value), 0);
    assert_ptr_equal(value, &seen);
    assert_int_equal(thrum_generator_close(generator, &value), 0);
    assert_null(value); /* once */
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

static void *storage_body(void *arg)
{
    (void)thrum_yield(NULL, NULL);
    return thrum_return("summary", 8);
}

TEST(G13_a_result_in_storage_is_there_until_the_last_unref)
{
    thrum_generator *generator = generator_begun(storage_body, NULL);
    void *value = NULL;

    assert_int_equal(thrum_generator_close(generator, &value), 0);
    assert_exhausted(generator);
    assert_string_equal(value, "summary");
    thrum_generator_unref(generator);
}

/* ---- G17: the last unref ---- */

TEST(G17_the_last_unref_closes_a_suspended_one)
{
    struct seen seen = {0};
    struct reported reported;
    thrum_generator *generator = generator_begun(echo_body, &seen);

    reported_begin(&reported);
    thrum_generator_ref(generator);
    thrum_generator_unref(generator);
    assert_int_equal(seen.went_on, 0);
    thrum_generator_unref(generator);
    assert_int_equal(seen.code, -ECANCELED);
    assert_int_equal(seen.ended, 1);
    assert_int_equal(seen.deferred, 1);
    reported_end(&reported, 0, 0);
}

TEST(G17_the_last_unref_of_a_created_one_runs_nothing)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_of(echo_body, &seen);

    thrum_generator_unref(generator);
    assert_int_equal(seen.begun, 0);
    assert_int_equal(seen.deferred, 0);
}

TEST(G17_the_last_unref_of_a_closed_one_runs_nothing)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(echo_body, &seen);

    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    thrum_generator_unref(generator);
    assert_int_equal(seen.went_on, 1);
    assert_int_equal(seen.deferred, 1);
}

TEST(G17_an_error_at_the_last_unref_goes_to_the_handler)
{
    struct seen seen = {.raises = -EIO};
    struct reported reported;
    thrum_generator *generator = generator_begun(once_body, &seen);

    reported_begin(&reported);
    thrum_generator_unref(generator);
    assert_int_equal(seen.ended, 1);
    reported_end(&reported, 1, -EIO);
}

/* An error that was told to the one who pulled is not told again. */
TEST(G17_an_error_that_was_told_is_not_reported)
{
    struct seen seen = {.raises = -EIO};
    struct reported reported;
    thrum_generator *generator = generator_begun(once_body, &seen);

    reported_begin(&reported);
    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_EFAILED);
    thrum_generator_unref(generator);
    reported_end(&reported, 0, 0);
}

TEST(G17_one_that_ignores_it_a_few_times_ends_all_the_same)
{
    struct seen seen = {0};
    struct reported reported;
    thrum_generator *generator = generator_begun(twice_body, &seen);

    reported_begin(&reported);
    thrum_generator_unref(generator);
    assert_int_equal(seen.ended, 1);
    assert_int_equal(seen.deferred, 1);
    reported_end(&reported, 0, 0);
}

static void *dropping_body(void *arg)
{
    thrum_generator_unref(arg);
    return NULL;
}

TEST(G17_the_last_reference_may_go_in_another_generator)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(echo_body, &seen);
    thrum_generator *other = generator_of(dropping_body, generator);

    assert_int_equal(thrum_generator_next(other, NULL), THRUM_ESTOP);
    assert_int_equal(seen.code, -ECANCELED);
    assert_int_equal(seen.deferred, 1);
    thrum_generator_unref(other);
}

static void *self_unref_body(void *arg)
{
    struct seen *seen = arg;
    thrum_generator *self = seen->value;

    CHECK_INT(thrum_defer(seen_deferred, seen), 0);
    thrum_generator_unref(self);
    seen_yield(seen, seen);
    seen->ended++;
    return NULL;
}

/* Nobody holds it when it yields, so it is closed by the one who pulls. */
TEST(G17_one_that_drops_itself_and_yields_is_closed)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_of(self_unref_body, &seen);
    void *value = NULL;

    seen.value = generator;
    assert_int_equal(thrum_generator_next(generator, &value), 0);
    assert_ptr_equal(value, &seen);
    assert_int_equal(seen.code, -ECANCELED);
    assert_int_equal(seen.ended, 1);
    assert_int_equal(seen.deferred, 1);
}

TEST_MAIN("generator_close")
