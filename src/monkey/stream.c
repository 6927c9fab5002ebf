/* SPDX-License-Identifier: MIT */
/*
 * monkey/stream.c - going on until all is transferred.
 *
 * Thrum's calls return what can be done at once, as libc's do with O_NONBLOCK.
 * Without it libc sends all, and receives all with MSG_WAITALL. When some is done
 * and the rest would have to wait, it is asked how patient the descriptor is set
 * to be, and what was done until then is the result.
 *
 * SIGPIPE is raised as the system does it: for streams, when nothing was sent
 * before, and for pipes always.
 */
#include "monkey/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include <thrum/net.h>

#include "monkey/descriptor.h"
#include "monkey/hooks.h"
#include "monkey/span.h"

/* One call on pieces of memory, and another, until all is done. */
struct stream {
    int64_t (*call)(struct stream *stream, char *data, size_t n);
    int fd;
    int flags;
    int option;             /* SO_RCVTIMEO or SO_SNDTIMEO */
    struct msghdr *message; /* of recvmsg, for what comes beside the data, */
    size_t room;            /* which has so much room */
    thrum_time deadline;    /* THRUM_AS_SET, as long as nothing is done */
    int64_t code;           /* what has ended it; 0: its end */
    bool over;              /* no more, even if there is room */
};

static int64_t stream_call_recv(struct stream *stream, char *data, size_t n)
{
    return thrum_recv(stream->fd, data, n, stream->flags, stream->deadline);
}

static int64_t stream_call_send(struct stream *stream, char *data, size_t n)
{
    return thrum_send(stream->fd, data, n, stream->flags, stream->deadline);
}

static int64_t stream_call_write(struct stream *stream, char *data, size_t n)
{
    return thrum_write(stream->fd, data, n, stream->deadline);
}

/* ---- patience ---- */

/* Some is done. For how long may the rest wait? */
static thrum_time stream_patience(const struct stream *stream)
{
    struct timeval limit = {0, 0};
    socklen_t length = sizeof(limit);
    int64_t ns;

    if ((stream->flags & MSG_DONTWAIT) != 0 ||
        thrumi_descriptor_never_waits(stream->fd))
        return THRUM_NOW;
    /* what is no socket has no limit */
    (void)getsockopt(stream->fd, SOL_SOCKET, stream->option, &limit, &length);
    ns = thrumi_span_timeval_ns(&limit);
    return ns == 0 ? THRUM_FOREVER : thrum_in_ns(ns);
}

/* ---- pieces ---- */

/* Until all is done, or an end or a code comes: how much was done. */
static size_t stream_all(struct stream *stream, char *data, size_t n)
{
    size_t done = 0;
    int64_t result;

    do {
        result = stream->call(stream, data + done, n - done);
        if (result <= 0)
            break;
        done += (size_t)result;
        if (done < n && stream->deadline.ns == THRUM_AS_SET.ns)
            stream->deadline = stream_patience(stream);
    } while (done < n && !stream->over);
    stream->code = result < 0 ? result : 0;
    return done;
}

static size_t stream_length(const struct iovec *vector, size_t count)
{
    size_t length = 0;

    for (size_t i = 0; i < count; i++)
        length += vector[i].iov_len;
    return length;
}

/* What is left of a vector after `done` bytes, piece by piece: the count of all.
 */
static size_t stream_rest(struct stream *stream, const struct iovec *vector,
                          size_t count, size_t done)
{
    size_t skip = done;

    stream->deadline = stream_patience(stream);
    for (size_t i = 0; i < count; i++) {
        size_t length = vector[i].iov_len;
        size_t n;

        if (skip >= length) {
            skip -= length;
            continue;
        }
        n = stream_all(stream, (char *)vector[i].iov_base + skip,
                       length - skip);
        done += n;
        if (n < length - skip || stream->over)
            break;
        skip = 0;
    }
    return done;
}

/* ---- sockets ---- */

/* Its SOCK_ number; -1: it is no socket. */
static int stream_type(int fd)
{
    int type = -1;
    socklen_t length = sizeof(type);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 ? type : -1;
}

/* What was done is the result, if anything was. Nobody to read: SIGPIPE. */
static int64_t stream_sent(const struct stream *stream, size_t done)
{
    int type;

    if (stream->code == -EPIPE && (stream->flags & MSG_NOSIGNAL) == 0) {
        type = stream_type(stream->fd);
        if (type == -1 || (type == SOCK_STREAM && done == 0))
            (void)raise(SIGPIPE);
    }
    return done > 0 ? (int64_t)done : stream->code;
}

static int64_t stream_received(const struct stream *stream, size_t done)
{
    return done > 0 ? (int64_t)done : stream->code;
}

/* Errors and urgent data are there or not: nobody waits for them. */
static int stream_recv_flags(int flags)
{
    return flags & (MSG_ERRQUEUE | MSG_OOB) ? flags | MSG_DONTWAIT : flags;
}

/* Is all of it to be received before the call returns? A look at what has come
 * is made once: it would see the same again. */
static bool stream_waits_for_all(int fd, int flags)
{
    return (flags & MSG_WAITALL) != 0 &&
           (flags & (MSG_PEEK | MSG_DONTWAIT)) == 0 &&
           stream_type(fd) == SOCK_STREAM;
}

int64_t thrumi_stream_recv(int fd, void *into, size_t n, int flags)
{
    struct stream stream = {.call = stream_call_recv,
                            .fd = fd,
                            .option = SO_RCVTIMEO,
                            .deadline = THRUM_AS_SET};

    flags = stream_recv_flags(flags);
    if (!stream_waits_for_all(fd, flags))
        return thrum_recv(fd, into, n, flags, THRUM_AS_SET);
    stream.flags = flags & ~MSG_WAITALL;
    return stream_received(&stream, stream_all(&stream, into, n));
}

/* The rest comes from the same peer. */
int64_t thrumi_stream_recvfrom(int fd, void *into, size_t n, int flags,
                               const struct thrumi_peer *peer)
{
    struct stream stream = {.call = stream_call_recv,
                            .fd = fd,
                            .flags = flags & ~MSG_WAITALL,
                            .option = SO_RCVTIMEO};
    struct iovec piece = {into, n};
    bool all = stream_waits_for_all(fd, flags);
    int64_t result = thrum_recvfrom(
        fd, into, n, stream_recv_flags(all ? stream.flags : flags),
        peer->address, peer->length, THRUM_AS_SET);

    if (!all || result <= 0 || (size_t)result == n)
        return result;
    return (int64_t)stream_rest(&stream, &piece, 1, (size_t)result);
}

int64_t thrumi_stream_send(int fd, const void *from, size_t n, int flags)
{
    struct stream stream = {.call = stream_call_send,
                            .fd = fd,
                            .flags = flags,
                            .option = SO_SNDTIMEO,
                            .deadline = THRUM_AS_SET};

    return stream_sent(&stream,
                       stream_all(&stream, (char *)(uintptr_t)from, n));
}

int64_t thrumi_stream_sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct stream stream = {.call = stream_call_send,
                            .fd = fd,
                            .flags = flags,
                            .option = SO_SNDTIMEO};
    int64_t result = thrum_sendmsg(fd, message, flags, THRUM_AS_SET);
    size_t done = result > 0 ? (size_t)result : 0;

    stream.code = result < 0 ? result : 0;
    if (done > 0 && done < stream_length(message->msg_iov, message->msg_iovlen))
        done =
            stream_rest(&stream, message->msg_iov, message->msg_iovlen, done);
    return stream_sent(&stream, done);
}

/* ---- messages ---- */

static void stream_fresh(const struct cmsghdr *part)
{
    size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    int fd;

    for (size_t i = 0; i < count; i++) {
        memcpy(&fd, CMSG_DATA(part) + i * sizeof(fd), sizeof(fd));
        (void)thrum_fd_fresh(fd);
    }
}

/* Tells the hub of the descriptors that came with a message; are there any? */
static bool stream_brings(struct msghdr *message)
{
    bool any = false;

    if (message->msg_controllen == 0)
        return false;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
         part = CMSG_NXTHDR(message, part))
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) {
            stream_fresh(part);
            any = true;
        }
    return any;
}

/* Into one piece, with what may come beside it. As in the kernel nothing is
 * received after descriptors. */
static int64_t stream_call_recvmsg(struct stream *stream, char *data, size_t n)
{
    struct iovec piece = {data, n};
    struct msghdr part = {.msg_iov = &piece,
                          .msg_iovlen = 1,
                          .msg_control = stream->message->msg_control,
                          .msg_controllen = stream->room};
    int64_t result =
        thrum_recvmsg(stream->fd, &part, stream->flags, stream->deadline);

    if (result < 0)
        return result;
    stream->message->msg_controllen = part.msg_controllen;
    stream->message->msg_flags |= part.msg_flags;
    stream->over = stream_brings(&part);
    return result;
}

int64_t thrumi_stream_recvmsg(int fd, struct msghdr *message, int flags)
{
    bool all = stream_waits_for_all(fd, flags);
    struct stream stream = {.call = stream_call_recvmsg,
                            .fd = fd,
                            .flags = flags & ~MSG_WAITALL,
                            .option = SO_RCVTIMEO,
                            .message = message};
    int64_t result;

    if (all && message != NULL)
        stream.room = message->msg_controllen;
    result = thrum_recvmsg(fd, message,
                           stream_recv_flags(all ? stream.flags : flags),
                           THRUM_AS_SET);
    if (result < 0 || stream_brings(message) || !all || result == 0 ||
        (size_t)result == stream_length(message->msg_iov, message->msg_iovlen))
        return result;
    return (int64_t)stream_rest(&stream, message->msg_iov, message->msg_iovlen,
                                (size_t)result);
}

/* ---- descriptors of any kind ---- */

int64_t thrumi_stream_write(int fd, const void *from, size_t n)
{
    struct stream stream = {.call = stream_call_write,
                            .fd = fd,
                            .option = SO_SNDTIMEO,
                            .deadline = THRUM_AS_SET};

    return stream_sent(&stream,
                       stream_all(&stream, (char *)(uintptr_t)from, n));
}

int64_t thrumi_stream_writev(int fd, const struct iovec *from, int count)
{
    struct stream stream = {
        .call = stream_call_write, .fd = fd, .option = SO_SNDTIMEO};
    int64_t result = thrum_writev(fd, from, count, THRUM_AS_SET);
    size_t done = result > 0 ? (size_t)result : 0;

    stream.code = result < 0 ? result : 0;
    if (done > 0 && done < stream_length(from, (size_t)count))
        done = stream_rest(&stream, from, (size_t)count, done);
    return stream_sent(&stream, done);
}
