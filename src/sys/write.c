/* SPDX-License-Identifier: MIT */
/*
 * sys/write.c - writing all of it.
 */
#include "sys/write.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* A descriptor that does not block is waited for. */
static void write_await(int fd)
{
    struct pollfd ready = {fd, POLLOUT, 0};

    poll(&ready, 1, -1);
}

int thrumi_write(int fd, const void *bytes, size_t count)
{
    const char *at = bytes;

    while (count > 0) {
        ssize_t n = write(fd, at, count);

        if (n < 0 && errno == EAGAIN) {
            write_await(fd);
        } else if (n < 0 && errno != EINTR) {
            return -errno;
        } else if (n > 0) {
            at += n;
            count -= (size_t)n;
        }
    }
    return 0;
}
