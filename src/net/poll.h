/* SPDX-License-Identifier: MIT */
/*
 * net/poll.h - of waits for many descriptors, what closing has to do.
 */
#ifndef THRUMI_NET_POLL_H
#define THRUMI_NET_POLL_H

struct thrumi_hub;

/* The descriptor is about to be closed: who waits for it among others is to
 * know. */
void thrumi_poll_forget(struct thrumi_hub *hub, int fd);

#endif /* THRUMI_NET_POLL_H */
