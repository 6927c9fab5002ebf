/* SPDX-License-Identifier: MIT */
/*
 * fetch_options_test.c - arguments that are right, and those that are not.
 */
#include "thrum_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "executors.h"
#include "fetch_options.h"

#define WORDS_MAX 20

/* The words of a line; `ret` borrows from what it returns. */
static char *parse(const char *line, int *ret_rc, struct fetch_arguments *ret)
{
    static char *words[WORDS_MAX + 1];
    char *copy = strdup(line);
    char *rest = copy;
    int n = 0;

    assert_non_null(copy);
    while (rest != NULL && n < WORDS_MAX)
        words[n++] = strsep(&rest, " ");
    words[n] = NULL;
    *ret_rc = fetch_options_parse(n, words, ret);
    return copy;
}

static void assert_refused(const char *line)
{
    struct fetch_arguments arguments;
    int rc;

    free(parse(line, &rc, &arguments));
    if (rc != -EINVAL)
        print_error("accepted: %s\n", line);
    assert_int_equal(rc, -EINVAL);
}

TEST(defaults)
{
    struct fetch_arguments arguments;
    int rc;
    char *words = parse("fetch http://a/", &rc, &arguments);

    assert_int_equal(rc, 0);
    assert_int_equal(arguments.url_count, 1);
    assert_string_equal(arguments.urls[0], "http://a/");
    assert_string_equal(arguments.fetch.executor, "threads");
    assert_int_equal(arguments.fetch.retries, 0);
    assert_int_equal(arguments.fetch.progress, FETCH_PROGRESS_AUTO);
    assert_false(arguments.demo);
    assert_int_equal(arguments.demo_server, -1);
    free(words);
}

TEST(everything_at_once)
{
    struct fetch_arguments arguments;
    int rc;
    char *words = parse("fetch -x inline -j 7 --timeout 1.5 --retries 3 "
                        "--max-bytes 4096 --format csv a -i - b",
                        &rc, &arguments);

    assert_int_equal(rc, 0);
    assert_string_equal(arguments.fetch.executor, "inline");
    assert_int_equal(arguments.fetch.workers, 7);
    assert_true(arguments.fetch.timeout > 1.4 && arguments.fetch.timeout < 1.6);
    assert_int_equal(arguments.fetch.retries, 3);
    assert_int_equal(arguments.fetch.max_bytes, 4096);
    assert_int_equal(arguments.fetch.format, FETCH_FORMAT_CSV);
    assert_string_equal(arguments.input, "-");
    assert_int_equal(arguments.url_count, 2);
    free(words);
}

TEST(a_timeline_keeps_the_records)
{
    struct fetch_arguments arguments;
    int rc;
    char *words = parse("fetch --timeline a.html b", &rc, &arguments);

    assert_int_equal(rc, 0);
    assert_true(arguments.fetch.keep_records);
    free(words);
}

TEST(every_executor_of_the_table_is_known)
{
    for (const struct executor_kind *kind = executor_kinds; kind->name; kind++)
        assert_ptr_equal(executor_kind_find(kind->name), kind);
    assert_null(executor_kind_find("fibres"));
    assert_null(executor_kind_find(""));
}

TEST(what_is_wrong_is_refused)
{
    static const char *const lines[] = {
        "fetch",
        "fetch --nonsense a",
        "fetch -x fibres a",
        "fetch -j 0 a",
        "fetch -j -3 a",
        "fetch -j 65537 a",
        "fetch -j 3x a",
        "fetch -j 99999999999999999999 a",
        "fetch --timeout 0 a",
        "fetch --timeout nan a",
        "fetch --timeout inf a",
        "fetch --timeout -1 a",
        "fetch --retries -1 a",
        "fetch --max-bytes 0 a",
        "fetch --max-bytes -1 a",
        "fetch --max-bytes 10k a",
        "fetch --format xml a",
        "fetch --progress maybe a",
        "fetch --demo a",
        "fetch --demo -i list",
        "fetch --demo --demo-urls 0",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_refused(lines[i]);
}

TEST_MAIN("fetch_options")
