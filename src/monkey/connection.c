/* SPDX-License-Identifier: MIT */
/*
 * monkey/connection.c - connect and accept.
 *
 * What has O_NONBLOCK is left to the system, which has answers of its own for
 * it. Thrum accepts descriptors that are close-on-exec, which libc's are not
 * unless that was asked for.
 */
#include <thrum/net.h>

#include "monkey/descriptor.h"
#include "monkey/hooks.h"

int thrumi_hook_connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    if (thrumi_monkey_outside() || thrumi_descriptor_never_waits(fd))
        return thrumi_original.connect(fd, address, length);
    return (int)thrumi_to_errno(
        thrum_connect(fd, address.__sockaddr__, length, THRUM_AS_SET));
}

/* What does not listen would never be ready, where the system has an error. */
static bool connection_accepts_at_once(int fd)
{
    int listens = 0;
    socklen_t length = sizeof(listens);

    return thrumi_descriptor_never_waits(fd) ||
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0 ||
           listens == 0;
}

/* Gives an accepted descriptor the flags that were asked for. */
static int connection_flag(int fd, int flags)
{
    if ((flags & SOCK_CLOEXEC) == 0)
        (void)thrumi_original.fcntl(fd, F_SETFD, 0);
    if ((flags & SOCK_NONBLOCK) != 0)
        (void)thrumi_original.fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
    return fd;
}

static int connection_accept(int fd, struct sockaddr *address,
                             socklen_t *length, int flags)
{
    int rc =
        (int)thrumi_to_errno(thrum_accept(fd, address, length, THRUM_AS_SET));

    return rc < 0 ? rc : connection_flag(rc, flags);
}

int thrumi_hook_accept(int fd, __SOCKADDR_ARG address, socklen_t *length)
{
    if (thrumi_monkey_outside() || connection_accepts_at_once(fd))
        return thrum_fd_fresh(thrumi_original.accept(fd, address, length));
    return connection_accept(fd, address.__sockaddr__, length, 0);
}

int thrumi_hook_accept4(int fd, __SOCKADDR_ARG address, socklen_t *length,
                        int flags)
{
    if (thrumi_monkey_outside() || connection_accepts_at_once(fd) ||
        (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0)
        return thrum_fd_fresh(
            thrumi_original.accept4(fd, address, length, flags));
    return connection_accept(fd, address.__sockaddr__, length, flags);
}
