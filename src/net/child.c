/* SPDX-License-Identifier: MIT */
/*
 * net/child.c - a child by its pidfd, signals by a signalfd.
 *
 * Each wait has a descriptor of its own. Several may wait for the same: when it
 * is there one gets it, and the others find nothing and wait again.
 */
#include <thrum/child.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thrum/net.h>

#include "net/call.h"
#include "task/context.h"

/* 0: reaped; -EAGAIN: it runs. */
static int child_reap(int pid, int *status)
{
    int got = 0;
    pid_t rc = waitpid(pid, &got, WNOHANG);

    if (rc < 0)
        return errno == EINTR ? -EAGAIN : -errno;
    if (rc == 0)
        return -EAGAIN;
    if (status != NULL)
        *status = got;
    return 0;
}

int thrum_waitpid(int pid, int *status, thrum_time deadline)
{
    int rc = pid <= 0 ? -EINVAL : child_reap(pid, status);
    int fd;

    if (rc != -EAGAIN) {
        thrumi_context_spend();
        return rc;
    }
    fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return -errno;
    (void)thrumi_net_fresh(fd);
    while (rc == -EAGAIN) {
        int ready = thrum_poll_one(fd, POLLIN, deadline);

        rc = child_reap(pid, status);
        if (rc == -EAGAIN && ready < 0)
            rc = ready;
    }
    (void)thrum_close(fd);
    return rc;
}

static int signal_open(const int *signals, size_t n)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    for (size_t i = 0; i < n; i++)
        if (sigaddset(&set, signals[i]) != 0)
            return -EINVAL;
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : thrumi_net_fresh(fd);
}

/* The signal, or -EAGAIN. */
static int signal_take(int fd)
{
    struct signalfd_siginfo info;

    if (read(fd, &info, sizeof(info)) == sizeof(info))
        return (int)info.ssi_signo;
    return errno == EINTR ? -EAGAIN : -errno;
}

int thrum_signal_wait(const int *signals, size_t n, thrum_time deadline)
{
    int fd = signal_open(signals, n);
    int rc;

    if (fd < 0)
        return fd;
    rc = signal_take(fd);
    while (rc == -EAGAIN) {
        int ready = thrum_poll_one(fd, POLLIN, deadline);

        rc = signal_take(fd);
        if (rc == -EAGAIN && ready < 0)
            rc = ready;
    }
    (void)thrum_close(fd);
    return rc;
}
