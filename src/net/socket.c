/* SPDX-License-Identifier: MIT */
/*
 * net/socket.c - descriptors come: socket, pipe, accept, connect.
 *
 * A UNIX socket whose listener's queue is full cannot be waited for: nothing
 * tells when there is room. So connecting to it is tried again and again, after
 * a millisecond and then twice as long each time.
 */
#include <thrum/net.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thrum/green.h>

#include "hub/hub.h"
#include "net/call.h"
#include "sys/clock.h"

#define SOCKET_FIRST_NS INT64_C(1000000)
#define SOCKET_LAST_NS  INT64_C(64000000)

int thrum_socket(int family, int type, int protocol)
{
    int fd = socket(family, type | SOCK_CLOEXEC, protocol);

    return fd < 0 ? -errno : thrumi_net_fresh(fd);
}

int thrum_socketpair(int family, int type, int protocol, int ret_fds[2])
{
    if (socketpair(family, type | SOCK_CLOEXEC, protocol, ret_fds) != 0)
        return -errno;
    (void)thrumi_net_fresh(ret_fds[0]);
    (void)thrumi_net_fresh(ret_fds[1]);
    return 0;
}

int thrum_pipe(int ret_fds[2])
{
    if (pipe2(ret_fds, O_CLOEXEC) != 0)
        return -errno;
    (void)thrumi_net_fresh(ret_fds[0]);
    (void)thrumi_net_fresh(ret_fds[1]);
    return 0;
}

int thrum_shutdown(int fd, int how)
{
    return shutdown(fd, how) != 0 ? -errno : 0;
}

int thrum_accept(int fd, struct sockaddr *address, unsigned *length,
                 thrum_time deadline)
{
    struct thrumi_io io = {.op = THRUMI_IO_ACCEPT,
                           .fd = fd,
                           .flags = SOCK_CLOEXEC,
                           .address = address,
                           .address_length = length};

    return (int)thrumi_net_io(&io, deadline);
}

static int64_t socket_connect(struct thrumi_io *io, thrum_time deadline)
{
    int64_t result = thrumi_hub_io(io, deadline);

    for (int64_t pause = SOCKET_FIRST_NS;
         result == THRUMI_IO_BLOCKS && !io->nowait;
         pause = pause < SOCKET_LAST_NS ? pause * 2 : pause) {
        thrum_time next = thrum_in_ns(pause);
        int rc = thrum_sleep(next.ns < deadline.ns ? next : deadline);

        if (rc != 0)
            return rc;
        result = thrumi_hub_io(io, deadline);
        if (result == THRUMI_IO_BLOCKS && next.ns >= deadline.ns)
            return -ETIMEDOUT;
    }
    return result;
}

/* What the system says when the socket's own patience is at its end. */
static int socket_impatient(const struct thrumi_io *io)
{
    if (io->to->sa_family == AF_UNIX)
        return -EAGAIN;
    return io->joined ? -EALREADY : -EINPROGRESS;
}

/* With the patience that the socket itself is set to have. */
static int64_t socket_connect_as_set(struct thrumi_io *io)
{
    thrum_time deadline = thrumi_io_patience(io);
    int64_t result;

    io->nowait = deadline.ns == THRUM_NOW.ns;
    result = socket_connect(io, deadline);
    if (result == THRUMI_IO_BLOCKS)
        return -EAGAIN;
    if (result == -EAGAIN ||
        (result == -ETIMEDOUT && thrumi_time_past(deadline)))
        return socket_impatient(io);
    return result;
}

int thrum_connect(int fd, const struct sockaddr *address, unsigned length,
                  thrum_time deadline)
{
    struct thrumi_io io = {
        .op = THRUMI_IO_CONNECT, .fd = fd, .to = address, .to_length = length};

    return (int)(deadline.ns == THRUM_AS_SET.ns
                     ? socket_connect_as_set(&io)
                     : socket_connect(&io, deadline));
}
