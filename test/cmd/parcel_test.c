/* SPDX-License-Identifier: MIT */
/*
 * parcel_test.c - what comes back of a URL that was sent to a worker process.
 */
#include "thrum_test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <thrum.h>

#include "parcel.h"
#include "transfer.h"

/* It is refused before the network is asked. */
static char blank_url[] = "http://a/ b";

static struct fetch_record record_of(char *url)
{
    struct fetch_record record = {.index = 7, .url = url};

    return record;
}

static void *raise_something(void *arg)
{
    return thrum_raise(THRUM_EUSER, "it is %d", *(int *)arg);
}

static void *answer_nonsense(void *arg)
{
    return thrum_return(arg, 1);
}

/* What is told of a future that has settled. */
static struct fetch_record opened(thrum_future *future, bool expected)
{
    struct fetch_record record = record_of(blank_url);
    struct lanes lanes;

    assert_int_equal(lanes_init(&lanes, 1, 2), 0);
    assert_int_equal(parcel_open(future, &lanes, &record), expected);
    assert_ptr_equal(record.url, blank_url);
    assert_int_equal(record.index, 7);
    assert_false(record.ok);
    lanes_fini(&lanes);
    thrum_future_unref(future);
    return record;
}

TEST(a_directory_with_too_long_a_name)
{
    struct parcel_setup setup;
    char *name = malloc(PATH_MAX + 1);
    struct fetch_options options = {.output = name};

    assert_non_null(name);
    memset(name, 'a', PATH_MAX);
    name[PATH_MAX] = '\0';
    assert_int_equal(parcel_setup_init(&setup, &options, 0), -ENAMETOOLONG);
    name[PATH_MAX - 1] = '\0';
    assert_int_equal(parcel_setup_init(&setup, &options, 0), 0);
    assert_string_equal(setup.output, name);
    free(name);
}

TEST(a_record_comes_back_without_its_url)
{
    const struct fetch_options options = {.retries = 3};
    struct fetch_record sent = record_of(blank_url);
    struct fetch_record record;
    struct parcel_setup setup;
    thrum_executor *executor;
    thrum_future *future;

    assert_int_equal(parcel_setup_init(&setup, &options, thrum_now().ns), 0);
    assert_int_equal(parcel_prepare(&setup), 0);
    assert_int_equal(thrum_inline_new(&executor), 0);
    assert_int_equal(parcel_submit(executor, &sent, &future), 0);
    record = opened(future, true);
    assert_non_null(strstr(record.error, "has a blank"));
    assert_int_equal(record.attempts, 1);
    assert_true(record.start_ns >= 0);
    thrum_executor_unref(executor);
    transfer_end();
}

TEST(an_error_is_told_in_the_record)
{
    const int number = 13;
    struct fetch_record record;
    thrum_executor *executor;
    thrum_future *future;

    assert_int_equal(thrum_inline_new(&executor), 0);
    assert_int_equal(thrum_executor_submit(executor, raise_something, &number,
                                           sizeof(number), &future),
                     0);
    record = opened(future, true);
    assert_string_equal(record.error, "it is 13");
    assert_int_equal(thrum_executor_submit(executor, answer_nonsense, &number,
                                           sizeof(number), &future),
                     0);
    record = opened(future, true);
    assert_non_null(strstr(record.error, "nonsense"));
    thrum_executor_unref(executor);
}

TEST(what_was_cancelled_has_no_record)
{
    thrum_promise *promise;
    thrum_future *future;

    assert_int_equal(thrum_promise_new(&promise, &future), 0);
    assert_true(thrum_future_cancel(future));
    opened(future, false);
    thrum_promise_free(promise);
}

TEST_MAIN("parcel")
