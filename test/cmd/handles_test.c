/* SPDX-License-Identifier: MIT */
/*
 * handles_test.c - which of libcurl's handles is taken.
 */
#include "thrum_test.h"

#include "handles.h"

static struct handle take(const char *url, bool same_server)
{
    struct handle handle;

    assert_true(handles_take(url, same_server, &handle));
    return handle;
}

TEST(the_one_that_was_given_back_last_comes_first)
{
    struct handle one = take("http://a/1", false);
    struct handle two = take("http://a/2", false);
    struct handle again;

    assert_ptr_not_equal(one.curl, two.curl);
    handles_put(&two);
    handles_put(&one);
    again = take("http://a/3", false);
    assert_ptr_equal(again.curl, one.curl);
    handles_put(&again);
    handles_free();
}

TEST(one_of_the_same_server_is_better)
{
    struct handle one = take("http://a:1/1", false);
    struct handle two = take("http://a:2/1", false);
    struct handle again;

    handles_put(&one);
    handles_put(&two);
    again = take("http://a:1/2?x=/", false);
    assert_ptr_equal(again.curl, one.curl);
    handles_put(&again);
    again = take("https://a:2/", false);
    assert_ptr_equal(again.curl, one.curl);
    handles_put(&again);
    handles_free();
}

/* There are no more than were taken at once, whatever they are for. */
TEST(one_of_another_server_is_replaced)
{
    struct handle handle = take("http://a/", true);

    handles_put(&handle);
    handle = take("http://b/", true);
    assert_non_null(handle.curl);
    handles_put(&handle);
    assert_ptr_equal(take("http://b/", true).curl, handle.curl);
    handles_put(&handle);
    handles_free();
}

TEST(many_are_taken_and_given_back)
{
    enum {
        MANY = 100
    };
    struct handle all[MANY];

    for (int i = 0; i < MANY; i++)
        all[i] = take("http://a/", false);
    handles_free(); /* none is free */
    for (int i = 0; i < MANY; i++)
        handles_put(&all[i]);
    handles_free();
}

TEST_MAIN("handles")
