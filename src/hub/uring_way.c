/* SPDX-License-Identifier: MIT */
/*
 * hub/uring_way.c - which calls io_uring makes, and which are made at once.
 *
 *     send, when nobody else can run    at first: a turn of its own is dearer
 *     files                             at first: it may be in the page cache
 *     what io_uring does not have, and  by try
 *     writes that would raise SIGPIPE,
 *     and connecting to UNIX listeners
 *     all else                          by the ring
 *
 * Descriptors with O_NONBLOCK are not known: there the kernel says EAGAIN to
 * what went by the ring, and the call goes on by try.
 */
#include "hub/uring_way.h"

#include "hub/hub.h"
#include "sys/uringfd.h"

static bool way_is_send(const struct thrumi_io *io)
{
    return io->op == THRUMI_IO_SEND || io->op == THRUMI_IO_SENDTO ||
           io->op == THRUMI_IO_SENDMSG ||
           ((io->op == THRUMI_IO_WRITE || io->op == THRUMI_IO_WRITEV) &&
            io->kind <= THRUMI_IO_SOCKET);
}

/* A write to what is no socket and no file can raise SIGPIPE. */
static enum thrumi_uring_way way_of_write(const struct thrumi_io *io)
{
    if (io->kind == THRUMI_IO_PIPE || io->kind == THRUMI_IO_DEVICE)
        return io->sigpipe ? THRUMI_URING_BY_RING : THRUMI_URING_BY_TRY;
    if (io->kind == THRUMI_IO_FILE)
        return THRUMI_URING_AT_FIRST;
    return thrumi_hub_has_ready() ? THRUMI_URING_BY_RING
                                  : THRUMI_URING_AT_FIRST;
}

/* A thread of the kernel that waits for a UNIX listener's queue to have room is
 * not always to be had back. */
static bool way_may_stick(const struct thrumi_io *io)
{
    return io->op == THRUMI_IO_CONNECT && thrumi_io_is_unix(io->fd);
}

enum thrumi_uring_way thrumi_uring_way(const struct thrumi_io *io)
{
    switch (io->op) {
    case THRUMI_IO_READ:
    case THRUMI_IO_READV:
        if (io->length == 0)
            return THRUMI_URING_BY_TRY;
        return io->kind == THRUMI_IO_FILE ? THRUMI_URING_AT_FIRST
                                          : THRUMI_URING_BY_RING;
    case THRUMI_IO_WRITE:
    case THRUMI_IO_WRITEV:
        return io->length == 0 ? THRUMI_URING_BY_TRY : way_of_write(io);
    case THRUMI_IO_PREAD:
    case THRUMI_IO_PREADV:
    case THRUMI_IO_PWRITE:
    case THRUMI_IO_PWRITEV:
        return THRUMI_URING_AT_FIRST;
    default:
        if (!thrumi_uring_can(io) || way_may_stick(io))
            return THRUMI_URING_BY_TRY;
        return way_is_send(io) && !thrumi_hub_has_ready()
                   ? THRUMI_URING_AT_FIRST
                   : THRUMI_URING_BY_RING;
    }
}
