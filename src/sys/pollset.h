/* SPDX-License-Identifier: MIT */
/*
 * sys/pollset.h - waiting for one of several descriptors to become readable.
 */
#ifndef THRUMI_SYS_POLLSET_H
#define THRUMI_SYS_POLLSET_H

#include <stdbool.h>

#include <thrum/base.h>

struct thrumi_poll {
    int fd;     /* -1: none */
    bool ready; /* written: readable, or at its end */
};

/* Waits until one is ready, or the deadline. Returns how many are. */
int thrumi_poll(struct thrumi_poll *polls, unsigned count, thrum_time deadline);

#endif /* THRUMI_SYS_POLLSET_H */
