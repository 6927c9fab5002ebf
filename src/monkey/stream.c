/* SPDX-License-Identifier: MIT */
/*
 * monkey/stream.c - going on until all is transferred.
 *
 * Thrum's calls return what can be done at once, as libc's do with O_NONBLOCK.
 * Without it libc sends all, and receives all with MSG_WAITALL. Where it would
 * not go on, for O_NONBLOCK or past a timeout, the next call says -EAGAIN, and
 * what was done until then is the result.
 */
#include "monkey/stream.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <thrum/net.h>

int64_t thrumi_stream_broken(int64_t result, int flags)
{
    if (result == -EPIPE && (flags & MSG_NOSIGNAL) == 0)
        (void)raise(SIGPIPE);
    return result;
}

/* ---- pieces ---- */

/* One call on a piece of memory. */
typedef int64_t stream_fn(int fd, char *data, size_t n, int flags);

static int64_t stream_call_recv(int fd, char *data, size_t n, int flags)
{
    return thrum_recv(fd, data, n, flags, THRUM_AS_SET);
}

static int64_t stream_call_send(int fd, char *data, size_t n, int flags)
{
    return thrumi_stream_broken(thrum_send(fd, data, n, flags, THRUM_AS_SET),
                                flags);
}

static int64_t stream_call_write(int fd, char *data, size_t n, int flags)
{
    return thrumi_stream_broken(thrum_write(fd, data, n, THRUM_AS_SET), flags);
}

/* Until all is done, or an end or a code comes. */
static int64_t stream_all(stream_fn *fn, int fd, char *data, size_t n,
                          int flags)
{
    size_t done = 0;
    int64_t result;

    do {
        result = fn(fd, data + done, n - done, flags);
        if (result <= 0)
            return done > 0 ? (int64_t)done : result;
        done += (size_t)result;
    } while (done < n);
    return (int64_t)done;
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
static int64_t stream_rest(stream_fn *fn, int fd, const struct iovec *vector,
                           size_t count, size_t done)
{
    size_t skip = done;

    for (size_t i = 0; i < count; i++) {
        size_t length = vector[i].iov_len;
        int64_t result;

        if (skip >= length) {
            skip -= length;
            continue;
        }
        result = stream_all(fn, fd, (char *)vector[i].iov_base + skip,
                            length - skip, 0);
        if (result > 0)
            done += (size_t)result;
        if (result < (int64_t)(length - skip))
            break;
        skip = 0;
    }
    return (int64_t)done;
}

/* ---- sockets ---- */

static bool stream_is(int fd)
{
    int type = 0;
    socklen_t length = sizeof(type);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
           type == SOCK_STREAM;
}

/* Is all of it to be received before the call returns? A look at what has come
 * is made once: it would see the same again. */
static bool stream_waits_for_all(int fd, int flags)
{
    return (flags & MSG_WAITALL) != 0 &&
           (flags & (MSG_PEEK | MSG_DONTWAIT)) == 0 && stream_is(fd);
}

int64_t thrumi_stream_recv(int fd, void *into, size_t n, int flags)
{
    if (!stream_waits_for_all(fd, flags))
        return thrum_recv(fd, into, n, flags, THRUM_AS_SET);
    return stream_all(stream_call_recv, fd, into, n, flags & ~MSG_WAITALL);
}

int64_t thrumi_stream_send(int fd, const void *from, size_t n, int flags)
{
    return stream_all(stream_call_send, fd, (char *)(uintptr_t)from, n, flags);
}

int64_t thrumi_stream_recvmsg(int fd, struct msghdr *message, int flags)
{
    bool all = stream_waits_for_all(fd, flags);
    int64_t result;

    result = thrum_recvmsg(fd, message, all ? flags & ~MSG_WAITALL : flags,
                           THRUM_AS_SET);
    if (result < 0)
        return result;
    thrumi_stream_received(message);
    if (!all || result == 0)
        return result;
    return stream_rest(stream_call_recv, fd, message->msg_iov,
                       message->msg_iovlen, (size_t)result);
}

int64_t thrumi_stream_sendmsg(int fd, const struct msghdr *message, int flags)
{
    size_t length = stream_length(message->msg_iov, message->msg_iovlen);
    int64_t result = thrumi_stream_broken(
        thrum_sendmsg(fd, message, flags, THRUM_AS_SET), flags);

    if (result <= 0 || (size_t)result == length || (flags & MSG_DONTWAIT) != 0)
        return result;
    return stream_rest(stream_call_send, fd, message->msg_iov,
                       message->msg_iovlen, (size_t)result);
}

static void stream_fresh(const struct cmsghdr *part)
{
    size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    int fd;

    for (size_t i = 0; i < count; i++) {
        memcpy(&fd, CMSG_DATA(part) + i * sizeof(fd), sizeof(fd));
        (void)thrum_fd_fresh(fd);
    }
}

void thrumi_stream_received(struct msghdr *message)
{
    if (message->msg_controllen == 0)
        return;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
         part = CMSG_NXTHDR(message, part))
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS)
            stream_fresh(part);
}

/* ---- descriptors of any kind ---- */

int64_t thrumi_stream_write(int fd, const void *from, size_t n)
{
    return stream_all(stream_call_write, fd, (char *)(uintptr_t)from, n, 0);
}

int64_t thrumi_stream_writev(int fd, const struct iovec *from, int count)
{
    int64_t result =
        thrumi_stream_broken(thrum_writev(fd, from, count, THRUM_AS_SET), 0);

    if (result <= 0 || (size_t)result == stream_length(from, (size_t)count))
        return result;
    return stream_rest(stream_call_write, fd, from, (size_t)count,
                       (size_t)result);
}
