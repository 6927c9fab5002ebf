/* SPDX-License-Identifier: MIT */
/*
 * timeline_test.c - the picture of a run, and runs that leave none.
 */
#include "thrum_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fetch.h"
#include "timeline.h"

/* ---- records without memory ---- */

static bool short_of_memory;

/* In place of libc's: nothing but the records is grown by it. */
void *reallocarray(void *memory, size_t count, size_t size)
{
    if (short_of_memory) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(memory, count * size);
}

struct urls {
    int left;
};

static const char *next_url(void *self, int *ret_error)
{
    struct urls *urls = self;

    *ret_error = 0;
    return urls->left-- > 0 ? "no URL" : NULL;
}

static void run(int count, struct fetch_report *report)
{
    const struct fetch_options options = {
        .executor = "inline",
        .workers = 1,
        .progress = FETCH_PROGRESS_NEVER,
        .keep_records = true,
        .quiet = true,
    };
    struct urls urls = {count};
    struct fetch_source source = {next_url, &urls, (size_t)count};

    assert_int_equal(fetch_run(&options, &source, report), 0);
    assert_int_equal(report->count, count);
    assert_int_equal(report->failed, count);
}

TEST(a_run_without_memory_for_its_records_has_no_picture)
{
    struct fetch_report reports[2];

    run(3, &reports[0]);
    assert_non_null(reports[0].records);
    short_of_memory = true;
    run(200, &reports[1]);
    short_of_memory = false;
    assert_null(reports[1].records);
    assert_int_equal(reports[1].error, 0);
    assert_int_equal(timeline_write("/nowhere/page.html", reports, 1), -ENOENT);
    assert_int_equal(timeline_write("/nowhere/page.html", reports, 2), -ENOMEM);
    fetch_report_free(&reports[0]);
    fetch_report_free(&reports[1]);
}

/* ---- the page ---- */

/* The page of a run that took so long and fetched nothing. */
static char *page_of(double seconds)
{
    struct fetch_report report = {
        .executor = "inline",
        .workers = 1,
        .wall_ns = (int64_t)(seconds * 1e9),
    };
    char path[64];
    char *page = calloc(1, 65536);
    FILE *file;

    snprintf(path, sizeof(path), "/tmp/thrum-timeline-%ld", (long)getpid());
    assert_non_null(page);
    assert_int_equal(timeline_write(path, &report, 1), 0);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(page, 1, 65535, file) > 0);
    fclose(file);
    unlink(path);
    return page;
}

/* Takes the next label of the axis; `ret` has room for 16 bytes. */
static const char *next_label(const char *at, char *ret)
{
    static const char begin[] = "text-anchor=\"middle\">";

    at = strstr(at, begin);
    if (at == NULL)
        return NULL;
    at += strlen(begin);
    snprintf(ret, 16, "%.*s", (int)strcspn(at, "<"), at);
    return at;
}

TEST(no_two_labels_of_an_axis_are_the_same)
{
    const double seconds[] = {0.0003, 0.002, 0.0095, 0.07, 0.3,   0.99,
                              1,      1.2,   3,      12,   100.5, 4000};

    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        char *page = page_of(seconds[i]);
        const char *at = page;
        char labels[2][16] = {"", ""};
        unsigned n = 0;

        while ((at = next_label(at, labels[n % 2])) != NULL) {
            assert_string_not_equal(labels[0], labels[1]);
            n++;
        }
        assert_in_range(n, 4, 12);
        free(page);
    }
}

TEST(a_short_axis_is_told_in_parts_of_a_millisecond)
{
    char *page = page_of(0.002);

    assert_non_null(strstr(page, ">0.0 ms</text>"));
    assert_non_null(strstr(page, ">0.2 ms</text>"));
    assert_non_null(strstr(page, ">2.0 ms</text>"));
    free(page);
    page = page_of(12);
    assert_non_null(strstr(page, ">2 s</text>"));
    free(page);
}

TEST(what_failed_is_hatched_in_the_legend_too)
{
    char *page = page_of(1);

    assert_non_null(strstr(page, "<i class=\"hatch\"></i>failed"));
    free(page);
}

TEST_MAIN("timeline")
