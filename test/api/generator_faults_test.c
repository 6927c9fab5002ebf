/* SPDX-License-Identifier: MIT */
/*
 * test/api/generator_faults_test.c - generators when memory runs out: each
 * allocation fails once, nothing leaks, and who is refused can try again.
 */
#include "generators.h"

static void *on_a_thread(void *arg)
{
    (*(void (**)(void))arg)();
    return NULL;
}

/* In a thread of its own, which has nothing of what generators need yet. */
static void in_a_new_thread(void (*fn)(void))
{
    join_thread(spawn_thread(on_a_thread, &fn));
}

static bool is_no_memory(int rc)
{
    return CHECK(rc == 0 || rc == -ENOMEM) && rc == -ENOMEM;
}

static void *plain_body(void *arg)
{
    struct seen *seen = arg;

    seen->begun++;
    seen_yield(seen, NULL);
    return seen_end(seen);
}

static void use_one(void)
{
    struct seen seen = {0};
    thrum_generator *generator = NULL;
    int rc = thrum_generator_new(plain_body, &seen, 0, NULL, &generator);

    if (is_no_memory(rc)) {
        CHECK(generator == NULL);
        return;
    }
    rc = thrum_generator_next(generator, NULL);
    if (is_no_memory(rc))
        CHECK_INT(thrum_generator_get_state(generator),
                  THRUM_GENERATOR_CREATED);
    thrum_generator_unref(generator);
    CHECK_INT(seen.ended, seen.begun);
}

/* The body is told of what fails in it. */
static void *deferring_body(void *arg)
{
    struct seen *seen = arg;
    unsigned deferred = 0;

    for (int i = 0; i < 3; i++)
        deferred += !is_no_memory(thrum_defer(seen_deferred, seen));
    seen->went_on = deferred;
    return seen;
}

static void use_defer(void)
{
    struct seen seen = {0};
    thrum_generator *generator = NULL;
    void *value = NULL;
    int rc = thrum_generator_new(deferring_body, &seen, 0, NULL, &generator);

    if (is_no_memory(rc))
        return;
    rc = thrum_generator_next(generator, &value);
    CHECK_INT(rc, THRUM_ESTOP);
    CHECK(value == &seen);
    CHECK_INT(seen.deferred, seen.went_on);
    thrum_generator_unref(generator);
}

static void use_iter(void)
{
    int count = 3;
    thrum_generator *generator = NULL;
    thrum_iter *iter = NULL;
    void *item = NULL;

    if (is_no_memory(
            thrum_generator_new(count_body, &count, 0, NULL, &generator)))
        return;
    if (!is_no_memory(thrum_generator_iter(generator, sizeof(int), &iter)))
        for (int i = 1; i <= count; i++) {
            CHECK_INT(thrum_iter_next(iter, &item), 0);
            CHECK_INT(*(int *)item, i);
        }
    else
        CHECK(iter == NULL);
    thrum_iter_free(iter);
    thrum_generator_unref(generator);
}

TEST(new_and_next_fail_cleanly)
{
    FOR_EACH_FAILURE(n)
    {
        use_one();
    }
}

TEST(new_and_next_fail_cleanly_in_a_new_thread)
{
    FOR_EACH_FAILURE(n)
    {
        in_a_new_thread(use_one);
    }
}

TEST(defer_fails_cleanly)
{
    FOR_EACH_FAILURE(n)
    {
        use_defer();
    }
}

TEST(iter_fails_cleanly)
{
    FOR_EACH_FAILURE(n)
    {
        use_iter();
    }
}

/* ---- a thread that cannot begin with generators ---- */

static thrum_generator *fault_generator;

static void next_of_it(void)
{
    int rc = thrum_generator_next(fault_generator, NULL);

    if (!is_no_memory(rc))
        return;
    CHECK_INT(thrum_generator_get_state(fault_generator),
              THRUM_GENERATOR_CREATED);
    CHECK_INT(thrum_generator_next(fault_generator, NULL), 0);
}

TEST(a_next_that_had_no_memory_can_be_made_again)
{
    FOR_EACH_FAILURE(n)
    {
        struct seen seen = {0};

        faulty_alloc_fail_nth(0);
        fault_generator = generator_of(plain_body, &seen);
        faulty_alloc_fail_nth(n);
        in_a_new_thread(next_of_it);
        assert_int_equal(seen.begun, 1);
        assert_int_equal(seen.ended, 1); /* with the thread */
        thrum_generator_unref(fault_generator);
    }
}

static void unref_of_it(void)
{
    thrum_generator_unref(fault_generator);
}

TEST(the_last_unref_needs_no_memory)
{
    FOR_EACH_FAILURE(n)
    {
        struct seen seen = {0};

        faulty_alloc_fail_nth(0);
        fault_generator = generator_of(plain_body, &seen);
        faulty_alloc_fail_nth(n);
        in_a_new_thread(unref_of_it);
        assert_int_equal(seen.begun, 0);
    }
}

/* ---- errors ---- */

/* There is always an error to tell what has happened, if not in many words. */
TEST(an_error_needs_no_memory)
{
    struct seen seen = {0};
    thrum_generator *generator = generator_begun(once_body, &seen);

    faulty_alloc_fail_nth(1);
    assert_int_equal(thrum_generator_throw(generator, -EPERM, NULL),
                     THRUM_EFAILED);
    assert_true(faulty_alloc_fired());
    assert_int_equal(generator_error_code(generator), -EPERM);
    thrum_generator_unref(generator);
}

TEST(errors_are_passed_on_without_memory)
{
    FOR_EACH_FAILURE(n)
    {
        struct seen seen = {.raises = -EIO};
        thrum_generator *generator = NULL;

        faulty_alloc_fail_nth(0);
        generator = generator_begun(plain_body, &seen);
        faulty_alloc_fail_nth(n);
        assert_int_equal(thrum_generator_throw(generator, -EPERM, NULL),
                         THRUM_EFAILED);
        assert_int_equal(generator_error_code(generator), -EIO);
        thrum_generator_unref(generator);
    }
}

TEST_MAIN("generator_faults")
