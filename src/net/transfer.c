/* SPDX-License-Identifier: MIT */
/*
 * net/transfer.c - read, write, recv and send.
 *
 * A read of a file takes all that was asked for, or all there is: the page cache
 * may have only the first part of it, and fewer bytes are how a file tells its
 * end.
 */
#include <thrum/net.h>

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/container.h"
#include "net/call.h"

/* A part of a file was read? */
static bool transfer_goes_on(const struct thrumi_io *io, int64_t result)
{
    return thrumi_unlikely(io->kind == THRUMI_IO_FILE) && result > 0;
}

/* The rest of a buffer, of which `done` bytes are there: the count of all. */
static int64_t transfer_fill(int fd, char *into, size_t n, size_t done,
                             thrum_time deadline)
{
    while (done < n) {
        struct thrumi_io io = {.op = THRUMI_IO_READ,
                               .fd = fd,
                               .into = into + done,
                               .length = n - done};
        int64_t result = thrumi_net_io(&io, deadline);

        if (result <= 0)
            break;
        done += (size_t)result;
    }
    return (int64_t)done;
}

/* The same of a vector. */
static int64_t transfer_fill_all(int fd, const struct iovec *into, int count,
                                 size_t done, thrum_time deadline)
{
    size_t sum = 0;

    for (int i = 0; i < count; i++) {
        size_t length = into[i].iov_len;
        size_t there = done < length ? done : length;

        there = (size_t)transfer_fill(fd, into[i].iov_base, length, there,
                                      deadline);
        done -= done < there ? done : there;
        sum += there;
        if (there < length)
            break;
    }
    return (int64_t)sum;
}

int64_t thrum_read(int fd, void *into, size_t n, thrum_time deadline)
{
    struct thrumi_io io = {
        .op = THRUMI_IO_READ, .fd = fd, .into = into, .length = n};
    int64_t result = thrumi_net_io(&io, deadline);

    if (transfer_goes_on(&io, result))
        return transfer_fill(fd, into, n, (size_t)result, deadline);
    return result;
}

int64_t thrum_readv(int fd, const struct iovec *into, int count,
                    thrum_time deadline)
{
    struct thrumi_io io = {.op = THRUMI_IO_READV, .fd = fd, .vector = into};
    int64_t result;

    if (count < 0)
        return -EINVAL;
    io.length = (size_t)count;
    result = thrumi_net_io(&io, deadline);
    if (transfer_goes_on(&io, result))
        return transfer_fill_all(fd, into, count, (size_t)result, deadline);
    return result;
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
