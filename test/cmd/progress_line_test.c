/* SPDX-License-Identifier: MIT */
/*
 * progress_line_test.c - what the progress says, in any width.
 */
#include "thrum_test.h"

#include <string.h>

#include "progress.h"

static const struct progress_view half = {50, 2, 100, 10000000000};

static void assert_line(const struct progress_view *view, int columns,
                        const char *expected)
{
    char text[256];

    assert_ptr_equal(progress_line(view, columns, text, sizeof(text)), text);
    assert_string_equal(text, expected);
}

TEST(words_rate_and_time_left)
{
    assert_line(&half, 0, "50/100  2 failed  5.0/s  0:11 left");
}

TEST(a_bar_where_there_is_room)
{
    assert_line(&half, 60,
                "50/100  2 failed  5.0/s  0:11 left  [===========>          ]");
}

TEST(no_line_is_wider_than_the_terminal)
{
    char text[256];

    for (int columns = 1; columns < 200; columns++) {
        progress_line(&half, columns, text, sizeof(text));
        assert_true(strlen(text) <= (size_t)columns);
    }
}

TEST(an_unknown_total_has_neither_bar_nor_time_left)
{
    static const struct progress_view view = {50, 0, 0, 10000000000};

    assert_line(&view, 80, "50 done  0 failed  5.0/s");
}

TEST(the_beginning_and_the_end)
{
    static const struct progress_view begin = {0, 0, 100, 0};
    static const struct progress_view end = {100, 0, 100, 1000000000};

    assert_line(&begin, 0, "0/100  0 failed  0.0/s");
    assert_line(&end, 0, "100/100  0 failed  100.0/s");
}

TEST(hours_and_more)
{
    static const struct progress_view hours = {1, 0, 3601, 2000000000};
    static const struct progress_view days = {1, 0, 1000001, 1000000000};

    assert_line(&hours, 0, "1/3601  0 failed  0.5/s  2:00:01 left");
    assert_line(&days, 0, "1/1000001  0 failed  1.0/s  days left");
}

TEST(a_list_that_grew_while_it_was_read)
{
    static const struct progress_view view = {120, 0, 100, 1000000000};
    char text[64];

    progress_line(&view, 60, text, sizeof(text));
    assert_true(strlen(text) <= 60);
}

TEST_MAIN("progress_line")
