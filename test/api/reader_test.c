/* SPDX-License-Identifier: MIT */
/*
 * reader_test.c - lines, lengths, patterns; in whatever parts they come.
 */
#include <thrum.h>

#include "net.h"

/* A text that comes in parts of so many bytes, and then the end. */
struct source {
    struct ends ends;
    const char *text;
    size_t part;
    thrum_future *future;
    thrum_reader *reader;
};

static void *source_run(void *arg)
{
    struct source *source = arg;
    size_t n = strlen(source->text);

    for (size_t at = 0; at < n; at += source->part) {
        size_t part = n - at < source->part ? n - at : source->part;

        CHECK_INT(thrum_write_all(source->ends.out, source->text + at, part,
                                  THRUM_FOREVER),
                  0);
        CHECK_INT(thrum_pass(), 0);
    }
    CHECK_INT(thrum_close(source->ends.out), 0);
    return NULL;
}

static void source_open(struct source *source, const char *text, size_t part,
                        size_t limit)
{
    thrum_reader_options options = THRUM_READER_OPTIONS;

    ends_pipe(&source->ends);
    source->text = text;
    source->part = part;
    options.buffer = 8;
    options.limit = limit;
    assert_int_equal(
        thrum_reader_new(source->ends.in, &options, &source->reader), 0);
    source->future = spawn(source_run, source);
}

static void source_close(struct source *source)
{
    join(source->future);
    thrum_reader_free(source->reader);
    assert_int_equal(thrum_close(source->ends.in), 0);
}

static void expect_line(struct source *source, const char *expected)
{
    const char *line = NULL;
    int64_t n = thrum_reader_line(source->reader, THRUM_FOREVER, &line);

    if (CHECK_INT(n, (long)strlen(expected)))
        CHECK(memcmp(line, expected, (size_t)n) == 0);
}

TEST(lines_come_whole_however_they_are_cut)
{
    const char *text = "one\ntwo words\r\n\n\r\na line that is longer than the "
                       "buffer at first\nlast";

    for (size_t part = 1; part < 80; part += part < 10 ? 1 : 23) {
        struct source source;
        const char *line;

        source_open(&source, text, part, 0);
        expect_line(&source, "one");
        expect_line(&source, "two words");
        expect_line(&source, "");
        expect_line(&source, "");
        expect_line(&source, "a line that is longer than the buffer at first");
        expect_line(&source, "last");
        for (int i = 0; i < 2; i++)
            assert_int_equal(
                thrum_reader_line(source.reader, THRUM_FOREVER, &line),
                THRUM_ESTOP);
        source_close(&source);
    }
}

TEST(patterns_and_lengths_come_whole_however_they_are_cut)
{
    const char *text = "name: value\r\nname: \r other\r\n\r\n0123456789rest";

    for (size_t part = 1; part < 60; part += part < 10 ? 1 : 11) {
        struct source source;
        const char *head;
        const void *body;
        char rest[8];

        source_open(&source, text, part, 0);
        assert_int_equal(thrum_reader_until(source.reader, "\r\n\r\n", 4,
                                            THRUM_FOREVER, &head),
                         26);
        assert_memory_equal(head, text, 26);
        assert_true(thrum_reader_peek(source.reader, 3, THRUM_FOREVER, &body) >=
                    3);
        assert_memory_equal(body, "012", 3);
        assert_int_equal(
            thrum_reader_exactly(source.reader, 10, THRUM_FOREVER, &body), 0);
        assert_memory_equal(body, "0123456789", 10);
        for (size_t at = 0; at < 4;) {
            int64_t n = thrum_reader_read(source.reader, rest + at,
                                          sizeof(rest) - at, THRUM_FOREVER);

            assert_true(n > 0);
            at += (size_t)n;
        }
        assert_memory_equal(rest, "rest", 4);
        assert_int_equal(
            thrum_reader_read(source.reader, rest, 1, THRUM_FOREVER), 0);
        source_close(&source);
    }
}

TEST(the_end_before_a_pattern_leaves_what_there_is)
{
    struct source source;
    const char *head;
    const void *body;

    source_open(&source, "no end", 2, 0);
    assert_int_equal(
        thrum_reader_until(source.reader, ";", 1, THRUM_FOREVER, &head),
        -ENODATA);
    assert_int_equal(
        thrum_reader_exactly(source.reader, 7, THRUM_FOREVER, &body), -ENODATA);
    assert_int_equal(thrum_reader_peek(source.reader, 9, THRUM_FOREVER, &body),
                     6);
    assert_int_equal(
        thrum_reader_exactly(source.reader, 6, THRUM_FOREVER, &body), 0);
    assert_memory_equal(body, "no end", 6);
    assert_int_equal(
        thrum_reader_exactly(source.reader, 1, THRUM_FOREVER, &body),
        THRUM_ESTOP);
    assert_int_equal(
        thrum_reader_until(source.reader, "", 0, THRUM_FOREVER, &head),
        -EINVAL);
    source_close(&source);
}

TEST(an_endless_line_is_told_at_the_limit)
{
    struct source source;
    const char *line;
    const void *body;

    source_open(&source, "0123456789\n0123456789a\n", 4, 10);
    expect_line(&source, "0123456789");
    assert_int_equal(thrum_reader_line(source.reader, THRUM_FOREVER, &line),
                     -EMSGSIZE);
    assert_int_equal(thrum_reader_peek(source.reader, 11, THRUM_FOREVER, &body),
                     -EMSGSIZE);
    assert_int_equal(
        thrum_reader_exactly(source.reader, 10, THRUM_FOREVER, &body), 0);
    expect_line(&source, "a");
    source_close(&source);
}

TEST(a_deadline_loses_nothing)
{
    struct ends ends;
    thrum_reader *reader;
    const char *line;
    const void *body;

    ends_pair(&ends);
    assert_int_equal(thrum_reader_new(ends.in, NULL, &reader), 0);
    assert_int_equal(thrum_write_all(ends.out, "hal", 3, THRUM_FOREVER), 0);
    assert_int_equal(thrum_reader_line(reader, thrum_in_ms(1), &line),
                     -ETIMEDOUT);
    assert_int_equal(thrum_reader_exactly(reader, 4, THRUM_NOW, &body),
                     -ETIMEDOUT);
    assert_int_equal(thrum_write_all(ends.out, "f\n", 2, THRUM_FOREVER), 0);
    assert_int_equal(thrum_reader_line(reader, THRUM_FOREVER, &line), 4);
    assert_memory_equal(line, "half", 4);
    thrum_reader_free(reader);
    thrum_reader_free(NULL);
    ends_close(&ends);
}

static void *line_run(void *reader)
{
    const char *line;

    return (void *)(intptr_t)thrum_reader_line(reader, THRUM_FOREVER, &line);
}

TEST(S7_a_kill_ends_a_reader_and_loses_nothing)
{
    struct ends ends;
    thrum_reader *reader;
    thrum_future *future;
    const char *line;
    void *result = NULL;

    ends_pair(&ends);
    assert_int_equal(thrum_reader_new(ends.in, NULL, &reader), 0);
    assert_int_equal(thrum_write_all(ends.out, "hal", 3, THRUM_FOREVER), 0);
    future = spawn(line_run, reader);
    settle_down();
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, &result), 0);
    assert_int_equal((intptr_t)result, -ECANCELED);
    thrum_future_unref(future);
    assert_int_equal(thrum_write_all(ends.out, "f\n", 2, THRUM_FOREVER), 0);
    assert_int_equal(thrum_reader_line(reader, THRUM_FOREVER, &line), 4);
    thrum_reader_free(reader);
    ends_close(&ends);
}

TEST(without_memory_it_says_so_and_goes_on)
{
    struct ends ends;
    char text[200];
    const char *line = NULL;

    memset(text, 'x', sizeof(text));
    text[199] = '\n';
    FOR_EACH_FAILURE(n)
    {
        thrum_reader_options options = THRUM_READER_OPTIONS;
        thrum_reader *reader = NULL;
        int64_t got = -ENOMEM;
        int rc;

        ends_pair(&ends);
        CHECK_INT(thrum_write_all(ends.out, text, 200, THRUM_FOREVER), 0);
        options.buffer = 8;
        rc = thrum_reader_new(ends.in, &options, &reader);
        CHECK(rc == 0 || rc == -ENOMEM);
        for (int i = 0; rc == 0 && i < 3 && got == -ENOMEM; i++)
            got = thrum_reader_line(reader, THRUM_FOREVER, &line);
        if (rc == 0)
            CHECK_INT(got, 199);
        thrum_reader_free(reader);
        ends_close(&ends);
    }
}

TEST_MAIN("reader")
