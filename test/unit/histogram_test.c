/* SPDX-License-Identifier: MIT */
/*
 * test/unit/histogram_test.c - counting times.
 */
#include "base/histogram.h"

#include <stdlib.h>

#include "thrum_test.h"

/* Where a value is counted. */
static unsigned bucket_of(int64_t ns)
{
    struct thrumi_histogram *counted = calloc(1, sizeof(*counted));
    thrum_histogram read = {0, {0}};
    unsigned bucket = 0;

    assert_non_null(counted);
    thrumi_histogram_add(counted, ns);
    thrumi_histogram_read(counted, &read);
    assert_int_equal(read.count, 1);
    while (read.bucket[bucket] == 0)
        bucket++;
    free(counted);
    return bucket;
}

TEST(floors_rise)
{
    for (unsigned i = 0; i + 1 < 200; i++)
        assert_true(thrum_histogram_floor(i) <= thrum_histogram_floor(i + 1));
    for (unsigned i = 0; i < THRUM_HISTOGRAM_BUCKETS; i++)
        assert_true(thrum_histogram_floor(i) < thrum_histogram_floor(i + 1));
    assert_int_equal(thrum_histogram_floor(0), 0);
}

TEST(a_bucket_begins_at_its_floor)
{
    for (unsigned i = 0; i < THRUM_HISTOGRAM_BUCKETS; i++) {
        int64_t floor = (int64_t)thrum_histogram_floor(i);

        assert_int_equal(bucket_of(floor), i);
        if (i > 0)
            assert_int_equal(bucket_of(floor - 1), i - 1);
    }
}

TEST(a_bucket_is_a_quarter_wide_at_most)
{
    for (unsigned i = 4; i + 1 < THRUM_HISTOGRAM_BUCKETS; i++) {
        uint64_t low = thrum_histogram_floor(i);

        assert_true((thrum_histogram_floor(i + 1) - low) * 4 <= low);
    }
}

TEST(the_ends_take_what_is_beyond_them)
{
    assert_int_equal(bucket_of(-1), 0);
    assert_int_equal(bucket_of(INT64_MIN), 0);
    assert_int_equal(bucket_of(INT64_MAX), THRUM_HISTOGRAM_BUCKETS - 1);
    assert_true(thrum_histogram_floor(THRUM_HISTOGRAM_BUCKETS - 1) < 1ull
                                                                         << 42);
}

TEST_MAIN("histogram")
