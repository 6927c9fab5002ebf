/* SPDX-License-Identifier: MIT */
/*
 * cases_stdio_out.c - writing to streams on pipes.
 *
 * A case has a reader beside it, and writes more than a pipe has room for.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "monkey/undeclared.h"

int __overflow(FILE *stream, int c);

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

static THRUM_PRINTF(3, 4) int print_list(FILE *stream, int flag,
                                         const char *format, ...)
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

static THRUM_PRINTF(2, 3) int print_out(int flag, const char *format, ...)
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

static THRUM_PRINTF(3, 4) int print_to(int fd, int flag, const char *format,
                                       ...)
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
