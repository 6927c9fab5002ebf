/* SPDX-License-Identifier: MIT */
/*
 * sys/pidfd.h - processes by descriptor: one that has ended is never mistaken
 * for another with the same number.
 */
#ifndef THRUMI_SYS_PIDFD_H
#define THRUMI_SYS_PIDFD_H

#include <stdbool.h>

#define THRUMI_SIGNAL_KILL 9 /* the one that cannot be caught */

/* A descriptor of the process, close-on-exec, readable when it has ended; or
 * -errno. */
int thrumi_pidfd_open(int pid);
int thrumi_pidfd_of_self(void);
/* 0, or -ESRCH when it has ended. */
int thrumi_pidfd_kill(int pidfd, int signal);
bool thrumi_pidfd_ended(int pidfd);
/* If it has ended and is a child of ours (as of a subreaper, or of process 1,
 * without having been asked), takes its remains away. */
void thrumi_pidfd_bury(int pidfd);

#endif /* THRUMI_SYS_PIDFD_H */
