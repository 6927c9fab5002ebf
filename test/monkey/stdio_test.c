/* SPDX-License-Identifier: MIT */
/*
 * stdio_test.c - streams that several greenlets use, and waits that are ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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
        case_await(writers[i]);
    }
    CHECK_INT(fclose(stream), 0);
    case_await(reader);
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

/* ---- what is written before a read ---- */

static void *answer(void *arg)
{
    const struct ends *ends = arg;
    char asked[4];

    CHECK_INT(read(ends->there, asked, 4), 4);
    CHECK_INT(write(ends->there, "told\n", 5), 5);
    return NULL;
}

TEST_GREEN(P39_what_is_asked_goes_out_before_the_answer_is_read)
{
    struct ends ends = ends_of_stream();
    FILE *stream = stream_of(ends.here, "r+");
    struct beside *other = beside(answer, &ends);
    char line[10];

    CHECK(fputs("ask\n", stream) >= 0);
    CHECK(fgets(line, sizeof(line), stream) == line);
    CHECK(strcmp(line, "told\n") == 0);
    beside_end(other);
    CHECK_INT(fclose(stream), 0);
    CHECK_INT(close(ends.there), 0);
}

struct typist {
    int reads;
    int types;
};

static void *type_name(void *arg)
{
    const struct typist *typist = arg;
    char prompt[6];

    CHECK_INT(read(typist->reads, prompt, 6), 6);
    CHECK_INT(write(typist->types, "me\n", 3), 3);
    return NULL;
}

TEST_GREEN(P39_a_prompt_is_seen_before_the_answer_is_typed)
{
    struct ends out = ends_of_pipe(), in = ends_of_pipe();
    struct typist typist = {out.here, in.there};
    FILE *before = stdout, *typed = stream_of(in.here, "r");
    struct beside *other = beside(type_name, &typist);
    char line[10];

    stdout = stream_of(out.there, "w");
    CHECK_INT(setvbuf(stdout, NULL, _IOLBF, 0), 0);
    CHECK_INT(setvbuf(typed, NULL, _IOLBF, 0), 0);
    CHECK(printf("name? ") == 6);
    CHECK(fgets(line, sizeof(line), typed) == line);
    beside_end(other);
    CHECK_INT(fclose(stdout), 0);
    stdout = before;
    CHECK_INT(fclose(typed), 0);
    CHECK_INT(close(out.here), 0);
    CHECK_INT(close(in.there), 0);
}

/* ---- ends and errors ---- */

TEST_GREEN(P39_an_end_that_was_seen_stays_the_end)
{
    struct ends ends = ends_of(SOCK_SEQPACKET);
    FILE *stream = stream_of(ends.here, "r");

    CHECK_INT(send(ends.there, "", 0, 0), 0);
    CHECK_INT(fgetc(stream), EOF);
    CHECK(feof(stream));
    CHECK_INT(fgetc(stream), EOF);
    CHECK_INT(send(ends.there, "x", 1, 0), 1);
    CHECK_INT(fgetc(stream), EOF);
    clearerr(stream);
    CHECK_INT(fgetc(stream), 'x');
    CHECK_INT(fclose(stream), 0);
    CHECK_INT(close(ends.there), 0);
}

TEST_GREEN(P39_a_stream_of_the_other_way_is_EBADF_at_once)
{
    struct ends ends = ends_of_pipe();
    FILE *in = stream_of(ends.here, "r"), *out = stream_of(ends.there, "w");

    CHECK_INT(fgetc(out), EOF);
    CHECK_INT(errno, EBADF);
    CHECK(ferror(out));
    errno = 0;
    CHECK_INT(fputc('x', in), EOF);
    CHECK_INT(errno, EBADF);
    CHECK(ferror(in));
    CHECK_INT(fclose(out), 0);
    CHECK_INT(fclose(in), 0);
}

TEST_GREEN(P39_a_kill_in_the_middle_of_a_line_is_an_error)
{
    struct ends ends = ends_of_pipe();
    struct ended ended = {.stream = stream_of(ends.here, "r")};
    thrum_future *reader = case_spawn(read_line, &ended);

    CHECK_INT(write(ends.there, "half a ", 7), 7);
    for (int i = 0; i < 10; i++)
        CHECK_INT(thrum_pass(), 0);
    CHECK_INT(thrum_future_kill(reader, THRUM_FOREVER), 0);
    thrum_future_unref(reader);
    CHECK(!ended.got);
    CHECK_INT(ended.error, ECANCELED);
    CHECK(ferror(ended.stream) && !feof(ended.stream));
    CHECK_INT(fclose(ended.stream), 0);
    CHECK_INT(close(ends.there), 0);
}

TEST_GREEN(P39_getline_has_room_of_its_own_and_keeps_the_last_line)
{
    struct ends ends = ends_of_pipe();
    FILE *stream = stream_of(ends.here, "r");
    char nothing;
    char *line = &nothing;
    size_t room = 0;

    CHECK_INT(write(ends.there, "last\n", 5), 5);
    CHECK_INT(close(ends.there), 0);
    CHECK_INT(getline(&line, &room, stream), 5);
    CHECK_INT(getline(&line, &room, stream), -1);
    CHECK(strcmp(line, "last\n") == 0);
    free(line);
    CHECK_INT(fclose(stream), 0);
}

TEST_GREEN(P39_errno_is_there_to_be_printed)
{
    char text[100] = "";
    FILE *memory = fmemopen(text, sizeof(text), "w");

    errno = ENOENT;
    CHECK(fprintf(memory, "%m") > 0);
    CHECK_INT(fclose(memory), 0);
    CHECK(strcmp(text, strerror(ENOENT)) == 0);
}

/* ---- threads ---- */

static void *thread_reads_line(void *stream)
{
    char line[10];

    CHECK(fgets(line, sizeof(line), stream) == line);
    return NULL;
}

TEST_GREEN(P39_a_thread_that_reads_a_stream_keeps_no_hub)
{
    int (*try)(FILE *) = (int (*)(FILE *))thrum_monkey_original("ftrylockfile");
    void (*unlock)(FILE *) =
        (void (*)(FILE *))thrum_monkey_original("funlockfile");
    struct ends ends = ends_of_pipe();
    struct ended ended = {.stream = stream_of(ends.here, "r")};
    thrum_future *reader;
    pthread_t thread;

    CHECK_INT(pthread_create(&thread, NULL, thread_reads_line, ended.stream),
              0);
    while (try(ended.stream) == 0) {
        unlock(ended.stream);
        CHECK_INT(thrum_pass(), 0);
    }
    reader = case_spawn(read_line, &ended);
    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(write(ends.there, "one\n", 4), 4);
    CHECK_INT(thrum_sleep(thrum_in_ms(1)), 0);
    CHECK_INT(write(ends.there, "two\n", 4), 4);
    CHECK_INT(pthread_join(thread, NULL), 0);
    case_await(reader);
    CHECK(ended.got);
    CHECK_INT(fclose(ended.stream), 0);
    CHECK_INT(close(ends.there), 0);
}

/* ---- closing ---- */

struct closing {
    FILE *stream;
    int fd;
};

static void *close_stream(void *arg)
{
    const struct closing *closing = arg;

    CHECK_INT(fclose(closing->stream), 0);
    return NULL;
}

/* The number of a stream that is being closed is another's as soon as it is
 * closed, and waits for that other one go on. */
TEST_GREEN(P17_a_stream_that_is_closed_ends_no_wait_for_the_next_one)
{
    struct ends ends = ends_of_pipe(), others = ends_of_stream();
    struct closing closing = {stream_of(ends.there, "w"), ends.there};
    thrum_future *closer, *reader;
    struct ended ended;
    int fd;

    CHECK(fputs("what is left", closing.stream) >= 0);
    closer = case_spawn(close_stream, &closing);
    do {
        fd = dup(others.here);
        if (fd != closing.fd) {
            CHECK_INT(close(fd), 0);
            CHECK_INT(thrum_pass(), 0);
        }
    } while (fd != closing.fd);
    ended = (struct ended){.stream = stream_of(fd, "r")};
    reader = case_spawn(read_line, &ended);
    case_await(closer);
    CHECK_INT(write(others.there, "hello\n", 6), 6);
    case_await(reader);
    CHECK(ended.got);
    CHECK_INT(fclose(ended.stream), 0);
    ends_close(&others);
    CHECK_INT(close(ends.here), 0);
}

TEST_GREEN(P39_a_locked_stream_that_is_closed_is_locked_no_more)
{
    struct ends ends = ends_of_pipe();
    FILE *stream = stream_of(ends.there, "w");

    flockfile(stream);
    CHECK(fputs("x", stream) >= 0);
    CHECK_INT(fclose(stream), 0);
    for (int i = 0; i < 3; i++) {
        struct closing closing = {fdopen(dup(ends.here), "r"), -1};
        thrum_future *closer = case_spawn(close_stream, &closing);

        case_await(closer);
    }
    CHECK_INT(close(ends.here), 0);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("stdio", argc, argv);
}
