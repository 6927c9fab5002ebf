/* SPDX-License-Identifier: MIT */
/*
 * sys/epollfd.c - epoll: which descriptors have become ready.
 *
 * epoll_pwait2() takes nanoseconds (Linux 5.11). Where it is not there,
 * epoll_wait() takes the milliseconds rounded up. So too under ThreadSanitizer,
 * which knows the one and not the other, and lets no signal handler run in a
 * call that it does not know, and under Valgrind.
 */
#include "sys/epollfd.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/fault.h"
#include "sys/tools.h"

#if defined(__SANITIZE_THREAD__)
# define EPOLLFD_COARSE true
#elif defined(__has_feature)
# if __has_feature(thread_sanitizer)
#  define EPOLLFD_COARSE true
# endif
#endif
#ifndef EPOLLFD_COARSE
# define EPOLLFD_COARSE false
#endif

/* The kernel has no epoll_pwait2(). */
static atomic_bool epollfd_coarse = EPOLLFD_COARSE;

int thrumi_epoll_open(void)
{
    int fd;

    if (thrumi_fault("epoll_create"))
        return -EMFILE;
    fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int epollfd_control(int epoll, int operation, int fd, uint64_t data)
{
    struct epoll_event event = {THRUMI_EPOLL_ALL, {.u64 = data}};

    if (thrumi_fault("epoll_ctl"))
        return -ENOSPC;
    return epoll_ctl(epoll, operation, fd, &event) == 0 ? 0 : -errno;
}

int thrumi_epoll_add(int epoll, int fd, uint64_t data)
{
    int rc = epollfd_control(epoll, EPOLL_CTL_ADD, fd, data);

    if (rc == -EEXIST)
        rc = epollfd_control(epoll, EPOLL_CTL_MOD, fd, data);
    return rc;
}

int thrumi_epoll_arm(int epoll, int fd, uint64_t data)
{
    int rc = epollfd_control(epoll, EPOLL_CTL_MOD, fd, data);

    if (rc == -ENOENT)
        rc = epollfd_control(epoll, EPOLL_CTL_ADD, fd, data);
    return rc;
}

void thrumi_epoll_drop(int epoll, int fd)
{
    struct epoll_event none = {0, {.u64 = 0}};

    epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &none);
}

static int epollfd_wait_ms(int epoll, struct epoll_event *events, int count,
                           int64_t ns)
{
    int64_t ms = ns / 1000000 + (ns % 1000000 != 0);

    return epoll_wait(epoll, events, count, ms < INT_MAX ? (int)ms : INT_MAX);
}

static int epollfd_wait_fine(int epoll, struct epoll_event *events, int count,
                             int64_t ns)
{
    const struct timespec span = {(time_t)(ns / 1000000000),
                                  (long)(ns % 1000000000)};

    if (thrumi_fault("epoll_pwait2") || thrumi_tools_valgrind()) {
        errno = ENOSYS;
        return -1;
    }
    return epoll_pwait2(epoll, events, count, &span, NULL);
}

/* `ns` to wait, or -1 for ever. */
static int epollfd_wait_ns(int epoll, struct epoll_event *events, int count,
                           int64_t ns)
{
    int found;

    if (ns <= 0)
        return epoll_wait(epoll, events, count, ns < 0 ? -1 : 0);
    /* relaxed: it only saves a call */
    if (!atomic_load_explicit(&epollfd_coarse, memory_order_relaxed)) {
        found = epollfd_wait_fine(epoll, events, count, ns);
        if (found >= 0 || errno != ENOSYS)
            return found;
        atomic_store_explicit(&epollfd_coarse, true, memory_order_relaxed);
    }
    return epollfd_wait_ms(epoll, events, count, ns);
}

int thrumi_epoll_wait(int epoll, struct epoll_event *events, int count,
                      thrum_time deadline)
{
    int64_t ns = -1;
    int found;

    if (deadline.ns != INT64_MAX)
        ns = deadline.ns <= 0 ? 0 : deadline.ns - thrumi_clock_ns();
    if (ns < 0 && deadline.ns != INT64_MAX)
        ns = 0;
    found = epollfd_wait_ns(epoll, events, count, ns);
    return found < 0 ? -errno : found;
}

void thrumi_epoll_close(int epoll)
{
    close(epoll);
}
