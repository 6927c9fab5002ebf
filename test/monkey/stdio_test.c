/* SPDX-License-Identifier: MIT */
/*
 * stdio_test.c - streams that several greenlets use, and waits that are ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <thrum/scope.h>

#include "cases.h"

#define WRITERS 8
#define LINES   200u

static FILE *stream_of(int fd, const char *mode)
{
    FILE *stream = fdopen(fd, mode);

    assert_non_null(stream);
    return stream;
}

/* ---- several ---- */

struct written {
    FILE *stream;
    int number;
};

static void *write_lines(void *arg)
{
    const struct written *written = arg;

    for (unsigned i = 0; i < LINES; i++)
        CHECK(fprintf(written->stream, "%d says %s %u\n", written->number,
                      "the line that it is at:", i) > 0);
    return NULL;
}

struct read {
    FILE *stream;
    unsigned next[WRITERS];
    unsigned lines;
};

/* Each line is whole, and those of one writer come in order. */
static void *read_lines(void *arg)
{
    struct read *read = arg;
    char line[100];

    while (fgets(line, sizeof(line), read->stream) != NULL) {
        unsigned at = 0;
        int number = -1;

        CHECK_INT(
            sscanf(line, "%d says the line that it is at: %u", &number, &at),
            2);
        if (!CHECK(number >= 0 && number < WRITERS))
            break;
        CHECK_INT(at, read->next[number]++);
        read->lines++;
    }
    CHECK(feof(read->stream));
    return NULL;
}

TEST_GREEN(P39_lines_of_several_greenlets_stay_whole)
{
    struct ends ends = ends_of_pipe();
    struct read read = {.stream = stream_of(ends.here, "r")};
    struct written written[WRITERS];
    FILE *stream = stream_of(ends.there, "w");
    thrum_future *writers[WRITERS];
    thrum_future *reader;

    setvbuf(stream, NULL, _IOLBF, 0);
    reader = case_spawn(read_lines, &read);
    for (int i = 0; i < WRITERS; i++) {
        written[i] = (struct written){stream, i};
        writers[i] = case_spawn(write_lines, &written[i]);
    }
    for (int i = 0; i < WRITERS; i++) {
        CHECK_INT(thrum_future_result(writers[i], THRUM_FOREVER, NULL), 0);
        thrum_future_unref(writers[i]);
    }
    CHECK_INT(fclose(stream), 0);
    CHECK_INT(thrum_future_result(reader, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(reader);
    CHECK_INT(fclose(read.stream), 0);
    CHECK_INT(read.lines, WRITERS * LINES);
}

/* ---- ended ---- */

struct ended {
    FILE *stream;
    int error;
    bool got;
};

static void *read_line(void *arg)
{
    struct ended *ended = arg;
    char line[100];

    errno = 0;
    ended->got = fgets(line, sizeof(line), ended->stream) != NULL;
    ended->error = errno;
    return ended;
}

TEST_GREEN(P39_a_kill_ends_a_read_and_leaves_the_stream)
{
    struct ends ends = ends_of_pipe();
    struct ended ended = {.stream = stream_of(ends.here, "r")};
    thrum_future *reader = case_spawn(read_line, &ended);

    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(thrum_future_kill(reader, THRUM_FOREVER), 0);
    thrum_future_unref(reader);
    CHECK(!ended.got);
    CHECK_INT(ended.error, ECANCELED);
    CHECK_INT(write(ends.there, "after\n", 6), 6);
    (void)read_line(&ended);
    CHECK(ended.got);
    CHECK_INT(fclose(ended.stream), 0);
    CHECK_INT(close(ends.there), 0);
}

TEST_GREEN(P39_the_deadline_of_a_block_ends_a_read)
{
    struct ends ends = ends_of_pipe();
    struct ended ended = {.stream = stream_of(ends.here, "r")};

    THRUM_WITH_DEADLINE(limit, thrum_in_ms(1)) {
        (void)read_line(&ended);
    }
    CHECK(thrum_expired(&limit));
    CHECK(!ended.got);
    CHECK_INT(ended.error, ETIMEDOUT);
    CHECK_INT(fclose(ended.stream), 0);
    CHECK_INT(close(ends.there), 0);
}

static void *write_much(void *arg)
{
    static char much[200000];
    struct ended *ended = arg;

    ended->got = fwrite(much, 1, sizeof(much), ended->stream) == sizeof(much);
    ended->error = errno;
    return ended;
}

TEST_GREEN(P39_a_kill_ends_a_write)
{
    struct ends ends = ends_of_pipe();
    struct ended ended = {.stream = stream_of(ends.there, "w")};
    thrum_future *writer = case_spawn(write_much, &ended);

    for (int i = 0; i < 300; i++)
        CHECK_INT(thrum_pass(), 0);
    CHECK_INT(thrum_future_kill(writer, THRUM_FOREVER), 0);
    thrum_future_unref(writer);
    CHECK(!ended.got);
    CHECK_INT(ended.error, ECANCELED);
    CHECK_INT(close(ends.here), 0);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)fclose(ended.stream); /* nobody reads what is left */
    (void)signal(SIGPIPE, SIG_DFL);
}

/* ---- what never waits ---- */

TEST_GREEN(P39_a_file_and_memory_are_as_ever)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    FILE *file = tmpfile();
    char line[20];

    CHECK(fprintf(memory, "%d", 12345) == 5);
    CHECK_INT(fclose(memory), 0);
    CHECK_INT(size, 5);
    free(text);
    CHECK(fputs("in a file\n", file) >= 0);
    rewind(file);
    CHECK(fgets(line, sizeof(line), file) == line);
    CHECK(strcmp(line, "in a file\n") == 0);
    CHECK_INT(fclose(file), 0);
}

/* O_NONBLOCK of the program's: its own answer, and at once. */
TEST_GREEN(P13_a_stream_that_is_set_not_to_wait_does_not)
{
    struct ends ends = ends_of_pipe();
    FILE *stream = stream_of(ends.here, "r");

    CHECK_INT(fcntl(ends.here, F_SETFL, O_NONBLOCK), 0);
    CHECK_INT(fgetc(stream), EOF);
    CHECK_INT(errno, EAGAIN);
    CHECK_INT(fclose(stream), 0);
    CHECK_INT(close(ends.there), 0);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("stdio", argc, argv);
}
