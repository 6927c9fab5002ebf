/* SPDX-License-Identifier: MIT */
/*
 * monkey/empty.c - a function of libc that does nothing.
 *
 * In a library that comes before libc, so that it is what the slots of a program
 * hold and what a hook calls as the original. Neither libthrum nor libc itself
 * calls it.
 */
#include <sys/socket.h>

__attribute__((visibility("default"))) int
sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    (void)fd;
    (void)messages;
    (void)count;
    (void)flags;
    return 0;
}
