/* SPDX-License-Identifier: MIT */
/*
 * test/api/base_test.c - time, version, allocator, log.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "futures.h"

/* ---- the allocator; first, while nothing was taken yet ---- */

static void *alloc_refused(size_t bytes, void *arg)
{
    return NULL;
}

static void free_refused(void *memory, void *arg)
{
    abort();
}

TEST(an_allocator_needs_its_functions)
{
    thrum_allocator allocator = {sizeof(allocator), NULL, free_refused, NULL};

    assert_int_equal(thrum_set_allocator(&allocator), -EINVAL);
    allocator.alloc = alloc_refused;
    allocator.free = NULL;
    assert_int_equal(thrum_set_allocator(&allocator), -EINVAL);
    allocator.free = free_refused;
    allocator.size = 1;
    assert_int_equal(thrum_set_allocator(&allocator), -EINVAL);
}

TEST(an_allocator_cannot_be_changed_once_it_is_used)
{
    thrum_allocator allocator = {sizeof(allocator), alloc_refused, free_refused,
                                 NULL};
    size_t taken = test_taken_blocks();
    struct deal deal = deal_new();

    assert_int_equal(thrum_set_allocator(&allocator), -EBUSY);
    assert_int_equal(thrum_set_allocator(NULL), -EBUSY);
    assert_true(test_taken_blocks() > 0);
    assert_true(test_taken_blocks() >= taken);
    deal_end(&deal);
}

/* ---- time ---- */

TEST(time_goes_on)
{
    thrum_time before = thrum_now();
    thrum_time after = thrum_now();

    assert_true(before.ns > 0);
    assert_true(after.ns >= before.ns);
}

TEST(spans_are_of_their_unit)
{
    thrum_time now = thrum_now();

    assert_in_range((uint64_t)(thrum_in_ns(INT64_C(7200000000000)).ns - now.ns),
                    UINT64_C(7200000000000), UINT64_C(9000000000000));
    assert_in_range((uint64_t)(thrum_in_us(INT64_C(7200000000)).ns - now.ns),
                    UINT64_C(7200000000000), UINT64_C(9000000000000));
    assert_in_range((uint64_t)(thrum_in_ms(7200000).ns - now.ns),
                    UINT64_C(7200000000000), UINT64_C(9000000000000));
    assert_in_range((uint64_t)(thrum_in_s(7200).ns - now.ns),
                    UINT64_C(7200000000000), UINT64_C(9000000000000));
}

TEST(spans_saturate)
{
    assert_true(thrum_in_ns(INT64_MAX).ns == INT64_MAX);
    assert_true(thrum_in_us(INT64_MAX).ns == INT64_MAX);
    assert_true(thrum_in_ms(INT64_MAX).ns == INT64_MAX);
    assert_true(thrum_in_s(INT64_MAX).ns == INT64_MAX);
    assert_true(thrum_in_s(INT64_MAX / 1000000000).ns == INT64_MAX);
    assert_true((THRUM_FOREVER).ns == INT64_MAX);
}

/* F10: a negative span is past. */
TEST(F10_negative_spans_are_past)
{
    assert_true(thrum_in_ns(-1).ns <= thrum_now().ns);
    assert_true(thrum_in_us(-1).ns < thrum_now().ns);
    assert_true(thrum_in_ms(INT64_MIN).ns < thrum_now().ns);
    assert_true(thrum_in_s(INT64_MIN).ns < thrum_now().ns);
    assert_true(thrum_in_s(INT64_MIN).ns != INT64_MAX);
    assert_true((THRUM_NOW).ns <= thrum_now().ns);
}

/* ---- version ---- */

TEST(the_library_has_the_version_of_its_headers)
{
    char text[32];

    snprintf(text, sizeof(text), "%d.%d.%d", THRUM_VERSION_MAJOR,
             THRUM_VERSION_MINOR, THRUM_VERSION_PATCH);
    assert_int_equal(thrum_version(), THRUM_VERSION);
    assert_string_equal(thrum_version_string(), text);
}

/* ---- log ---- */

struct logged {
    int count;
    thrum_log_level level;
    char message[200];
};

static void on_log(thrum_log_level level, const char *message, void *arg)
{
    struct logged *logged = arg;

    logged->count++;
    logged->level = level;
    snprintf(logged->message, sizeof(logged->message), "%s", message);
}

TEST(the_log_goes_where_it_was_sent)
{
    struct logged first = {0};
    struct logged second = {0};

    thrum_set_log(on_log, &first);
    thrum_raise(-EIO, "for the first");
    thrum_set_log(on_log, &second);
    thrum_raise(-EIO, "for the second");
    thrum_set_log(NULL, NULL);
    thrum_raise(-EIO, "for nobody");
    assert_int_equal(first.count, 1);
    assert_int_equal(second.count, 1);
    assert_int_equal(second.level, THRUM_LOG_ERROR);
    assert_non_null(strstr(second.message, "for the second"));
}

/* ---- THRUM_AUTO ---- */

static unsigned freed;

static void count_free(void *arg)
{
    freed++;
}

static int leave_early(bool early)
{
    THRUM_AUTO(thrum_promise) promise = NULL;
    THRUM_AUTO(thrum_future) future = NULL;
    THRUM_AUTO(thrum_future_set) set = NULL;
    THRUM_AUTO(thrum_executor) executor = NULL;

    if (early)
        return 0;
    assert_int_equal(thrum_promise_new(&promise, &future), 0);
    assert_int_equal(thrum_inline_new(&executor), 0);
    assert_int_equal(thrum_as_completed(&future, 1, &set), 0);
    return thrum_promise_set_result_owned(promise, &freed, count_free);
}

TEST(auto_variables_are_let_go)
{
    freed = 0;
    assert_int_equal(leave_early(true), 0);
    assert_int_equal(freed, 0);
    assert_int_equal(leave_early(false), 0);
    assert_int_equal(freed, 1);
}

TEST_MAIN("base")
