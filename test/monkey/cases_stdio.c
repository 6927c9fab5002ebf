/* SPDX-License-Identifier: MIT */
/*
 * cases_stdio.c - streams on pipes.
 *
 * A case that reads has a writer beside it. One that writes has a reader, and
 * writes more than a pipe has room for.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "monkey/undeclared.h"

int __uflow(FILE *stream);
int __overflow(FILE *stream, int c);

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

/* ---- writing ---- */

#define LINE  "a line of text, as long as others\n"
#define LINES 4000u /* more than a pipe has room for */

struct sink {
    struct ends ends;
    FILE *stream;
    struct beside *reader;
    size_t count;
    size_t lines;
};

static void *read_all(void *arg)
{
    struct sink *sink = arg;
    char text[4096];
    ssize_t n;

    while ((n = read(sink->ends.here, text, sizeof(text))) > 0) {
        sink->count += (size_t)n;
        for (ssize_t i = 0; i < n; i++)
            sink->lines += text[i] == '\n';
    }
    CHECK_INT(n, 0);
    return NULL;
}

static void sink_open(struct sink *sink)
{
    *sink = (struct sink){.ends = ends_of_pipe()};
    sink->stream = fdopen(sink->ends.there, "w");
    CHECK(sink->stream != NULL);
    sink->reader = beside(read_all, sink);
}

static void sink_close(struct sink *sink)
{
    CHECK_INT(fclose(sink->stream), 0);
    beside_end(sink->reader);
    CHECK_INT(close(sink->ends.here), 0);
}

/* Writes the lines with the function. */
static void sink_case(void (*line)(FILE *stream), int buffering)
{
    struct sink sink;

    sink_open(&sink);
    CHECK_INT(setvbuf(sink.stream, NULL, buffering,
                      buffering == _IOFBF ? 64 * 1024 : 0),
              0);
    for (unsigned i = 0; i < LINES; i++)
        line(sink.stream);
    sink_close(&sink);
    CHECK_INT(sink.lines, LINES);
    CHECK_INT(sink.count, LINES * strlen(LINE));
}

static void line_fwrite(FILE *stream)
{
    CHECK_INT(fwrite(LINE, 1, strlen(LINE), stream), strlen(LINE));
}

CASE(fwrite)
{
    static char much[300000];
    struct sink sink;

    sink_case(line_fwrite, _IOFBF);
    sink_case(line_fwrite, _IOLBF);
    sink_case(line_fwrite, _IONBF);
    sink_open(&sink);
    CHECK_INT(fwrite(much, sizeof(much), 1, sink.stream), 1);
    sink_close(&sink);
    CHECK_INT(sink.count, sizeof(much));
}

static void line_fputs(FILE *stream)
{
    CHECK(fputs(LINE, stream) >= 0);
}

CASE(fputs)
{
    sink_case(line_fputs, _IOLBF);
}

static void line_fputc(FILE *stream)
{
    for (const char *at = LINE; *at != '\0'; at++)
        CHECK_INT(fputc(*at, stream), *at);
}

CASE(fputc)
{
    sink_case(line_fputc, _IOLBF);
}

static void line_overflow(FILE *stream)
{
    for (const char *at = LINE; *at != '\0'; at++)
        CHECK_INT(stream->_IO_write_ptr < stream->_IO_write_end
                      ? putc(*at, stream)
                      : __overflow(stream, *at),
                  *at);
}

CASE(__overflow)
{
    sink_case(line_overflow, _IOFBF);
}

static void line_fprintf(FILE *stream)
{
    CHECK_INT(fprintf(stream, "a %s of %s, as %s\n", "line", "text",
                      "long as others"),
              strlen(LINE));
}

CASE(fprintf)
{
    sink_case(line_fprintf, _IOLBF);
}

static void line_fprintf_chk(FILE *stream)
{
    CHECK_INT(__fprintf_chk(stream, 1, "%s", LINE), strlen(LINE));
}

CASE(__fprintf_chk)
{
    sink_case(line_fprintf_chk, _IOLBF);
}

static int print_list(FILE *stream, int flag, const char *format, ...)
{
    va_list arguments;
    int rc;

    va_start(arguments, format);
    rc = flag == 0 ? vfprintf(stream, format, arguments)
                   : __vfprintf_chk(stream, flag, format, arguments);
    va_end(arguments);
    return rc;
}

static void line_vfprintf(FILE *stream)
{
    CHECK_INT(print_list(stream, 0, "%s", LINE), strlen(LINE));
}

CASE(vfprintf)
{
    sink_case(line_vfprintf, _IOLBF);
}

static void line_vfprintf_chk(FILE *stream)
{
    CHECK_INT(print_list(stream, 1, "%s", LINE), strlen(LINE));
}

CASE(__vfprintf_chk)
{
    sink_case(line_vfprintf_chk, _IOLBF);
}

CASE(fflush)
{
    struct sink sink;
    static char buffer[200000];
    static char text[150000];

    sink_open(&sink);
    CHECK_INT(setvbuf(sink.stream, buffer, _IOFBF, sizeof(buffer)), 0);
    CHECK_INT(fwrite(LINE, 1, 5, sink.stream), 5);
    CHECK_INT(fflush(sink.stream), 0);
    memset(text, 'x', sizeof(text));
    CHECK_INT(fwrite(text, 1, sizeof(text), sink.stream), sizeof(text));
    CHECK_INT(fflush(NULL), 0);
    sink_close(&sink);
    CHECK_INT(sink.count, 5 + sizeof(text));
}

/* More than the pipe has room for is still in the buffer. */
CASE(fclose)
{
    static char buffer[200000];
    static char text[150000];
    struct sink sink;

    sink_open(&sink);
    CHECK_INT(setvbuf(sink.stream, buffer, _IOFBF, sizeof(buffer)), 0);
    CHECK_INT(fwrite(text, 1, sizeof(text), sink.stream), sizeof(text));
    sink_close(&sink);
    CHECK_INT(sink.count, sizeof(text));
}

/* ---- the standard output ---- */

static void stdout_case(void (*line)(FILE *stream))
{
    FILE *before = stdout;
    struct sink sink;

    sink_open(&sink);
    stdout = sink.stream;
    for (unsigned i = 0; i < LINES; i++)
        line(NULL);
    stdout = before;
    sink_close(&sink);
    CHECK_INT(sink.lines, LINES);
}

static void line_puts(FILE *unused)
{
    (void)unused;
    CHECK(puts("a line of text, as long as others") >= 0);
}

CASE(puts)
{
    stdout_case(line_puts);
}

static void line_putchar(FILE *unused)
{
    (void)unused;
    for (const char *at = LINE; *at != '\0'; at++)
        CHECK_INT(putchar(*at), *at);
}

CASE(putchar)
{
    stdout_case(line_putchar);
}

static void line_printf(FILE *unused)
{
    (void)unused;
    CHECK_INT(printf("%s", LINE), strlen(LINE));
}

CASE(printf)
{
    stdout_case(line_printf);
}

static void line_printf_chk(FILE *unused)
{
    (void)unused;
    CHECK_INT(__printf_chk(1, "%s", LINE), strlen(LINE));
}

CASE(__printf_chk)
{
    stdout_case(line_printf_chk);
}

static int print_out(int flag, const char *format, ...)
{
    va_list arguments;
    int rc;

    va_start(arguments, format);
    rc = flag == 0 ? vprintf(format, arguments)
                   : __vprintf_chk(flag, format, arguments);
    va_end(arguments);
    return rc;
}

static void line_vprintf(FILE *unused)
{
    (void)unused;
    CHECK_INT(print_out(0, "%s", LINE), strlen(LINE));
}

CASE(vprintf)
{
    stdout_case(line_vprintf);
}

static void line_vprintf_chk(FILE *unused)
{
    (void)unused;
    CHECK_INT(print_out(1, "%s", LINE), strlen(LINE));
}

CASE(__vprintf_chk)
{
    stdout_case(line_vprintf_chk);
}

/* ---- to a descriptor ---- */

static int print_to(int fd, int flag, const char *format, ...)
{
    va_list arguments;
    int rc;

    va_start(arguments, format);
    rc = flag == 0 ? vdprintf(fd, format, arguments)
                   : __vdprintf_chk(fd, flag, format, arguments);
    va_end(arguments);
    return rc;
}

static void line_dprintf(FILE *stream)
{
    CHECK_INT(dprintf(fileno(stream), "%s", LINE), strlen(LINE));
}

static void line_dprintf_chk(FILE *stream)
{
    CHECK_INT(__dprintf_chk(fileno(stream), 1, "%s", LINE), strlen(LINE));
}

static void line_vdprintf(FILE *stream)
{
    CHECK_INT(print_to(fileno(stream), 0, "%s", LINE), strlen(LINE));
}

static void line_vdprintf_chk(FILE *stream)
{
    CHECK_INT(print_to(fileno(stream), 1, "%s", LINE), strlen(LINE));
}

CASE(dprintf)
{
    sink_case(line_dprintf, _IONBF);
}

CASE(__dprintf_chk)
{
    sink_case(line_dprintf_chk, _IONBF);
}

CASE(vdprintf)
{
    sink_case(line_vdprintf, _IONBF);
}

CASE(__vdprintf_chk)
{
    sink_case(line_vdprintf_chk, _IONBF);
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
