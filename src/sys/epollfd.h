/* SPDX-License-Identifier: MIT */
/*
 * sys/epollfd.h - epoll: which descriptors have become ready.
 *
 * (The header is not called epoll.h, which would hide the system's.)
 */
#ifndef THRUMI_SYS_EPOLLFD_H
#define THRUMI_SYS_EPOLLFD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include <thrum/base.h>

/* What a registration asks for: all of it, told once per change. */
#define THRUMI_EPOLL_ALL \
 (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | (uint32_t)EPOLLET)

/* A descriptor, close-on-exec; or -errno. */
int thrumi_epoll_open(void);

/* Registers `fd` with THRUMI_EPOLL_ALL; it is told at once if it is ready. If
 * it is registered already it is armed anew, with this `data`. 0 or -errno:
 * -EPERM for what cannot be polled, -ENOSPC beyond the user's limit. */
int thrumi_epoll_add(int epoll, int fd, uint64_t data);
/* Arms one that should be registered; registers it if it is not. */
int thrumi_epoll_arm(int epoll, int fd, uint64_t data);
/* Ends a registration, if there is one. */
void thrumi_epoll_drop(int epoll, int fd);
void thrumi_epoll_close(int epoll);

/* Waits to the deadline for up to `count` events. How many, or -errno; -EINTR
 * after a signal. */
int thrumi_epoll_wait(int epoll, struct epoll_event *events, int count,
                      thrum_time deadline);

#endif /* THRUMI_SYS_EPOLLFD_H */
