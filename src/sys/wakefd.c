/* SPDX-License-Identifier: MIT */
/*
 * sys/wakefd.c - a descriptor that polls as readable when we say so.
 *
 * An eventfd whose counter is 0 or 1. Neither the write to a 0 nor the read of
 * a 1 can block or fail but for a bad descriptor, so errors are not looked at.
 */
#include "sys/wakefd.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sys/fault.h"

int thrumi_wakefd_open(void)
{
    int fd;

    if (thrumi_fault("eventfd"))
        return -EMFILE;
    fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

void thrumi_wakefd_close(int fd)
{
    close(fd);
}

void thrumi_wakefd_set(int fd, bool readable)
{
    int saved = errno;
    uint64_t count = 1;
    ssize_t n;

    if (readable)
        n = write(fd, &count, sizeof(count));
    else
        n = read(fd, &count, sizeof(count));
    (void)n;
    errno = saved;
}
