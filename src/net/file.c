/* SPDX-License-Identifier: MIT */
/*
 * net/file.c - calls on files.
 */
#include <thrum/file.h>

#include <errno.h>
#include <fcntl.h>

#include "net/call.h"

int thrum_openat(int folder, const char *path, int flags, unsigned mode,
                 thrum_time deadline)
{
    struct thrumi_io io = {.op = THRUMI_IO_OPENAT,
                           .fd = folder,
                           .path = path,
                           .flags = (unsigned)(flags | O_CLOEXEC),
                           .mode = mode};

    return thrumi_net_fresh((int)thrumi_net_io(&io, deadline));
}

int thrum_open(const char *path, int flags, unsigned mode, thrum_time deadline)
{
    return thrum_openat(AT_FDCWD, path, flags, mode, deadline);
}

int64_t thrum_pread(int fd, void *into, size_t n, int64_t offset,
                    thrum_time deadline)
{
    struct thrumi_io io = {.op = THRUMI_IO_PREAD,
                           .fd = fd,
                           .into = into,
                           .length = n,
                           .offset = offset};

    return thrumi_net_io(&io, deadline);
}

int64_t thrum_pwrite(int fd, const void *from, size_t n, int64_t offset,
                     thrum_time deadline)
{
    struct thrumi_io io = {.op = THRUMI_IO_PWRITE,
                           .fd = fd,
                           .from = from,
                           .length = n,
                           .offset = offset};

    return thrumi_net_io(&io, deadline);
}

static int64_t file_vector(struct thrumi_io *io, int count, thrum_time deadline)
{
    if (count < 0)
        return -EINVAL;
    io->length = (size_t)count;
    return thrumi_net_io(io, deadline);
}

int64_t thrum_preadv(int fd, const struct iovec *into, int count,
                     int64_t offset, thrum_time deadline)
{
    struct thrumi_io io = {
        .op = THRUMI_IO_PREADV, .fd = fd, .vector = into, .offset = offset};

    return file_vector(&io, count, deadline);
}

int64_t thrum_pwritev(int fd, const struct iovec *from, int count,
                      int64_t offset, thrum_time deadline)
{
    struct thrumi_io io = {
        .op = THRUMI_IO_PWRITEV, .fd = fd, .vector = from, .offset = offset};

    return file_vector(&io, count, deadline);
}

int thrum_statx(int folder, const char *path, int flags, unsigned mask,
                struct statx *status, thrum_time deadline)
{
    struct thrumi_io io = {.op = THRUMI_IO_STATX,
                           .fd = folder,
                           .path = path,
                           .flags = (unsigned)flags,
                           .mode = mask,
                           .statx = status};

    return (int)thrumi_net_io(&io, deadline);
}

int thrum_fsync(int fd, thrum_time deadline)
{
    struct thrumi_io io = {.op = THRUMI_IO_FSYNC, .fd = fd};

    return (int)thrumi_net_io(&io, deadline);
}

int thrum_fdatasync(int fd, thrum_time deadline)
{
    struct thrumi_io io = {.op = THRUMI_IO_FSYNC, .fd = fd, .flags = 1};

    return (int)thrumi_net_io(&io, deadline);
}

int64_t thrum_sendfile(int out, int in, int64_t *offset, size_t n,
                       thrum_time deadline)
{
    struct thrumi_io io = {.op = THRUMI_IO_SENDFILE,
                           .fd = out,
                           .other = in,
                           .position = offset,
                           .length = n};

    return thrumi_net_io(&io, deadline);
}

int64_t thrum_splice(int in, int64_t *in_offset, int out, int64_t *out_offset,
                     size_t n, thrum_time deadline)
{
    struct thrumi_io io = {.op = THRUMI_IO_SPLICE,
                           .fd = out,
                           .other = in,
                           .position = in_offset,
                           .out_position = out_offset,
                           .length = n};

    return thrumi_net_io(&io, deadline);
}
