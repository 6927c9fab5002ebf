/* SPDX-License-Identifier: MIT */
/*
 * net/poll.h - waits for a few descriptors, and what closing has to do.
 */
#ifndef THRUMI_NET_POLL_H
#define THRUMI_NET_POLL_H

#include <stdbool.h>
#include <stddef.h>

#include <thrum/base.h>

struct pollfd;
struct thrumi_hub;

#define THRUMI_POLL_FEW 4

/* The descriptor is about to be closed: who waits for it among others is to
 * know. */
void thrumi_poll_forget(struct thrumi_hub *hub, int fd);

/* Are they so few, and such, that they can be waited for without an epoll? */
bool thrumi_poll_is_few(const struct thrumi_hub *hub, const struct pollfd *fds,
                        size_t n);

/* Waits once, after a look that has found nothing: how many were closed
 * meanwhile; 0: look again; or why not, which is THRUMI_IO_BLOCKS for one that
 * never waits. */
int thrumi_poll_few(struct thrumi_hub *hub, struct pollfd *fds, size_t n,
                    thrum_time deadline);

#endif /* THRUMI_NET_POLL_H */
