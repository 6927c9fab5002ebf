/* SPDX-License-Identifier: MIT */
/*
 * monkey/stdio_out.c - writing to streams.
 *
 * What the stream's buffer has room for is put there at once. Else it is written
 * in pieces, each after the descriptor can be written to: a pipe takes PIPE_BUF
 * bytes then, and no piece makes the C library write more at a time: what would
 * be more is flushed before. If the program has given the stream a longer buffer,
 * another thread does that.
 *
 * What is printed is made in memory first.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>

#include "monkey/hooks.h"
#include "monkey/stdio.h"
#include "monkey/stream.h"

/* Formats are those of whoever calls the hook, who was warned. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

#define OUT_PIECE 1024u

/* Does it stay in the buffer? */
static bool out_fits(FILE *stream, size_t n)
{
    return !__flbf(stream) && __fbufsize(stream) > __fpending(stream) + n;
}

/* With what is there it is more than a write that does not block. */
static bool out_is_much(FILE *stream, size_t n)
{
    return __fpending(stream) > 0 && __fpending(stream) + n > PIPE_BUF;
}

static bool out_would_wait(FILE *stream, size_t n)
{
    return !out_fits(stream, n) && __fwritable(stream) &&
           (out_is_much(stream, n) || thrumi_stdio_would_wait(stream, POLLOUT));
}

static int out_await(FILE *stream, size_t n)
{
    return out_is_much(stream, n) ? thrumi_stdio_flush(stream)
                                  : thrumi_stdio_await(stream, POLLOUT);
}

static size_t out_piece(FILE *stream, const char *from, size_t n)
{
    size_t done;

    thrumi_stdio_lock(stream);
    while (out_would_wait(stream, n)) {
        thrumi_stdio_unlock(stream);
        if (out_await(stream, n) != 0)
            return 0;
        thrumi_stdio_lock(stream);
    }
    done = thrumi_original.fwrite(from, 1, n, stream);
    thrumi_stdio_unlock(stream);
    return done;
}

size_t thrumi_stdio_put(FILE *stream, const char *from, size_t n)
{
    size_t done = 0;

    while (done < n) {
        size_t piece = n - done < OUT_PIECE ? n - done : OUT_PIECE;
        size_t count = out_piece(stream, from + done, piece);

        done += count;
        if (count < piece)
            break;
    }
    return done;
}

size_t thrumi_hook_fwrite(const void *from, size_t size, size_t count,
                          FILE *stream)
{
    size_t n, done;

    if (thrumi_monkey_outside() || size == 0 ||
        __builtin_mul_overflow(size, count, &n) || !thrumi_stdio_begin(stream))
        return thrumi_original.fwrite(from, size, count, stream);
    done = thrumi_stdio_put(stream, from, n);
    thrumi_stdio_end(stream);
    return done / size;
}

int thrumi_hook_fputs(const char *text, FILE *stream)
{
    size_t n;
    bool all;

    if (thrumi_monkey_outside() || !thrumi_stdio_begin(stream))
        return thrumi_original.fputs(text, stream);
    n = strlen(text);
    all = thrumi_stdio_put(stream, text, n) == n;
    thrumi_stdio_end(stream);
    return all ? 1 : EOF;
}

int thrumi_hook_puts(const char *text)
{
    bool all;

    if (thrumi_monkey_outside() || !thrumi_stdio_begin(stdout))
        return thrumi_original.puts(text);
    all = thrumi_stdio_put(stdout, text, strlen(text)) == strlen(text) &&
          thrumi_stdio_put(stdout, "\n", 1) == 1;
    thrumi_stdio_end(stdout);
    return all ? 1 : EOF;
}

static int out_putc(int c, FILE *stream)
{
    char byte = (char)c;
    size_t done = thrumi_stdio_put(stream, &byte, 1);

    thrumi_stdio_end(stream);
    return done == 1 ? (unsigned char)c : EOF;
}

int thrumi_hook_fputc(int c, FILE *stream)
{
    if (thrumi_monkey_outside() || !thrumi_stdio_begin(stream))
        return thrumi_original.fputc(c, stream);
    return out_putc(c, stream);
}

int thrumi_hook_putchar(int c)
{
    return thrumi_hook_fputc(c, stdout);
}

/* What putc_unlocked() calls when the buffer is full. */
int thrumi_hook___overflow(FILE *stream, int c)
{
    if (thrumi_monkey_outside() || !thrumi_stdio_begin(stream))
        return thrumi_original.__overflow(stream, c);
    return out_putc(c, stream);
}

/* ---- printf ---- */

/* In memory. With -D_FORTIFY_SOURCE there is a flag, which asks libc to refuse
 * some formats. */
static int out_make(char **ret, int flag, const char *format, va_list arguments)
{
    return flag == 0 ? vasprintf(ret, format, arguments)
                     : __vasprintf_chk(ret, flag, format, arguments);
}

/* The stream is the caller's. */
static int out_print(FILE *stream, int flag, const char *format,
                     va_list arguments)
{
    char *text;
    int n = out_make(&text, flag, format, arguments);

    if (n < 0)
        return n;
    if (thrumi_stdio_put(stream, text, (size_t)n) < (size_t)n)
        n = -1;
    free(text);
    return n;
}

int thrumi_hook_vfprintf(FILE *stream, const char *format, va_list arguments)
{
    int n;

    if (thrumi_monkey_outside() || !thrumi_stdio_begin(stream))
        return thrumi_original.vfprintf(stream, format, arguments);
    n = out_print(stream, 0, format, arguments);
    thrumi_stdio_end(stream);
    return n;
}

int thrumi_hook_fprintf(FILE *stream, const char *format, ...)
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = thrumi_hook_vfprintf(stream, format, arguments);
    va_end(arguments);
    return n;
}

int thrumi_hook_vprintf(const char *format, va_list arguments)
{
    return thrumi_hook_vfprintf(stdout, format, arguments);
}

int thrumi_hook_printf(const char *format, ...)
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = thrumi_hook_vfprintf(stdout, format, arguments);
    va_end(arguments);
    return n;
}

int thrumi_hook___vfprintf_chk(FILE *stream, int flag, const char *format,
                               va_list arguments)
{
    int n;

    if (thrumi_monkey_outside() || !thrumi_stdio_begin(stream))
        return thrumi_original.__vfprintf_chk(stream, flag, format, arguments);
    n = out_print(stream, flag, format, arguments);
    thrumi_stdio_end(stream);
    return n;
}

int thrumi_hook___fprintf_chk(FILE *stream, int flag, const char *format, ...)
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = thrumi_hook___vfprintf_chk(stream, flag, format, arguments);
    va_end(arguments);
    return n;
}

int thrumi_hook___vprintf_chk(int flag, const char *format, va_list arguments)
{
    return thrumi_hook___vfprintf_chk(stdout, flag, format, arguments);
}

int thrumi_hook___printf_chk(int flag, const char *format, ...)
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = thrumi_hook___vfprintf_chk(stdout, flag, format, arguments);
    va_end(arguments);
    return n;
}

/* ---- to a descriptor ---- */

static int out_print_to(int fd, int flag, const char *format, va_list arguments)
{
    int64_t written;
    char *text;
    int n = out_make(&text, flag, format, arguments);

    if (n < 0)
        return n;
    written = thrumi_to_errno(thrumi_stream_write(fd, text, (size_t)n));
    free(text);
    return written == n ? n : -1;
}

int thrumi_hook_vdprintf(int fd, const char *format, va_list arguments)
{
    if (thrumi_monkey_outside())
        return thrumi_original.vdprintf(fd, format, arguments);
    return out_print_to(fd, 0, format, arguments);
}

int thrumi_hook_dprintf(int fd, const char *format, ...)
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = thrumi_hook_vdprintf(fd, format, arguments);
    va_end(arguments);
    return n;
}

int thrumi_hook___vdprintf_chk(int fd, int flag, const char *format,
                               va_list arguments)
{
    if (thrumi_monkey_outside())
        return thrumi_original.__vdprintf_chk(fd, flag, format, arguments);
    return out_print_to(fd, flag, format, arguments);
}

int thrumi_hook___dprintf_chk(int fd, int flag, const char *format, ...)
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = thrumi_hook___vdprintf_chk(fd, flag, format, arguments);
    va_end(arguments);
    return n;
}
