/* SPDX-License-Identifier: MIT */
/*
 * net/transfer.c - read, write, recv and send.
 */
#include <thrum/net.h>

#include <errno.h>
#include <sys/socket.h>

#include "net/call.h"

int64_t thrum_read(int fd, void *into, size_t n, thrum_time deadline)
{
    struct thrumi_io io = {
        .op = THRUMI_IO_READ, .fd = fd, .into = into, .length = n};

    return thrumi_net_io(&io, deadline);
}

int64_t thrum_readv(int fd, const struct iovec *into, int count,
                    thrum_time deadline)
{
    struct thrumi_io io = {.op = THRUMI_IO_READV, .fd = fd, .vector = into};

    if (count < 0)
        return -EINVAL;
    io.length = (size_t)count;
    return thrumi_net_io(&io, deadline);
}

int64_t thrum_write(int fd, const void *from, size_t n, thrum_time deadline)
{
    struct thrumi_io io = {
        .op = THRUMI_IO_WRITE, .fd = fd, .from = from, .length = n};

    return thrumi_net_io(&io, deadline);
}

int64_t thrum_writev(int fd, const struct iovec *from, int count,
                     thrum_time deadline)
{
    struct thrumi_io io = {.op = THRUMI_IO_WRITEV, .fd = fd, .vector = from};

    if (count < 0)
        return -EINVAL;
    io.length = (size_t)count;
    return thrumi_net_io(&io, deadline);
}

int thrum_write_all(int fd, const void *from, size_t n, thrum_time deadline)
{
    const char *at = from;

    while (n > 0) {
        int64_t count = thrum_write(fd, at, n, deadline);

        if (count < 0)
            return (int)count;
        at += count;
        n -= (size_t)count;
    }
    return 0;
}

/* The flags of a call; MSG_DONTWAIT is asked for by another field. */
static void transfer_set_flags(struct thrumi_io *io, int flags)
{
    io->nowait = (flags & MSG_DONTWAIT) != 0;
    io->flags = (unsigned)(flags & ~MSG_DONTWAIT);
}

int64_t thrum_recv(int fd, void *into, size_t n, int flags, thrum_time deadline)
{
    struct thrumi_io io = {
        .op = THRUMI_IO_RECV, .fd = fd, .into = into, .length = n};

    transfer_set_flags(&io, flags);
    return thrumi_net_io(&io, deadline);
}

int64_t thrum_recvfrom(int fd, void *into, size_t n, int flags,
                       struct sockaddr *address, unsigned *length,
                       thrum_time deadline)
{
    struct thrumi_io io = {.op = THRUMI_IO_RECVFROM,
                           .fd = fd,
                           .into = into,
                           .length = n,
                           .address = address,
                           .address_length = length};

    transfer_set_flags(&io, flags);
    return thrumi_net_io(&io, deadline);
}

int64_t thrum_recvmsg(int fd, struct msghdr *message, int flags,
                      thrum_time deadline)
{
    struct thrumi_io io = {
        .op = THRUMI_IO_RECVMSG, .fd = fd, .message = message};

    transfer_set_flags(&io, flags);
    return thrumi_net_io(&io, deadline);
}

int64_t thrum_send(int fd, const void *from, size_t n, int flags,
                   thrum_time deadline)
{
    struct thrumi_io io = {
        .op = THRUMI_IO_SEND, .fd = fd, .from = from, .length = n};

    transfer_set_flags(&io, flags);
    return thrumi_net_io(&io, deadline);
}

int64_t thrum_sendto(int fd, const void *from, size_t n, int flags,
                     const struct sockaddr *address, unsigned length,
                     thrum_time deadline)
{
    struct thrumi_io io = {.op = THRUMI_IO_SENDTO,
                           .fd = fd,
                           .from = from,
                           .length = n,
                           .to = address,
                           .to_length = length};

    transfer_set_flags(&io, flags);
    return thrumi_net_io(&io, deadline);
}

int64_t thrum_sendmsg(int fd, const struct msghdr *message, int flags,
                      thrum_time deadline)
{
    struct thrumi_io io = {.op = THRUMI_IO_SENDMSG, .fd = fd, .sent = message};

    transfer_set_flags(&io, flags);
    return thrumi_net_io(&io, deadline);
}
