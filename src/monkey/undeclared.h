/* SPDX-License-Identifier: MIT */
/*
 * monkey/undeclared.h - functions of libc that no header of its declares, or
 * only for some programs: what compilers and the headers' inline functions call.
 */
#ifndef THRUMI_MONKEY_UNDECLARED_H
#define THRUMI_MONKEY_UNDECLARED_H

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

/* With -D_FORTIFY_SOURCE; `room` is what the compiler knows of the buffer. */
ssize_t __read_chk(int fd, void *into, size_t n, size_t room);
ssize_t __recv_chk(int fd, void *into, size_t n, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *into, size_t n, size_t room, int flags,
                       struct sockaddr *address, socklen_t *length);
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *span,
                const sigset_t *mask, size_t room);

/* Newer than some of the libraries that this is built with. */
int epoll_pwait2(int epoll, struct epoll_event *events, int most,
                 const struct timespec *span, const sigset_t *mask);

#endif /* THRUMI_MONKEY_UNDECLARED_H */
