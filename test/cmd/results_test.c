/* SPDX-License-Identifier: MIT */
/*
 * results_test.c - the lines for programs, and disks that are full.
 */
#include "thrum_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "results.h"

static char fine_url[] = "http://a/";
static char odd_url[] = "http://a/,\"\xE9";

static const struct fetch_record fine = {
    .url = fine_url,
    .status = 200,
    .bytes = 12345678901,
    .start_ns = 1500000000,
    .duration_ns = 250000000,
    .attempts = 1,
    .ok = true,
};
static const struct fetch_record failed = {
    .url = odd_url,
    .attempts = 1,
    .error = "line\nbreak",
};

typedef void write_fn(FILE *out, const struct fetch_record *record);

static void assert_line(write_fn *write_record,
                        const struct fetch_record *record, const char *expected)
{
    char *written = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&written, &size);

    assert_non_null(out);
    write_record(out, record);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(written, expected);
    free(written);
}

TEST(a_line_of_json)
{
    assert_line(results_write_json, &fine,
                "{\"url\":\"http://a/\",\"status\":200,\"bytes\":12345678901,"
                "\"start\":1.500000,\"seconds\":0.250000,\"error\":\"\"}\n");
    assert_line(results_write_json, &failed,
                "{\"url\":\"http://a/,\\\"\\u00e9\",\"status\":0,\"bytes\":0,"
                "\"start\":0.000000,\"seconds\":0.000000,"
                "\"error\":\"line\\u000abreak\"}\n");
}

TEST(a_line_of_csv)
{
    assert_line(results_write_csv, &fine,
                "http://a/,200,12345678901,1.500000,0.250000,\n");
    assert_line(results_write_csv, &failed,
                "\"http://a/,\"\"%E9\",0,0,0.000000,0.000000,"
                "\"line\nbreak\"\n");
}

/* The bytes of the file that `results` was written into. */
static void assert_file(const char *name, enum fetch_format format,
                        const char *begin)
{
    struct results *results;
    char path[128];
    char bytes[512] = "";
    FILE *file;

    snprintf(path, sizeof(path), "/tmp/thrum-results-%ld-%s", (long)getpid(),
             name);
    assert_int_equal(results_open(path, format, false, &results), 0);
    assert_int_equal(results_add(results, &fine), 0);
    assert_int_equal(results_close(results), 0);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(bytes, 1, sizeof(bytes) - 1, file) > 0);
    fclose(file);
    unlink(path);
    assert_memory_equal(bytes, begin, strlen(begin));
}

TEST(the_name_tells_the_format_unless_it_is_said)
{
    assert_file("a.csv", FETCH_FORMAT_AUTO, "url,status,bytes,start,");
    assert_file("a.CSV", FETCH_FORMAT_AUTO, "url,status,bytes,start,");
    assert_file("a.json", FETCH_FORMAT_AUTO, "{\"url\":");
    assert_file("a", FETCH_FORMAT_AUTO, "{\"url\":");
    assert_file("a.csv", FETCH_FORMAT_JSON, "{\"url\":");
    assert_file("a.json", FETCH_FORMAT_CSV, "url,status,bytes,start,");
}

TEST(a_full_disk_is_told_at_the_flush_and_stays_told)
{
    struct results *results;

    if (access("/dev/full", W_OK) != 0)
        TEST_SKIP("there is no /dev/full here");
    assert_int_equal(
        results_open("/dev/full", FETCH_FORMAT_JSON, false, &results), 0);
    assert_int_equal(results_add(results, &fine), 0);
    assert_int_equal(results_flush(results), -ENOSPC);
    assert_int_equal(results_add(results, &fine), -ENOSPC);
    assert_int_equal(results_close(results), -ENOSPC);
}

TEST(what_cannot_be_opened_says_why)
{
    struct results *results;

    assert_int_equal(results_open("/nowhere/results.json", FETCH_FORMAT_AUTO,
                                  false, &results),
                     -ENOENT);
    assert_int_equal(results_close(NULL), 0);
}

TEST_MAIN("results")
