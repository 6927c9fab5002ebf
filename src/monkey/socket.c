/* SPDX-License-Identifier: MIT */
/*
 * monkey/socket.c - recv and send, and read and write of whatever it is.
 *
 * A blocking send returns when all is sent, and a write that nobody can read
 * raises SIGPIPE: Thrum's own calls do neither, so that is done here. What is
 * interrupted after some of it was done returns how much that was.
 */
#include <errno.h>
#include <limits.h>

#include <thrum/net.h>

#include "monkey/hooks.h"
#include "monkey/span.h"
#include "monkey/stream.h"

/* So much is not read or written, and the system does not wait to say that. */
static bool socket_is_at_once(size_t n)
{
    return n == 0 || n > SSIZE_MAX;
}

/* With none or too many pieces readv() and writev() do not wait. */
static bool socket_is_vector(int count)
{
    return count > 0 && count <= IOV_MAX;
}

/* ---- reading ---- */

ssize_t thrumi_hook_read(int fd, void *into, size_t n)
{
    if (thrumi_monkey_outside() || socket_is_at_once(n))
        return thrumi_original.read(fd, into, n);
    return thrumi_to_errno(thrum_read(fd, into, n, THRUM_AS_SET));
}

ssize_t thrumi_hook___read_chk(int fd, void *into, size_t n, size_t room)
{
    if (thrumi_monkey_outside() || n > room || socket_is_at_once(n))
        return thrumi_original.__read_chk(fd, into, n, room);
    return thrumi_to_errno(thrum_read(fd, into, n, THRUM_AS_SET));
}

ssize_t thrumi_hook_readv(int fd, const struct iovec *into, int count)
{
    if (thrumi_monkey_outside() || !socket_is_vector(count))
        return thrumi_original.readv(fd, into, count);
    return thrumi_to_errno(thrum_readv(fd, into, count, THRUM_AS_SET));
}

ssize_t thrumi_hook_recv(int fd, void *into, size_t n, int flags)
{
    if (thrumi_monkey_outside())
        return thrumi_original.recv(fd, into, n, flags);
    return thrumi_to_errno(thrumi_stream_recv(fd, into, n, flags));
}

ssize_t thrumi_hook___recv_chk(int fd, void *into, size_t n, size_t room,
                               int flags)
{
    if (thrumi_monkey_outside() || n > room)
        return thrumi_original.__recv_chk(fd, into, n, room, flags);
    return thrumi_to_errno(thrumi_stream_recv(fd, into, n, flags));
}

/* The address is of no use for a stream, which has no more than one. */
ssize_t thrumi_hook_recvfrom(int fd, void *into, size_t n, int flags,
                             __SOCKADDR_ARG address, socklen_t *length)
{
    const struct thrumi_peer peer = {address.__sockaddr__, length};

    if (thrumi_monkey_outside())
        return thrumi_original.recvfrom(fd, into, n, flags, address, length);
    if (peer.address == NULL)
        return thrumi_to_errno(thrumi_stream_recv(fd, into, n, flags));
    return thrumi_to_errno(thrumi_stream_recvfrom(fd, into, n, flags, &peer));
}

ssize_t thrumi_hook___recvfrom_chk(int fd, void *into, size_t n, size_t room,
                                   int flags, struct sockaddr *address,
                                   socklen_t *length)
{
    if (thrumi_monkey_outside() || n > room)
        return thrumi_original.__recvfrom_chk(fd, into, n, room, flags, address,
                                              length);
    return thrumi_hook_recvfrom(fd, into, n, flags, address, length);
}

ssize_t thrumi_hook_recvmsg(int fd, struct msghdr *message, int flags)
{
    if (thrumi_monkey_outside())
        return thrumi_original.recvmsg(fd, message, flags);
    return thrumi_to_errno(thrumi_stream_recvmsg(fd, message, flags));
}

/* ---- writing ---- */

ssize_t thrumi_hook_write(int fd, const void *from, size_t n)
{
    if (thrumi_monkey_outside() || socket_is_at_once(n))
        return thrumi_original.write(fd, from, n);
    return thrumi_to_errno(thrumi_stream_write(fd, from, n));
}

ssize_t thrumi_hook_writev(int fd, const struct iovec *from, int count)
{
    if (thrumi_monkey_outside() || !socket_is_vector(count))
        return thrumi_original.writev(fd, from, count);
    return thrumi_to_errno(thrumi_stream_writev(fd, from, count));
}

ssize_t thrumi_hook_send(int fd, const void *from, size_t n, int flags)
{
    if (thrumi_monkey_outside())
        return thrumi_original.send(fd, from, n, flags);
    return thrumi_to_errno(thrumi_stream_send(fd, from, n, flags));
}

/* A datagram goes whole; of a stream the address says nothing. One that is too
 * long is an error here, and not in a message. */
ssize_t thrumi_hook_sendto(int fd, const void *from, size_t n, int flags,
                           __CONST_SOCKADDR_ARG address, socklen_t length)
{
    const struct sockaddr *to = address.__sockaddr__;
    struct iovec piece = {(void *)(uintptr_t)from, n};
    struct msghdr message = {.msg_name = (void *)(uintptr_t)to,
                             .msg_namelen = length,
                             .msg_iov = &piece,
                             .msg_iovlen = 1};

    if (thrumi_monkey_outside() || length > sizeof(struct sockaddr_storage))
        return thrumi_original.sendto(fd, from, n, flags, address, length);
    return thrumi_to_errno(thrumi_stream_sendmsg(fd, &message, flags));
}

ssize_t thrumi_hook_sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (thrumi_monkey_outside())
        return thrumi_original.sendmsg(fd, message, flags);
    return thrumi_to_errno(thrumi_stream_sendmsg(fd, message, flags));
}

/* ---- many messages ---- */

static int socket_send_many(int fd, struct mmsghdr *messages, unsigned count,
                            int flags)
{
    unsigned done = 0;

    for (; done < count; done++) {
        struct mmsghdr *one = &messages[done];
        int64_t result = thrumi_stream_sendmsg(fd, &one->msg_hdr, flags);

        if (result < 0)
            return done > 0 ? (int)done : (int)result;
        one->msg_len = (unsigned)result;
    }
    return (int)done;
}

/* The system sends no more than so many at once. */
int thrumi_hook_sendmmsg(int fd, struct mmsghdr *messages, unsigned count,
                         int flags)
{
    if (thrumi_monkey_outside() || count == 0)
        return thrumi_original.sendmmsg(fd, messages, count, flags);
    if (count > IOV_MAX)
        count = IOV_MAX;
    return (int)thrumi_to_errno(socket_send_many(fd, messages, count, flags));
}

/* Writes what is left of the time. Is it over? */
static bool socket_note_time(struct timespec *span, thrum_time deadline)
{
    if (span == NULL)
        return false;
    *span = thrumi_span_left(deadline);
    return thrumi_span_ns(span) == 0;
}

/* As in the kernel, the time is looked at after each message and not while one
 * is waited for. */
static int socket_recv_many(int fd, struct mmsghdr *messages, unsigned count,
                            int flags, struct timespec *span)
{
    thrum_time deadline = thrumi_span_limit(span);
    unsigned done = 0;
    int64_t result = 0;

    while (done < count) {
        struct mmsghdr *one = &messages[done];

        result =
            thrumi_stream_recvmsg(fd, &one->msg_hdr, flags & ~MSG_WAITFORONE);
        if (result < 0)
            break;
        one->msg_len = (unsigned)result;
        done++;
        if (flags & MSG_WAITFORONE)
            flags |= MSG_DONTWAIT;
        if (socket_note_time(span, deadline) ||
            (one->msg_hdr.msg_flags & MSG_OOB) != 0)
            break;
    }
    return done > 0 ? (int)done : (int)result;
}

int thrumi_hook_recvmmsg(int fd, struct mmsghdr *messages, unsigned count,
                         int flags, struct timespec *span)
{
    if (thrumi_monkey_outside() || count == 0 || !thrumi_span_is_limit(span))
        return thrumi_original.recvmmsg(fd, messages, count, flags, span);
    return (int)thrumi_to_errno(
        socket_recv_many(fd, messages, count, flags, span));
}
