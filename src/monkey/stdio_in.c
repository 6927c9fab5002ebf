/* SPDX-License-Identifier: MIT */
/*
 * monkey/stdio_in.c - reading from streams.
 *
 * A call takes what the stream's buffer has. When that is empty it waits until
 * the descriptor can be read, and has the C library fill it: that is one read,
 * which does not block then. What the C library writes before it reads, a request
 * to the same peer or a prompt, is written before the wait.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monkey/elsewhere.h"
#include "monkey/hooks.h"
#include "monkey/stdio.h"

#define IN_LEAST 120 /* bytes of a line's first memory */

static size_t in_buffer(const FILE *stream)
{
    return (size_t)(stream->_IO_read_end - stream->_IO_read_ptr);
}

/* Is what it reads typed in? Which buffer it has is known when it has one. */
static bool in_is_typed(FILE *stream)
{
    int error = errno;
    bool typed = __flbf(stream) || __fbufsize(stream) == 1;

    if (!typed && __fbufsize(stream) == 0)
        typed = isatty(fileno_unlocked(stream)) == 1;
    errno = error;
    return typed;
}

/* The C library writes a prompt before it reads the answer. One that another
 * greenlet is in the middle of is left to that. */
static void in_prompt(FILE *stream)
{
    if (!__flbf(stdout) || __fpending(stdout) == 0 || stream == stdout ||
        !in_is_typed(stream) || thrumi_hook_ftrylockfile(stdout) != 0)
        return;
    (void)thrumi_stdio_flush(stdout);
    thrumi_hook_funlockfile(stdout);
}

/* Has the stream itself something to be written, before it reads? */
static bool in_is_put(FILE *stream)
{
    return __freadable(stream) && __fwriting(stream) && __fpending(stream) > 0;
}

static int in_await(FILE *stream)
{
    if (in_is_put(stream))
        return thrumi_stdio_flush(stream);
    in_prompt(stream);
    return thrumi_stdio_await(stream, POLLIN);
}

/* There is something in the buffer, and the stream's lock is held: 0; EOF at the
 * end, or with errno. */
static int in_fill(FILE *stream)
{
    int c;

    thrumi_stdio_lock(stream);
    while (in_buffer(stream) == 0 &&
           (in_is_put(stream) || thrumi_stdio_would_wait(stream, POLLIN))) {
        thrumi_stdio_unlock(stream);
        if (in_await(stream) != 0)
            return EOF;
        thrumi_stdio_lock(stream);
    }
    if (in_buffer(stream) > 0)
        return 0;
    c = thrumi_original.fgetc(stream);
    if (c != EOF && ungetc(c, stream) != EOF)
        return 0;
    thrumi_stdio_unlock(stream);
    return EOF;
}

/* Takes from the buffer, at most `room` bytes, up to and with the delimiter if
 * that is one; and unlocks the stream. */
static size_t in_take(FILE *stream, char *into, size_t room, int delimiter)
{
    size_t n = in_buffer(stream) < room ? in_buffer(stream) : room;
    const char *end = NULL;

    if (delimiter != EOF)
        end = memchr(stream->_IO_read_ptr, delimiter, n);
    if (end != NULL)
        n = (size_t)(end - stream->_IO_read_ptr) + 1;
    n = thrumi_original.fread(into, 1, n, stream);
    thrumi_stdio_unlock(stream);
    return n;
}

/* ---- lines ---- */

/* An error is none of what was read before, but for that of a stream which does
 * not wait. */
static bool in_has_failed(const FILE *stream)
{
    return (stream->_flags & _IO_ERR_SEEN) != 0 && errno != EAGAIN;
}

static char *in_gets(char *into, int n, FILE *stream)
{
    size_t room = (size_t)n - 1;
    bool failed_before = ferror_unlocked(stream) != 0;
    size_t done = 0;

    while (done < room) {
        if (in_fill(stream) != 0) {
            if (!failed_before && in_has_failed(stream))
                return NULL;
            break;
        }
        done += in_take(stream, into + done, room - done, '\n');
        if (into[done - 1] == '\n')
            break;
    }
    if (done == 0 && room > 0)
        return NULL;
    into[done] = '\0';
    return into;
}

char *thrumi_hook_fgets(char *into, int n, FILE *stream)
{
    char *line;

    if (thrumi_monkey_outside() || n <= 1 || !thrumi_stdio_begin(stream))
        return thrumi_original.fgets(into, n, stream);
    line = in_gets(into, n, stream);
    thrumi_stdio_end(stream);
    return line;
}

char *thrumi_hook___fgets_chk(char *into, size_t room, int n, FILE *stream)
{
    if (thrumi_monkey_outside() || n <= 1 || (size_t)n > room)
        return thrumi_original.__fgets_chk(into, room, n, stream);
    return thrumi_hook_fgets(into, n, stream);
}

struct in_line {
    char **at;
    size_t *room;
    size_t done;
};

/* Room for one more byte and the end, at least. */
static bool in_grow(struct in_line *line)
{
    size_t room = *line->room;
    char *more;

    if (*line->at != NULL && line->done + 2 <= room)
        return true;
    room = room * 2 > IN_LEAST ? room * 2 : IN_LEAST;
    more = realloc(*line->at, room);
    if (more == NULL)
        return false;
    *line->at = more;
    *line->room = room;
    return true;
}

static ssize_t in_getdelim(struct in_line *line, int delimiter, FILE *stream)
{
    /* as the C library has it: without room there is no line either */
    if (*line->at == NULL || *line->room == 0) {
        *line->at = NULL;
        *line->room = 0;
    }
    do {
        if (!in_grow(line))
            return -1;
        if (in_fill(stream) != 0)
            break;
        line->done += in_take(stream, *line->at + line->done,
                              *line->room - line->done - 1, delimiter);
    } while ((unsigned char)(*line->at)[line->done - 1] != delimiter);
    if (line->done == 0) /* the line before stays */
        return -1;
    (*line->at)[line->done] = '\0';
    return (ssize_t)line->done;
}

ssize_t thrumi_hook_getdelim(char **at, size_t *room, int delimiter,
                             FILE *stream)
{
    struct in_line line = {at, room, 0};
    ssize_t result;

    if (thrumi_monkey_outside() || at == NULL || room == NULL ||
        !thrumi_stdio_begin(stream))
        return thrumi_original.getdelim(at, room, delimiter, stream);
    result = in_getdelim(&line, delimiter, stream);
    thrumi_stdio_end(stream);
    return result;
}

ssize_t thrumi_hook_getline(char **at, size_t *room, FILE *stream)
{
    if (thrumi_monkey_outside())
        return thrumi_original.getline(at, room, stream);
    return thrumi_hook_getdelim(at, room, '\n', stream);
}

/* ---- bytes ---- */

static size_t in_read(char *into, size_t n, FILE *stream)
{
    size_t done = 0;

    while (done < n && in_fill(stream) == 0)
        done += in_take(stream, into + done, n - done, EOF);
    return done;
}

size_t thrumi_hook_fread(void *into, size_t size, size_t count, FILE *stream)
{
    size_t n, done;

    if (thrumi_monkey_outside() || size == 0 ||
        __builtin_mul_overflow(size, count, &n) || !thrumi_stdio_begin(stream))
        return thrumi_original.fread(into, size, count, stream);
    done = in_read(into, n, stream);
    thrumi_stdio_end(stream);
    return done / size;
}

size_t thrumi_hook___fread_chk(void *into, size_t room, size_t size,
                               size_t count, FILE *stream)
{
    size_t n;

    if (thrumi_monkey_outside() || __builtin_mul_overflow(size, count, &n) ||
        n > room)
        return thrumi_original.__fread_chk(into, room, size, count, stream);
    return thrumi_hook_fread(into, size, count, stream);
}

/* One byte, by a function that reads one. */
static int in_getc(FILE *stream, int (*get)(FILE *stream))
{
    int c;

    if (thrumi_monkey_outside() || !thrumi_stdio_begin(stream))
        return get(stream);
    c = EOF;
    if (in_fill(stream) == 0) {
        c = get(stream);
        thrumi_stdio_unlock(stream);
    }
    thrumi_stdio_end(stream);
    return c;
}

int thrumi_hook_fgetc(FILE *stream)
{
    return in_getc(stream, thrumi_original.fgetc);
}

int thrumi_hook_getchar(void)
{
    return in_getc(stdin, thrumi_original.fgetc);
}

/* What getc_unlocked() calls when the buffer is empty. */
int thrumi_hook___uflow(FILE *stream)
{
    return in_getc(stream, thrumi_original.__uflow);
}

/* ---- scanf ---- */

struct in_scan {
    FILE *stream;
    const char *format;
    va_list *arguments;
    int rc;
};

static void in_run_scan(void *arg)
{
    struct in_scan *scan = arg;

    scan->rc = thrumi_original.__isoc99_vfscanf(scan->stream, scan->format,
                                                *scan->arguments);
}

/* How much it reads nobody knows before; so another thread makes the call, once
 * there is something. */
static int in_scanf(FILE *stream, const char *format, va_list *arguments)
{
    struct in_scan scan = {stream, format, arguments, EOF};

    if (in_fill(stream) == 0) {
        thrumi_stdio_unlock(stream);
        thrumi_elsewhere(in_run_scan, &scan);
    } else if (errno == 0) {
        thrumi_elsewhere(in_run_scan, &scan);
    }
    return scan.rc;
}

int thrumi_hook___isoc99_vfscanf(FILE *stream, const char *format,
                                 va_list arguments)
{
    va_list copy;
    int rc;

    if (thrumi_monkey_outside() || !thrumi_stdio_begin(stream))
        return thrumi_original.__isoc99_vfscanf(stream, format, arguments);
    va_copy(copy, arguments);
    rc = in_scanf(stream, format, &copy);
    va_end(copy);
    thrumi_stdio_end(stream);
    return rc;
}

int thrumi_hook___isoc99_fscanf(FILE *stream, const char *format, ...)
{
    va_list arguments;
    int rc;

    va_start(arguments, format);
    rc = thrumi_hook___isoc99_vfscanf(stream, format, arguments);
    va_end(arguments);
    return rc;
}

int thrumi_hook___isoc99_scanf(const char *format, ...)
{
    va_list arguments;
    int rc;

    va_start(arguments, format);
    rc = thrumi_hook___isoc99_vfscanf(stdin, format, arguments);
    va_end(arguments);
    return rc;
}

int thrumi_hook___isoc99_vscanf(const char *format, va_list arguments)
{
    return thrumi_hook___isoc99_vfscanf(stdin, format, arguments);
}
