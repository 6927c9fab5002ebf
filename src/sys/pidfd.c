/* SPDX-License-Identifier: MIT */
/*
 * sys/pidfd.c - processes by descriptor.
 */
#include "sys/pidfd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/fault.h"

#ifndef P_PIDFD
# define P_PIDFD 3
#endif

int thrumi_pidfd_open(int pid)
{
    long fd;

    if (thrumi_fault("pidfd_open"))
        return -EMFILE;
    fd = syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : (int)fd;
}

int thrumi_pidfd_of_self(void)
{
    return thrumi_pidfd_open(getpid());
}

int thrumi_pidfd_kill(int pidfd, int signal)
{
    if (syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) == 0)
        return 0;
    return -errno;
}

bool thrumi_pidfd_ended(int pidfd)
{
    struct pollfd poll_fd = {pidfd, POLLIN, 0};

    return poll(&poll_fd, 1, 0) == 1;
}

void thrumi_pidfd_bury(int pidfd)
{
    siginfo_t info;

    waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | __WALL);
}
