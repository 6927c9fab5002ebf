/* SPDX-License-Identifier: MIT */
/*
 * url_list_test.c - which lines are URLs.
 */
#include "thrum_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "url_list.h"

/* A list of what a file with these bytes holds. */
static void list_of(struct url_list *list, const char *bytes, size_t n)
{
    FILE *stream = tmpfile();

    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, n, stream), n);
    rewind(stream);
    url_list_init(list);
    assert_int_equal(url_list_read(list, stream), 0);
}

static void assert_next(struct url_list *list, const char *expected)
{
    int rc = -1;
    const char *url = url_list_next(list, &rc);

    assert_int_equal(rc, 0);
    if (expected == NULL) {
        assert_null(url);
    } else {
        assert_non_null(url);
        assert_string_equal(url, expected);
    }
}

static void assert_urls(const char *bytes, const char *const *expected)
{
    struct url_list list;

    list_of(&list, bytes, strlen(bytes));
    for (; *expected != NULL; expected++)
        assert_next(&list, *expected);
    assert_next(&list, NULL);
    url_list_close(&list);
}

#define ASSERT_URLS(bytes, ...) \
 assert_urls(bytes, (const char *const[]){__VA_ARGS__, NULL})

TEST(a_url_a_line)
{
    ASSERT_URLS("http://a/\nhttp://b/\n", "http://a/", "http://b/");
}

TEST(the_last_line_needs_no_end)
{
    ASSERT_URLS("http://a/\nhttp://b/", "http://a/", "http://b/");
}

TEST(blank_lines_and_comments_are_passed_over)
{
    ASSERT_URLS("\n# one\n  # two\n \t \nhttp://a/\n#\n", "http://a/");
}

TEST(a_hash_inside_belongs_to_the_url)
{
    ASSERT_URLS("http://a/#part\n", "http://a/#part");
}

TEST(blanks_and_windows_line_ends_are_cut_off)
{
    ASSERT_URLS("  http://a/ \t\r\nhttp://b/\r\n", "http://a/", "http://b/");
}

TEST(a_byte_order_mark_is_passed_over)
{
    ASSERT_URLS("\xEF\xBB\xBFhttp://a/\n", "http://a/");
}

TEST(an_empty_file_is_an_empty_list)
{
    ASSERT_URLS("", NULL);
}

TEST(a_nul_in_a_line_does_not_hide_the_rest)
{
    static const char bytes[] = "http://a/\0b\nhttp://c/\n";
    struct url_list list;

    list_of(&list, bytes, sizeof(bytes) - 1);
    assert_next(&list, "http://a/ b");
    assert_next(&list, "http://c/");
    assert_next(&list, NULL);
    url_list_close(&list);
}

TEST(a_line_that_is_too_long_is_cut_and_the_list_goes_on)
{
    size_t n = 3 * (size_t)URL_LIST_LINE_MAX;
    char *bytes = malloc(n + 3);
    struct url_list list;
    const char *url;
    int rc;

    assert_non_null(bytes);
    memset(bytes, 'x', n);
    memcpy(bytes + n, "\ny\n", 3);
    list_of(&list, bytes, n + 3);
    free(bytes);
    url = url_list_next(&list, &rc);
    assert_non_null(url);
    assert_non_null(strstr(url, "x ... (line too long)"));
    assert_next(&list, "y");
    assert_next(&list, NULL);
    url_list_close(&list);
}

TEST(arguments_come_first)
{
    static char a[] = "http://a/";
    static char *const arguments[] = {a};
    struct url_list list;

    list_of(&list, "http://b/\n", 10);
    url_list_set_arguments(&list, arguments, 1);
    assert_int_equal(url_list_count(&list), 2);
    assert_next(&list, "http://a/");
    assert_next(&list, "http://b/");
    assert_next(&list, NULL);
    url_list_close(&list);
}

TEST(counting_takes_nothing_away)
{
    struct url_list list;

    list_of(&list, "\xEF\xBB\xBF#\nhttp://a/\n\nhttp://b/", 25);
    assert_int_equal(url_list_count(&list), 2);
    assert_next(&list, "http://a/");
    assert_next(&list, "http://b/");
    assert_next(&list, NULL);
    url_list_close(&list);
}

TEST(what_cannot_be_read_twice_is_not_counted)
{
    struct url_list list;
    FILE *stream;
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "http://a/\n", 10), 10);
    close(fds[1]);
    stream = fdopen(fds[0], "r");
    assert_non_null(stream);
    url_list_init(&list);
    assert_int_equal(url_list_read(&list, stream), 0);
    assert_int_equal(url_list_count(&list), 0);
    assert_next(&list, "http://a/");
    assert_next(&list, NULL);
    url_list_close(&list);
}

TEST(what_cannot_be_opened_says_why)
{
    struct url_list list;

    url_list_init(&list);
    assert_int_equal(url_list_open(&list, "/nowhere/urls.txt"), -ENOENT);
    assert_int_equal(url_list_open(&list, "/"), -EISDIR);
    url_list_close(&list);
}

TEST_MAIN("url_list")
