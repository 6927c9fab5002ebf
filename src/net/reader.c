/* SPDX-License-Identifier: MIT */
/*
 * net/reader.c - a buffer that is read into until what is wanted is in it.
 *
 *     buffer   |....taken....|=======there=======|      room      |
 *              0             start               end              size
 *
 * Nothing is taken before all of it is there, so a call that fails has changed
 * nothing. What was taken stays where it is until the next call reads; then the
 * rest is moved to the front, if that makes room, or the buffer grows.
 */
#include <thrum/reader.h>

#include <errno.h>
#include <string.h>

#include <thrum/error.h>
#include <thrum/net.h>

#include "base/alloc.h"
#include "task/context.h"

#define READER_BUFFER 4096
#define READER_LIMIT  65536

struct thrum_reader {
    int fd;
    bool ended;
    char *buffer;
    size_t size;
    size_t start;
    size_t end;
    size_t limit;
};

int thrum_reader_new(int fd, const thrum_reader_options *options,
                     thrum_reader **ret)
{
    thrum_reader_options wanted = THRUM_READER_OPTIONS;
    thrum_reader *reader;

    if (options != NULL && options->size < sizeof(*options))
        return -EINVAL;
    if (options != NULL)
        wanted = *options;
    reader = thrumi_alloc_zero(sizeof(*reader));
    if (reader == NULL)
        return -ENOMEM;
    reader->fd = fd;
    reader->size = wanted.buffer != 0 ? wanted.buffer : READER_BUFFER;
    reader->limit = wanted.limit != 0 ? wanted.limit : READER_LIMIT;
    reader->buffer = thrumi_alloc(reader->size);
    if (reader->buffer == NULL) {
        thrumi_free(reader);
        return -ENOMEM;
    }
    *ret = reader;
    return 0;
}

void thrum_reader_free(thrum_reader *reader)
{
    if (reader == NULL)
        return;
    thrumi_free(reader->buffer);
    thrumi_free(reader);
}

/* ---- the buffer ---- */

static size_t reader_there(const thrum_reader *reader)
{
    return reader->end - reader->start;
}

static const char *reader_at(const thrum_reader *reader)
{
    return reader->buffer + reader->start;
}

static void reader_take(thrum_reader *reader, size_t n)
{
    reader->start += n;
}

static int reader_grow(thrum_reader *reader)
{
    size_t size = reader->size * 2;
    char *buffer = thrumi_alloc(size);

    if (buffer == NULL)
        return -ENOMEM;
    memcpy(buffer, reader_at(reader), reader_there(reader));
    thrumi_free(reader->buffer);
    reader->buffer = buffer;
    reader->size = size;
    reader->end = reader_there(reader);
    reader->start = 0;
    return 0;
}

/* Room behind what is there. What has been taken makes it, unless that is
 * little beside what would be moved. */
static int reader_make_room(thrum_reader *reader)
{
    if (reader->start == reader->end)
        reader->start = reader->end = 0;
    if (reader->end < reader->size)
        return 0;
    if (reader->start < reader->size / 2)
        return reader_grow(reader);
    memcpy(reader->buffer, reader_at(reader), reader_there(reader));
    reader->end = reader_there(reader);
    reader->start = 0;
    return 0;
}

/* Reads more: 1, 0 at the end, or a code. */
static int reader_more(thrum_reader *reader, thrum_time deadline)
{
    int64_t n;
    int rc;

    if (reader->ended)
        return 0;
    rc = reader_make_room(reader);
    if (rc != 0)
        return rc;
    n = thrum_read(reader->fd, reader->buffer + reader->end,
                   reader->size - reader->end, deadline);
    if (n < 0)
        return (int)n;
    reader->end += (size_t)n;
    reader->ended = n == 0;
    return n > 0;
}

/* ---- pieces ---- */

/* What the end means to one who wants more than there is. */
static int reader_at_end(const thrum_reader *reader)
{
    return reader_there(reader) == 0 ? THRUM_ESTOP : -ENODATA;
}

/* How far away the pattern is; or a code. */
static int64_t reader_find(thrum_reader *reader, const void *pattern, size_t n,
                           thrum_time deadline)
{
    size_t seen = 0; /* there it is not */

    for (;;) {
        size_t there = reader_there(reader);
        const char *found =
            memmem(reader_at(reader) + seen, there - seen, pattern, n);
        int rc;

        if (found != NULL &&
            (size_t)(found - reader_at(reader)) <= reader->limit)
            return found - reader_at(reader);
        if (found != NULL || there >= reader->limit + n)
            return -EMSGSIZE;
        seen = there >= n ? there - n + 1 : 0;
        rc = reader_more(reader, deadline);
        if (rc <= 0)
            return rc == 0 ? reader_at_end(reader) : rc;
    }
}

int64_t thrum_reader_until(thrum_reader *reader, const void *pattern, size_t n,
                           thrum_time deadline, const char **ret)
{
    int64_t length;

    if (n == 0)
        return -EINVAL;
    length = reader_find(reader, pattern, n, deadline);
    if (length < 0)
        return length;
    *ret = reader_at(reader);
    reader_take(reader, (size_t)length + n);
    thrumi_context_spend();
    return length;
}

int64_t thrum_reader_line(thrum_reader *reader, thrum_time deadline,
                          const char **ret)
{
    int64_t length = thrum_reader_until(reader, "\n", 1, deadline, ret);

    if (length == -ENODATA) { /* the last, without an end */
        length = (int64_t)reader_there(reader);
        *ret = reader_at(reader);
        reader_take(reader, (size_t)length);
        return length;
    }
    if (length > 0 && (*ret)[length - 1] == '\r')
        length--;
    return length;
}

int64_t thrum_reader_peek(thrum_reader *reader, size_t n, thrum_time deadline,
                          const void **ret)
{
    int rc = 1;

    if (n > reader->limit)
        return -EMSGSIZE;
    while (reader_there(reader) < n && rc > 0)
        rc = reader_more(reader, deadline);
    if (rc < 0)
        return rc;
    *ret = reader_at(reader);
    return (int64_t)reader_there(reader);
}

int thrum_reader_exactly(thrum_reader *reader, size_t n, thrum_time deadline,
                         const void **ret)
{
    int64_t there = thrum_reader_peek(reader, n, deadline, ret);

    if (there < 0)
        return (int)there;
    if ((size_t)there < n)
        return reader_at_end(reader);
    reader_take(reader, n);
    thrumi_context_spend();
    return 0;
}

int64_t thrum_reader_read(thrum_reader *reader, void *into, size_t n,
                          thrum_time deadline)
{
    size_t there = reader_there(reader);

    if (there == 0)
        return reader->ended ? 0 : thrum_read(reader->fd, into, n, deadline);
    if (n > there)
        n = there;
    memcpy(into, reader_at(reader), n);
    reader_take(reader, n);
    thrumi_context_spend();
    return (int64_t)n;
}
