/* SPDX-License-Identifier: MIT */
/*
 * cases_stdio_in.c - reading from streams on pipes, and their locks.
 *
 * A case that reads has a writer beside it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "monkey/undeclared.h"

int __uflow(FILE *stream);

/* ---- reading ---- */

struct source {
    struct ends ends;
    const char *text;
    FILE *stream;
    struct beside *writer;
};

/* In two pieces, so that a call finds half of what it wants. */
static void *write_text(void *arg)
{
    struct source *source = arg;
    size_t n = strlen(source->text);

    CHECK_INT(write(source->ends.there, source->text, n / 2), n / 2);
    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(write(source->ends.there, source->text + n / 2, n - n / 2),
              n - n / 2);
    CHECK_INT(close(source->ends.there), 0);
    return NULL;
}

static void source_open(struct source *source, const char *text)
{
    source->text = text;
    source->ends = ends_of_pipe();
    source->stream = fdopen(source->ends.here, "r");
    CHECK(source->stream != NULL);
    source->writer = beside(write_text, source);
}

static void source_close(struct source *source)
{
    beside_end(source->writer);
    CHECK_INT(fclose(source->stream), 0);
}

CASE(fgets)
{
    struct source source;
    char text[16];

    source_open(&source, "first\nsecond\nthe end");
    CHECK(fgets(text, sizeof(text), source.stream) == text);
    CHECK(strcmp(text, "first\n") == 0);
    CHECK(fgets(text, 4, source.stream) == text);
    CHECK(strcmp(text, "sec") == 0);
    CHECK(fgets(text, sizeof(text), source.stream) == text);
    CHECK(strcmp(text, "ond\n") == 0);
    CHECK(fgets(text, sizeof(text), source.stream) == text);
    CHECK(strcmp(text, "the end") == 0);
    CHECK(fgets(text, sizeof(text), source.stream) == NULL);
    CHECK(feof(source.stream));
    source_close(&source);
}

CASE(__fgets_chk)
{
    struct source source;
    char text[16];

    source_open(&source, "first\n");
    CHECK(__fgets_chk(text, sizeof(text), sizeof(text), source.stream) == text);
    CHECK(strcmp(text, "first\n") == 0);
    source_close(&source);
}

CASE(getline)
{
    struct source source;
    char *line = NULL;
    size_t room = 0;

    source_open(&source, "first\n\nlast");
    CHECK_INT(getline(&line, &room, source.stream), 6);
    CHECK(strcmp(line, "first\n") == 0);
    CHECK_INT(getline(&line, &room, source.stream), 1);
    CHECK_INT(getline(&line, &room, source.stream), 4);
    CHECK(strcmp(line, "last") == 0);
    CHECK_INT(getline(&line, &room, source.stream), -1);
    free(line);
    source_close(&source);
}

CASE(getdelim)
{
    struct source source;
    char *line = NULL;
    size_t room = 0;

    source_open(&source, "one;two");
    CHECK_INT(getdelim(&line, &room, ';', source.stream), 4);
    CHECK_INT(getdelim(&line, &room, ';', source.stream), 3);
    CHECK(strcmp(line, "two") == 0);
    CHECK_INT(getdelim(NULL, &room, ';', source.stream), -1);
    CHECK_INT(errno, EINVAL);
    free(line);
    source_close(&source);
}

CASE(fread)
{
    struct source source;
    char text[16];

    source_open(&source, "0123456789");
    CHECK_INT(fread(text, 4, 2, source.stream), 2);
    CHECK(memcmp(text, "01234567", 8) == 0);
    CHECK_INT(fread(text, 4, 2, source.stream), 0);
    CHECK(feof(source.stream));
    source_close(&source);
}

CASE(__fread_chk)
{
    struct source source;
    char text[16];

    source_open(&source, "0123456789");
    CHECK_INT(__fread_chk(text, sizeof(text), 5, 2, source.stream), 2);
    source_close(&source);
}

static int get_by_uflow(FILE *stream)
{
    return stream->_IO_read_ptr < stream->_IO_read_end ? getc(stream)
                                                       : __uflow(stream);
}

static void getc_case(int (*get)(FILE *stream), bool unbuffered)
{
    struct source source;

    source_open(&source, "xyz");
    if (unbuffered)
        setbuf(source.stream, NULL);
    CHECK_INT(get(source.stream), 'x');
    CHECK_INT(get(source.stream), 'y');
    CHECK_INT(ungetc('y', source.stream), 'y');
    CHECK_INT(get(source.stream), 'y');
    CHECK_INT(get(source.stream), 'z');
    CHECK_INT(get(source.stream), EOF);
    source_close(&source);
}

CASE(fgetc)
{
    getc_case(fgetc, false);
    getc_case(fgetc, true);
    getc_case(getc, false);
}

CASE(__uflow)
{
    getc_case(get_by_uflow, false);
}

static int scan(FILE *stream, const char *format, ...)
{
    va_list arguments;
    int rc;

    va_start(arguments, format);
    rc = __isoc99_vfscanf(stream, format, arguments);
    va_end(arguments);
    return rc;
}

CASE(__isoc99_vfscanf)
{
    struct source source;
    int a = 0, b = 0;

    source_open(&source, "12 345");
    CHECK_INT(scan(source.stream, "%d %d", &a, &b), 2);
    CHECK_INT(a, 12);
    CHECK_INT(b, 345);
    CHECK_INT(scan(source.stream, "%d", &a), EOF);
    source_close(&source);
}

CASE(__isoc99_fscanf)
{
    struct source source;
    int a = 0;

    source_open(&source, "17 ");
    CHECK_INT(__isoc99_fscanf(source.stream, "%d", &a), 1);
    CHECK_INT(a, 17);
    source_close(&source);
}

/* ---- the standard input ---- */

/* The case with another stdin; it is one of a process's, so of one case's. */
static void stdin_case(const char *text, void (*fn)(void))
{
    struct source source;
    FILE *before = stdin;

    source_open(&source, text);
    stdin = source.stream;
    fn();
    stdin = before;
    source_close(&source);
}

static void get_char(void)
{
    CHECK_INT(getchar(), 'q');
}

CASE(getchar)
{
    stdin_case("q", get_char);
}

static void scan_in(void)
{
    int a = 0;

    CHECK_INT(__isoc99_scanf("%d", &a), 1);
    CHECK_INT(a, 5);
}

CASE(__isoc99_scanf)
{
    stdin_case("5 ", scan_in);
}

static int scan_list(const char *format, ...)
{
    va_list arguments;
    int rc;

    va_start(arguments, format);
    rc = __isoc99_vscanf(format, arguments);
    va_end(arguments);
    return rc;
}

static void scan_in_list(void)
{
    int a = 0;

    CHECK_INT(scan_list("%d", &a), 1);
    CHECK_INT(a, 6);
}

CASE(__isoc99_vscanf)
{
    stdin_case("6 ", scan_in_list);
}

/* ---- locks ---- */

struct locked {
    FILE *stream;
    thrum_event held;
};

static void *hold_stream(void *arg)
{
    struct locked *locked = arg;

    flockfile(locked->stream);
    flockfile(locked->stream);
    thrum_event_set(&locked->held);
    CHECK_INT(thrum_pass(), 0);
    funlockfile(locked->stream);
    funlockfile(locked->stream);
    return NULL;
}

static void lock_case(bool try)
{
    struct locked locked = {tmpfile(), THRUM_EVENT_INIT};
    struct beside *holder = beside(hold_stream, &locked);

    CHECK_INT(thrum_event_wait(&locked.held, THRUM_FOREVER), 0);
    if (case_in_greenlet() && try)
        CHECK(ftrylockfile(locked.stream) != 0);
    flockfile(locked.stream);
    funlockfile(locked.stream);
    beside_end(holder);
    CHECK_INT(ftrylockfile(locked.stream), 0);
    funlockfile(locked.stream);
    CHECK_INT(fclose(locked.stream), 0);
}

CASE(flockfile)
{
    lock_case(false);
}

CASE(ftrylockfile)
{
    lock_case(true);
}

CASE(funlockfile)
{
    lock_case(false);
}
