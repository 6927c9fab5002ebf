/* SPDX-License-Identifier: MIT */
/*
 * backoff_test.c - pauses that grow, differ, and can be cut short.
 */
#include "thrum_test.h"

#include "backoff.h"

TEST(the_longest_pause_doubles_up_to_its_limit)
{
    struct backoff backoff = BACKOFF(1);
    int longest = BACKOFF_FIRST_MS;

    for (int i = 0; i < 20; i++) {
        int pause = backoff_next(&backoff);

        assert_in_range(pause, longest / 2, longest);
        longest = longest * 2 < BACKOFF_MAX_MS ? longest * 2 : BACKOFF_MAX_MS;
    }
}

TEST(two_seeds_do_not_pause_alike)
{
    struct backoff one = BACKOFF(1);
    struct backoff two = BACKOFF(2);
    int different = 0;

    for (int i = 0; i < 20; i++)
        different += backoff_next(&one) != backoff_next(&two);
    assert_true(different > 10);
}

static bool always(void)
{
    return true;
}

TEST(a_pause_ends_when_it_is_told_to)
{
    struct backoff backoff = BACKOFF(1);

    backoff.ms = BACKOFF_MAX_MS;
    assert_false(backoff_sleep(&backoff, always));
}

TEST_MAIN("backoff")
