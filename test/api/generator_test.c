/* SPDX-License-Identifier: MIT */
/*
 * test/api/generator_test.c - making, pulling, sending and looking: G1 to G5,
 * G15, G19 and G20.
 */
#include "generators.h"

/* ---- G1: making runs nothing ---- */

TEST(G1_making_runs_nothing)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_of(echo_body, &seen);

    assert_state(generator, CREATED);
    assert_int_equal(seen.begun, 0);
    thrum_generator_unref(generator);
    assert_int_equal(seen.begun, 0);
    assert_int_equal(seen.deferred, 0);
}

static void *state_body(void *arg)
{
    thrum_generator *const *self = arg;

    CHECK_INT(thrum_generator_get_state(*self), THRUM_GENERATOR_RUNNING);
    CHECK_INT(thrum_yield(NULL, NULL), 0);
    CHECK_INT(thrum_generator_get_state(*self), THRUM_GENERATOR_RUNNING);
    return NULL;
}

TEST(G1_it_is_created_running_suspended_and_closed)
{
    thrum_generator *generator = NULL;

    generator = generator_of(state_body, &generator);
    assert_state(generator, CREATED);
    assert_int_equal(thrum_generator_next(generator, NULL), 0);
    assert_state(generator, SUSPENDED);
    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    assert_state(generator, CLOSED);
    thrum_generator_unref(generator);
}

static void *empty_body(void *arg)
{
    ++*(unsigned *)arg;
    return NULL;
}

TEST(G1_a_body_without_a_yield_ends_at_the_first_next)
{
    unsigned ran = 0;
    thrum_generator *generator = generator_of(empty_body, &ran);
    void *value = &ran;

    assert_int_equal(ran, 0);
    assert_int_equal(thrum_generator_next(generator, &value), THRUM_ESTOP);
    assert_null(value);
    assert_int_equal(ran, 1);
    assert_exhausted(generator);
    assert_int_equal(ran, 1);
    thrum_generator_unref(generator);
}

/* ---- G2, G3: next and send ---- */

TEST(G2_next_gives_the_body_null)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(echo_body, &seen);

    seen.sent = &seen;
    assert_int_equal(thrum_generator_next(generator, NULL), 0);
    assert_null(seen.sent);
    assert_int_equal(seen.code, 0);
    thrum_generator_unref(generator);
}

TEST(G2_send_gives_the_body_its_value)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(echo_body, &seen);
    int words[3] = {0};

    for (int i = 0; i < 3; i++) {
        void *value = NULL;

        assert_int_equal(thrum_generator_send(generator, &words[i], &value), 0);
        assert_ptr_equal(value, &words[i]); /* echoed */
    }
    thrum_generator_unref(generator);
}

TEST(G2_next_is_send_of_null)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_of(echo_body, &seen);
    void *value = &seen;

    assert_int_equal(thrum_generator_send(generator, NULL, &value), 0);
    assert_null(value);
    assert_int_equal(seen.begun, 1);
    assert_int_equal(thrum_generator_send(generator, NULL, NULL), 0);
    assert_int_equal(seen.went_on, 1);
    assert_null(seen.sent);
    thrum_generator_unref(generator);
}

static void *deaf_body(void *arg)
{
    CHECK_INT(thrum_yield(arg, NULL), 0);
    return arg;
}

TEST(G2_a_body_need_not_take_what_is_sent)
{
    int word = 0;
    thrum_generator *generator = generator_begun(deaf_body, &word);
    void *value = NULL;

    assert_int_equal(thrum_generator_send(generator, &value, &value),
                     THRUM_ESTOP);
    assert_ptr_equal(value, &word);
    thrum_generator_unref(generator);
}

TEST(G3_a_value_for_one_that_has_not_begun_is_refused)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_of(echo_body, &seen);
    void *value = &seen;

    assert_int_equal(thrum_generator_send(generator, &seen, &value),
                     THRUM_ESTART);
    assert_ptr_equal(value, &seen); /* untouched */
    assert_state(generator, CREATED);
    assert_int_equal(seen.begun, 0);
    assert_int_equal(thrum_generator_next(generator, &value), 0);
    assert_null(value);
    assert_int_equal(seen.begun, 1);
    thrum_generator_unref(generator);
}

/* ---- G4, G5: values and the result ---- */

TEST(G4_values_come_in_order)
{
    int count = 100;
    thrum_generator *generator = generator_of(count_body, &count);

    for (int i = 1; i <= count; i++)
        assert_next_number(generator, i);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

TEST(G4_send_gives_the_next_value)
{
    int count = 2;
    thrum_generator *generator = generator_begun(count_body, &count);
    void *value = NULL;

    assert_int_equal(thrum_generator_send(generator, &count, &value), 0);
    assert_int_equal(*(int *)value, 2);
    assert_int_equal(thrum_generator_send(generator, &count, &value),
                     THRUM_ESTOP);
    assert_null(value);
    thrum_generator_unref(generator);
}

TEST(G4_a_return_is_a_stop_with_the_result)
{
    struct seen seen = {.value = &seen};
    thrum_generator *generator = generator_begun(once_body, &seen);
    void *value = NULL;

    assert_int_equal(thrum_generator_next(generator, &value), THRUM_ESTOP);
    assert_ptr_equal(value, &seen);
    assert_state(generator, CLOSED);
    assert_null(thrum_generator_error(generator));
    thrum_generator_unref(generator);
}

static void *storage_body(void *arg)
{
    return thrum_return("kept", 5);
}

TEST(G4_a_result_in_storage_lasts_until_the_last_unref)
{
    thrum_generator *generator = generator_of(storage_body, NULL);
    void *value = NULL;

    assert_int_equal(thrum_generator_next(generator, &value), THRUM_ESTOP);
    assert_exhausted(generator);
    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    assert_string_equal(value, "kept");
    thrum_generator_unref(generator);
}

static void freed_note(void *arg)
{
    ++*(unsigned *)arg;
}

static void *owned_body(void *arg)
{
    return thrum_return_owned(arg, freed_note);
}

TEST(G4_an_owned_result_is_freed_at_the_last_unref)
{
    unsigned freed = 0;
    thrum_generator *generator = generator_of(owned_body, &freed);
    void *value = NULL;

    assert_int_equal(thrum_generator_next(generator, &value), THRUM_ESTOP);
    assert_ptr_equal(value, &freed);
    assert_int_equal(freed, 0);
    thrum_generator_unref(generator);
    assert_int_equal(freed, 1);
}

TEST(G5_the_result_is_given_once)
{
    struct seen seen = {.value = &seen};
    thrum_generator *generator = generator_begun(once_body, &seen);
    void *value = NULL;

    assert_int_equal(thrum_generator_next(generator, &value), THRUM_ESTOP);
    assert_ptr_equal(value, &seen);
    assert_exhausted(generator);
    value = &value;
    assert_int_equal(thrum_generator_send(generator, &seen, &value),
                     THRUM_ESTOP);
    assert_null(value);
    assert_int_equal(seen.ended, 1);
    thrum_generator_unref(generator);
}

TEST(G5_one_that_has_failed_is_at_its_end)
{
    struct seen seen = {.raises = -EIO};
    thrum_generator *generator = generator_begun(once_body, &seen);

    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_EFAILED);
    assert_int_equal(generator_error_code(generator), -EIO);
    assert_exhausted(generator);
    assert_int_equal(generator_error_code(generator), -EIO);
    thrum_generator_unref(generator);
}

/* ---- G15: one that runs ---- */

static void *inward_body(void *arg)
{
    thrum_generator *self = *(thrum_generator *const *)arg;
    void *value = arg;

    CHECK_INT(thrum_generator_next(self, &value), -EBUSY);
    CHECK_INT(thrum_generator_send(self, arg, &value), -EBUSY);
    CHECK_INT(thrum_generator_throw(self, -EIO, &value), -EBUSY);
    CHECK_INT(thrum_generator_close(self, &value), -EBUSY);
    CHECK_INT(thrum_yield_from(self, &value), -EBUSY);
    CHECK(value == arg);
    CHECK_INT(thrum_generator_get_state(self), THRUM_GENERATOR_RUNNING);
    CHECK_INT(thrum_yield(arg, NULL), 0);
    return arg;
}

TEST(G15_one_that_runs_is_busy)
{
    thrum_generator *generator = NULL;
    void *value = NULL;

    generator = generator_of(inward_body, &generator);
    assert_int_equal(thrum_generator_next(generator, &value), 0);
    assert_ptr_equal(value, &generator);
    assert_int_equal(thrum_generator_next(generator, &value), THRUM_ESTOP);
    thrum_generator_unref(generator);
}

struct family {
    thrum_generator *parent;
    thrum_generator *child;
};

static void *child_body(void *arg)
{
    struct family *family = arg;

    CHECK_INT(thrum_generator_next(family->parent, NULL), -EBUSY);
    CHECK_INT(thrum_generator_close(family->parent, NULL), -EBUSY);
    CHECK_INT(thrum_yield_from(family->parent, NULL), -EBUSY);
    CHECK_INT(thrum_yield(family, NULL), 0);
    return NULL;
}

static void *parent_body(void *arg)
{
    struct family *family = arg;
    void *value = NULL;

    CHECK_INT(thrum_generator_next(family->child, &value), 0);
    CHECK_INT(thrum_yield(value, NULL), 0);
    CHECK_INT(thrum_generator_next(family->child, &value), THRUM_ESTOP);
    return NULL;
}

TEST(G15_one_that_pulls_another_is_busy_too)
{
    struct family family = {NULL, NULL};
    void *value = NULL;

    family.parent = generator_of(parent_body, &family);
    family.child = generator_of(child_body, &family);
    assert_int_equal(thrum_generator_next(family.parent, &value), 0);
    assert_ptr_equal(value, &family);
    assert_state(family.child, SUSPENDED);
    assert_exhausted(family.parent);
    assert_exhausted(family.child);
    thrum_generator_unref(family.child);
    thrum_generator_unref(family.parent);
}

/* ---- G19: the stack goes with the body ---- */

static void *where_body(void *arg)
{
    void **where = arg;

    *where = __builtin_frame_address(0);
    (void)thrum_yield(NULL, NULL);
    return NULL;
}

static void *raising_body(void *arg)
{
    void **where = arg;

    *where = __builtin_frame_address(0);
    (void)thrum_yield(NULL, NULL);
    return thrum_raise(-EIO, "as told");
}

/* Has an ended generator's stack gone to the next, although it is held? */
static void assert_stack_passed_on(thrum_generator *ended, void *const *first)
{
    thrum_stack_info info = THRUM_STACK_INFO;
    void *second = NULL;
    thrum_generator *next;

    assert_state(ended, CLOSED);
    assert_int_equal(thrum_generator_stack(ended, &info), THRUM_ESTATE);
    next = generator_begun(where_body, &second);
    assert_non_null(*first);
    assert_ptr_equal(*first, second);
    thrum_generator_unref(next);
    thrum_generator_unref(ended);
}

TEST(G19_an_error_gives_the_stack_back_at_once)
{
    void *where = NULL;
    thrum_generator *generator = generator_begun(raising_body, &where);

    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_EFAILED);
    assert_stack_passed_on(generator, &where);
}

TEST(G19_a_thrown_error_gives_the_stack_back_at_once)
{
    void *where = NULL;
    thrum_generator *generator = generator_begun(where_body, &where);

    assert_int_equal(thrum_generator_throw(generator, -EIO, NULL),
                     THRUM_EFAILED);
    assert_stack_passed_on(generator, &where);
}

TEST(G19_a_return_gives_the_stack_back_at_once)
{
    void *where = NULL;
    thrum_generator *generator = generator_begun(where_body, &where);

    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    assert_stack_passed_on(generator, &where);
}

TEST(G19_a_close_gives_the_stack_back_at_once)
{
    void *where = NULL;
    thrum_generator *generator = generator_begun(where_body, &where);

    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    assert_stack_passed_on(generator, &where);
}

/* ---- G20: looking ---- */

TEST(G20_the_state_is_there_in_every_state)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_of(once_body, &seen);

    assert_state(generator, CREATED);
    assert_null(thrum_generator_delegate(generator));
    assert_null(thrum_generator_error(generator));
    assert_int_equal(thrum_generator_next(generator, NULL), 0);
    assert_state(generator, SUSPENDED);
    assert_null(thrum_generator_delegate(generator));
    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    assert_state(generator, CLOSED);
    assert_null(thrum_generator_delegate(generator));
    thrum_generator_unref(generator);
}

static void *deep_body(void *arg)
{
    volatile char room[8192];

    for (size_t i = 0; i < sizeof(room); i++)
        room[i] = 1;
    CHECK_INT(thrum_yield(NULL, NULL), 0);
    return room[sizeof(room) - 1] == 1 ? arg : NULL;
}

TEST(G20_the_stack_tells_its_size_and_depth)
{
    thrum_stack_options options = THRUM_STACK_OPTIONS;
    thrum_stack_info info = THRUM_STACK_INFO;
    thrum_generator *generator = NULL;
    size_t before;

    options.stack_size = (size_t)200 * 1024;
    options.measure = true;
    options.name = "measured";
    assert_int_equal(
        thrum_generator_new(deep_body, &info, 0, &options, &generator), 0);
    assert_int_equal(thrum_generator_stack(generator, &info), 0);
    assert_true(info.stack_size >= options.stack_size);
    before = info.used;
    assert_int_equal(thrum_generator_next(generator, NULL), 0);
    assert_int_equal(thrum_generator_stack(generator, &info), 0);
    assert_true(info.used >= before);
    assert_true(info.used >= 8192 || TEST_ASAN);
    assert_true(info.used <= info.stack_size);
    thrum_generator_set_name(generator, NULL);
    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    assert_int_equal(thrum_generator_stack(generator, &info), THRUM_ESTATE);
    thrum_generator_set_name(generator, "late"); /* of no use, and no harm */
    thrum_generator_unref(generator);
}

TEST_MAIN("generator")
