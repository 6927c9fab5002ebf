/* SPDX-License-Identifier: MIT */
/*
 * sys/io_copy.c - sendfile and splice without a wait.
 *
 * Neither has a flag for sockets that block. sendfile to one is done by hand:
 * what the page cache has is read into a buffer and sent with MSG_DONTWAIT. What
 * has to come from the disk is read by another thread, which sends no more than
 * there is room for: no deadline would end its wait for the other side.
 * splice asks poll() about both ends, and moves so little at a time that what
 * polls as writable has room for it.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sys/io.h"
#include "sys/io_parts.h"

#define COPY_CHUNK  ((size_t)32 << 10)
#define SPLICE_MOST ((size_t)16 << 10)

/* A try, and what cannot be done without the disk too if we may wait for it. */
static int64_t copy_part(struct thrumi_io *part, bool block)
{
    int64_t result = thrumi_io_try(part);

    return result == THRUMI_IO_BLOCKS && block ? thrumi_io_block(part) : result;
}

/* What is read ahead of a send that takes less is read again the next time. */
static int64_t copy_by_hand(struct thrumi_io *io, int64_t at, void *buffer,
                            bool block)
{
    struct thrumi_io in = {.op = THRUMI_IO_PREAD, .fd = io->other};
    struct thrumi_io out = {.op = THRUMI_IO_WRITE, .fd = io->fd};
    int64_t result;

    in.into = buffer;
    in.length = io->length < COPY_CHUNK ? io->length : COPY_CHUNK;
    in.offset = at;
    result = copy_part(&in, block);
    if (result <= 0)
        return result;
    out.from = buffer;
    out.length = (size_t)result;
    out.kind = io->kind;
    out.sigpipe = io->sigpipe;
    result = copy_part(&out, block);
    io->kind = out.kind;
    if (result == -EAGAIN)
        return thrumi_io_again(io, out.wait_fd, out.wait_for);
    return result;
}

/* Where the file stands, or the caller says. */
static int64_t copy_position(const struct thrumi_io *io)
{
    if (io->position != NULL)
        return *io->position;
    return thrumi_io_result(lseek(io->other, 0, SEEK_CUR));
}

static void copy_advance(const struct thrumi_io *io, int64_t to)
{
    if (io->position != NULL)
        *io->position = to;
    else
        lseek(io->other, to, SEEK_SET);
}

static int64_t copy_sendfile(struct thrumi_io *io, bool block)
{
    int64_t at = copy_position(io);
    int64_t result;
    void *buffer;

    if (at < 0)
        return at == -ESPIPE ? -EINVAL : at;
    buffer = thrumi_alloc(COPY_CHUNK);
    if (buffer == NULL)
        return -ENOMEM;
    result = copy_by_hand(io, at, buffer, block);
    thrumi_free(buffer);
    if (result > 0)
        copy_advance(io, at + result);
    return result;
}

int64_t thrumi_io_try_sendfile(struct thrumi_io *io)
{
    int64_t result;

    if (!thrumi_io_nonblocking(io->fd))
        return copy_sendfile(io, false);
    result =
        thrumi_io_result(sendfile(io->fd, io->other, io->position, io->length));
    if (result == -EAGAIN)
        return thrumi_io_again(io, io->fd, THRUMI_WRITABLE);
    return result;
}

/* Is this end ready? 0, -EAGAIN with what to wait for, or an error. Files are
 * always. */
static int64_t copy_ready(struct thrumi_io *io, int fd, unsigned events)
{
    int ready = thrumi_io_poll(fd, events);

    if (ready != 0)
        return ready < 0 ? ready : 0;
    return thrumi_io_again(
        io, fd, events == POLLIN ? THRUMI_READABLE : THRUMI_WRITABLE);
}

int64_t thrumi_io_try_splice(struct thrumi_io *io)
{
    int64_t result = copy_ready(io, io->other, POLLIN);
    size_t length = io->length;

    if (result == 0)
        result = copy_ready(io, io->fd, POLLOUT);
    if (result != 0)
        return result;
    if (length > SPLICE_MOST && !thrumi_io_nonblocking(io->fd))
        length = SPLICE_MOST;
    result = thrumi_io_result(splice(io->other, io->position, io->fd,
                                     io->out_position, length,
                                     io->flags | SPLICE_F_NONBLOCK));
    if (result == -EAGAIN)
        return thrumi_io_again(io, io->fd, THRUMI_WRITABLE);
    return result;
}

/* In a thread that may wait for a disk. */
int64_t thrumi_io_copy(struct thrumi_io *io)
{
    if (io->op == THRUMI_IO_SENDFILE)
        return copy_sendfile(io, true);
    return thrumi_io_result(splice(io->other, io->position, io->fd,
                                   io->out_position, io->length, io->flags));
}
