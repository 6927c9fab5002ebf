/* SPDX-License-Identifier: MIT */
/*
 * test/unit/error_test.c - errors, also when memory is short.
 */
#include "base/error.h"

#include <errno.h>

#include "thrum_test.h"

TEST(a_chain_is_copied_and_freed_as_one)
{
    thrum_error *error = thrumi_error_new(-EIO, "outer %d", 1);
    thrum_error *copy;

    thrumi_error_set_cause(error, thrumi_error_new(-EPERM, "inner"));
    copy = thrumi_error_copy(error);
    thrumi_error_free(error);
    assert_int_equal(copy->code, -EIO);
    assert_string_equal(copy->message, "outer 1");
    assert_int_equal(copy->cause->code, -EPERM);
    assert_string_equal(copy->cause->message, "inner");
    assert_null(copy->cause->cause);
    thrumi_error_free(copy);
    thrumi_error_free(NULL);
}

TEST(without_a_format_the_code_speaks)
{
    thrum_error *error = thrumi_error_new(THRUM_EBROKEN, NULL);

    assert_string_equal(error->message, thrum_strerror(THRUM_EBROKEN));
    thrumi_error_free(error);
}

TEST(without_memory_the_code_is_kept)
{
    FOR_EACH_FAILURE(n)
    {
        thrum_error *error = thrumi_error_new(-EIO, "outer");
        thrum_error *copy;

        thrumi_error_set_cause(error, thrumi_error_new(-EPERM, "inner"));
        copy = thrumi_error_copy(error);
        assert_int_equal(error->code, -EIO);
        assert_int_equal(copy->code, -EIO);
        assert_non_null(error->message);
        assert_non_null(copy->message);
        thrumi_error_free(error);
        thrumi_error_free(copy);
    }
}

/* A chain is cut off where memory was short, and is sound up to there. */
TEST(a_chain_is_copied_as_far_as_memory_goes)
{
    FOR_EACH_FAILURE(n)
    {
        thrum_error *error = thrumi_error_new(-EIO, "outer");
        thrum_error *middle = thrumi_error_new(-EPERM, "middle");
        thrum_error *copy;
        unsigned depth = 0;

        thrumi_error_set_cause(middle, thrumi_error_new(-ENOENT, "inner"));
        thrumi_error_set_cause(error, middle);
        copy = thrumi_error_copy(error);
        assert_int_equal(copy->code, -EIO);
        for (const thrum_error *at = copy; at != NULL; at = at->cause)
            depth += at->message[0] != '\0' && at->code < 0;
        assert_in_range(depth, 1, 3);
        thrumi_error_free(error);
        thrumi_error_free(copy);
    }
}

static void *make_without_memory(void *arg)
{
    int first = *(int *)arg;

    for (int i = 0; i < 20; i++) {
        thrum_error *error = thrumi_error_new(first - i, "lost");

        /* the stock is small: beyond it, another code */
        CHECK(error->code < 0);
        CHECK(error->message != NULL);
        thrumi_error_free(error);
    }
    return NULL;
}

TEST(the_stock_is_shared_by_threads)
{
    struct test_thread *threads[4];
    int first = -100;

    for (int i = 0; i < 4; i++)
        threads[i] = spawn_thread(make_without_memory, &first);
    for (int i = 0; i < 4; i++)
        join_thread(threads[i]);
}

TEST_MAIN("error")
