/* SPDX-License-Identifier: MIT */
/*
 * monkey/setting.c - O_NONBLOCK and timeouts are set.
 *
 * How a socket is set is remembered by the hubs, so they are told of changes,
 * from any thread. Afterwards: whoever asks the system before that, and
 * remembers, is told then. fcntl, which does other things too, is in
 * descriptor.c.
 */
#include <stdarg.h>

#include <thrum/net.h>

#include "monkey/hooks.h"

int thrumi_hook_ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    void *argument;
    int rc;

    va_start(arguments, request);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    rc = thrumi_original.ioctl(fd, request, argument);
    if (request == FIONBIO)
        thrum_fd_changed();
    return rc;
}

int thrumi_hook_setsockopt(int fd, int level, int name, const void *value,
                           socklen_t length)
{
    int rc = thrumi_original.setsockopt(fd, level, name, value, length);

    if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
        thrum_fd_changed();
    return rc;
}
