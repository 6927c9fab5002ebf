/* SPDX-License-Identifier: MIT */
/*
 * sys/wakefd.h - a descriptor that polls as readable when we say so.
 */
#ifndef THRUMI_SYS_WAKEFD_H
#define THRUMI_SYS_WAKEFD_H

#include <stdbool.h>

/* Returns a descriptor, not readable, close-on-exec; or -errno. */
int thrumi_wakefd_open(void);
void thrumi_wakefd_close(int fd);
void thrumi_wakefd_set(int fd, bool readable);

#endif /* THRUMI_SYS_WAKEFD_H */
