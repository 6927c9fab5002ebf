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

TEST_MAIN("timeline")
