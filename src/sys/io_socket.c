/* SPDX-License-Identifier: MIT */
/*
 * sys/io_socket.c - recv, send, accept and connect without a wait.
 *
 * MSG_DONTWAIT does it for data. accept() and connect() have no such flag:
 *
 *   accept    asks poll() first, unless the listener has O_NONBLOCK. If another
 *             process takes the connection between the two calls, accept waits;
 *             so listeners that the library makes have O_NONBLOCK.
 *   connect   of TCP goes by sendto(MSG_FASTOPEN | MSG_DONTWAIT) of nothing,
 *             which begins to connect and returns. Where that is refused, and
 *             for other families, O_NONBLOCK is set while connect() is called;
 *             but not for datagrams, which it only addresses.
 *             A UNIX socket whose listener's queue is full cannot be waited for
 *             by readiness at all: it blocks.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/io.h"
#include "sys/io_parts.h"

static int64_t socket_send(struct thrumi_io *io, int flags)
{
    if (!io->sigpipe)
        flags |= MSG_NOSIGNAL;
    if (io->op == THRUMI_IO_SENDTO)
        return thrumi_io_result(
            sendto(io->fd, io->from, io->length, flags, io->to, io->to_length));
    if (io->op == THRUMI_IO_SENDMSG)
        return thrumi_io_result(sendmsg(io->fd, io->sent, flags));
    return thrumi_io_result(send(io->fd, io->from, io->length, flags));
}

int64_t thrumi_io_transfer(struct thrumi_io *io, int flags)
{
    int64_t result;

    flags |= (int)io->flags;
    switch (io->op) {
    case THRUMI_IO_SEND:
    case THRUMI_IO_SENDTO:
    case THRUMI_IO_SENDMSG:
        result = socket_send(io, flags);
        break;
    case THRUMI_IO_RECVFROM:
        result = thrumi_io_result(recvfrom(io->fd, io->into, io->length, flags,
                                           io->address, io->address_length));
        break;
    case THRUMI_IO_RECVMSG:
        result = thrumi_io_result(recvmsg(io->fd, io->message, flags));
        break;
    default:
        result = thrumi_io_result(recv(io->fd, io->into, io->length, flags));
        break;
    }
    if (result == -EAGAIN)
        thrumi_io_aim(io);
    return result;
}

int64_t thrumi_io_try_accept(struct thrumi_io *io)
{
    int64_t result;

    if (!thrumi_io_nonblocking(io->fd)) {
        int ready = thrumi_io_poll(io->fd, POLLIN);

        if (ready < 0)
            return ready;
        if (ready == 0)
            return thrumi_io_again(io, io->fd, THRUMI_READABLE);
    }
    result = thrumi_io_result(
        accept4(io->fd, io->address, io->address_length, (int)io->flags));
    if (result == -EAGAIN)
        return thrumi_io_again(io, io->fd, THRUMI_READABLE);
    return result;
}

static bool socket_is(int fd, int option, int value)
{
    int found = -1;
    socklen_t length = sizeof(found);

    return getsockopt(fd, SOL_SOCKET, option, &found, &length) == 0 &&
           found == value;
}

bool thrumi_io_is_unix(int fd)
{
    return socket_is(fd, SO_DOMAIN, AF_UNIX);
}

static bool socket_is_tcp(int fd)
{
    return socket_is(fd, SO_PROTOCOL, IPPROTO_TCP);
}

/* With O_NONBLOCK for as long as the call takes. */
static int64_t socket_connect_flagged(struct thrumi_io *io)
{
    int flags = fcntl(io->fd, F_GETFL);
    int64_t result;

    if (flags < 0 || fcntl(io->fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    result = thrumi_io_result(connect(io->fd, io->to, io->to_length));
    fcntl(io->fd, F_SETFL, flags);
    return result;
}

static int64_t socket_connect_begin(struct thrumi_io *io)
{
    bool tcp =
        (io->started && io->kind == THRUMI_IO_TCP) || socket_is_tcp(io->fd);
    int64_t result;

    io->kind = tcp ? THRUMI_IO_TCP : THRUMI_IO_SOCKET;
    if (tcp) { /* nothing is above it yet */
        result = thrumi_io_result(
            sendto(io->fd, NULL, 0, MSG_FASTOPEN | MSG_DONTWAIT | MSG_NOSIGNAL,
                   io->to, io->to_length));
        if (result != -EOPNOTSUPP)
            return result;
    }
    if (socket_is(io->fd, SO_TYPE, SOCK_DGRAM) || thrumi_io_nonblocking(io->fd))
        return thrumi_io_result(connect(io->fd, io->to, io->to_length));
    return socket_connect_flagged(io);
}

static bool socket_has_peer(int fd)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof(peer);

    return getpeername(fd, (struct sockaddr *)&peer, &length) == 0;
}

/* A connect that was begun: is it done? Only TCP can be asked by connecting once
 * more, after which the system, too, knows what has become of it: a second
 * connect says EISCONN, or begins anew after a failure. */
static int64_t socket_connected(struct thrumi_io *io)
{
    int error = 0;
    socklen_t length = sizeof(error);
    int ready;

    if (io->kind == THRUMI_IO_TCP)
        return socket_connect_begin(io);
    if (socket_has_peer(io->fd)) /* nearly always: one call for two */
        return 0;
    ready = thrumi_io_poll(io->fd, POLLOUT);
    if (ready < 0)
        return ready;
    if (ready == 0)
        return -EINPROGRESS;
    if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        return -errno;
    return -error;
}

/* EALREADY: somebody has begun before us, with O_NONBLOCK or until a timeout.
 * EISCONN: somebody has seen the end of it before us. */
int64_t thrumi_io_try_connect(struct thrumi_io *io)
{
    int64_t result;

    if (io->started) {
        result = socket_connected(io);
        if (result == -EISCONN)
            return 0;
    } else {
        result = socket_connect_begin(io);
        io->joined = result == -EALREADY;
    }
    if (result == -EAGAIN)
        return THRUMI_IO_BLOCKS;
    if (result != -EINPROGRESS && result != -EALREADY)
        return result;
    io->started = true;
    return thrumi_io_again(io, io->fd, THRUMI_WRITABLE);
}
