/* SPDX-License-Identifier: MIT */
/*
 * monkey/file_io.c - reads and writes at an offset.
 *
 * What the page cache has is had at once, and may be only the first part of what
 * was asked for. libc's calls give fewer bytes only at the end of a file, and
 * programs rely on that, so these go on until all is done (P37).
 */
#include <errno.h>
#include <poll.h>

#include <thrum/file.h>
#include <thrum/net.h>

#include "monkey/elsewhere.h"
#include "monkey/hooks.h"

/* ---- pieces ---- */

/* What is to be read into or written from, and where in the file. */
struct io_vector {
    const struct iovec *pieces;
    int count;
    off_t offset;
};

/* One call on a piece of memory. */
typedef int64_t io_fn(int fd, char *data, size_t n, int64_t offset);

static int64_t io_read(int fd, char *data, size_t n, int64_t offset)
{
    int64_t result = thrum_pread(fd, data, n, offset, THRUM_FOREVER);

    if (thrumi_elsewhere_nobody(result))
        result = thrumi_from_errno(thrumi_original.pread(fd, data, n, offset));
    return result;
}

static int64_t io_write(int fd, char *data, size_t n, int64_t offset)
{
    int64_t result = thrum_pwrite(fd, data, n, offset, THRUM_FOREVER);

    if (thrumi_elsewhere_nobody(result))
        result = thrumi_from_errno(thrumi_original.pwrite(fd, data, n, offset));
    return result;
}

/* Until all is done, or an end or a code comes. */
static int64_t io_all(io_fn *fn, int fd, char *data, size_t n, int64_t offset)
{
    size_t done = 0;

    while (done < n) {
        int64_t result = fn(fd, data + done, n - done, offset + (int64_t)done);

        if (result <= 0)
            return done > 0 ? (int64_t)done : result;
        done += (size_t)result;
    }
    return (int64_t)done;
}

/* What is left of a vector after `done` bytes: the count of all. */
static int64_t io_rest(io_fn *fn, int fd, const struct io_vector *vector,
                       int64_t done)
{
    int64_t skip = done;

    for (int i = 0; i < vector->count; i++) {
        const struct iovec *piece = &vector->pieces[i];
        int64_t left = (int64_t)piece->iov_len - skip;
        int64_t result;

        if (left <= 0) {
            skip = -left;
            continue;
        }
        result = io_all(fn, fd, (char *)piece->iov_base + skip, (size_t)left,
                        vector->offset + done);
        if (result > 0)
            done += result;
        if (result < left)
            break;
        skip = 0;
    }
    return done;
}

static int64_t io_readv(int fd, const struct io_vector *vector)
{
    int64_t result = thrum_preadv(fd, vector->pieces, vector->count,
                                  vector->offset, THRUM_FOREVER);

    if (thrumi_elsewhere_nobody(result))
        return thrumi_from_errno(thrumi_original.preadv(
            fd, vector->pieces, vector->count, vector->offset));
    return result <= 0 ? result : io_rest(io_read, fd, vector, result);
}

static int64_t io_writev(int fd, const struct io_vector *vector)
{
    int64_t result = thrum_pwritev(fd, vector->pieces, vector->count,
                                   vector->offset, THRUM_FOREVER);

    if (thrumi_elsewhere_nobody(result))
        return thrumi_from_errno(thrumi_original.pwritev(
            fd, vector->pieces, vector->count, vector->offset));
    return result <= 0 ? result : io_rest(io_write, fd, vector, result);
}

/* ---- hooks ---- */

/* An offset below 0 is an error, and would be another thing to Thrum: where the
 * file stands. */
ssize_t thrumi_hook_pread(int fd, void *into, size_t n, off_t offset)
{
    if (thrumi_monkey_outside() || n == 0 || offset < 0)
        return thrumi_original.pread(fd, into, n, offset);
    return thrumi_to_errno(io_all(io_read, fd, into, n, offset));
}

ssize_t thrumi_hook___pread_chk(int fd, void *into, size_t n, off_t offset,
                                size_t room)
{
    if (thrumi_monkey_outside() || n > room)
        return thrumi_original.__pread_chk(fd, into, n, offset, room);
    return thrumi_hook_pread(fd, into, n, offset);
}

ssize_t thrumi_hook_pwrite(int fd, const void *from, size_t n, off_t offset)
{
    char *data = (char *)(uintptr_t)from;

    if (thrumi_monkey_outside() || n == 0 || offset < 0)
        return thrumi_original.pwrite(fd, from, n, offset);
    return thrumi_to_errno(io_all(io_write, fd, data, n, offset));
}

ssize_t thrumi_hook_preadv(int fd, const struct iovec *into, int count,
                           off_t offset)
{
    struct io_vector vector = {into, count, offset};

    if (thrumi_monkey_outside() || offset < 0)
        return thrumi_original.preadv(fd, into, count, offset);
    return thrumi_to_errno(io_readv(fd, &vector));
}

ssize_t thrumi_hook_pwritev(int fd, const struct iovec *from, int count,
                            off_t offset)
{
    struct io_vector vector = {from, count, offset};

    if (thrumi_monkey_outside() || offset < 0)
        return thrumi_original.pwritev(fd, from, count, offset);
    return thrumi_to_errno(io_writev(fd, &vector));
}

/* ---- with flags ---- */

struct io_flagged {
    int fd;
    const struct io_vector *vector;
    int flags;
    ssize_t result;
};

static void io_run_preadv2(void *arg)
{
    struct io_flagged *call = arg;

    call->result = thrumi_original.preadv2(call->fd, call->vector->pieces,
                                           call->vector->count,
                                           call->vector->offset, call->flags);
}

static void io_run_pwritev2(void *arg)
{
    struct io_flagged *call = arg;

    call->result = thrumi_original.pwritev2(call->fd, call->vector->pieces,
                                            call->vector->count,
                                            call->vector->offset, call->flags);
}

/* The flags are of files; what has no offset may have to be waited for. */
static ssize_t io_flagged(struct io_flagged *call, unsigned events,
                          void (*run)(void *arg))
{
    int rc = 0;

    if (call->vector->offset == -1)
        rc = thrum_poll_one(call->fd, events, THRUM_AS_SET);
    if (rc < 0)
        return thrumi_to_errno(rc);
    thrumi_elsewhere(run, call);
    return call->result;
}

ssize_t thrumi_hook_preadv2(int fd, const struct iovec *into, int count,
                            off_t offset, int flags)
{
    struct io_vector vector = {into, count, offset};
    struct io_flagged call = {fd, &vector, flags, 0};

    if (thrumi_monkey_outside() || offset < -1 || (flags & RWF_NOWAIT) != 0)
        return thrumi_original.preadv2(fd, into, count, offset, flags);
    if (flags != 0)
        return io_flagged(&call, POLLIN, io_run_preadv2);
    if (offset == -1)
        return thrumi_hook_readv(fd, into, count);
    return thrumi_to_errno(io_readv(fd, &vector));
}

ssize_t thrumi_hook_pwritev2(int fd, const struct iovec *from, int count,
                             off_t offset, int flags)
{
    struct io_vector vector = {from, count, offset};
    struct io_flagged call = {fd, &vector, flags, 0};

    if (thrumi_monkey_outside() || offset < -1 || (flags & RWF_NOWAIT) != 0)
        return thrumi_original.pwritev2(fd, from, count, offset, flags);
    if (flags != 0)
        return io_flagged(&call, POLLOUT, io_run_pwritev2);
    if (offset == -1)
        return thrumi_hook_writev(fd, from, count);
    return thrumi_to_errno(io_writev(fd, &vector));
}
