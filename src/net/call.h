/* SPDX-License-Identifier: MIT */
/*
 * net/call.h - what the calls on descriptors share.
 */
#ifndef THRUMI_NET_CALL_H
#define THRUMI_NET_CALL_H

#include <stdint.h>

#include <thrum/base.h>

#include "sys/io.h"

/* Makes a call in the calling context: by the hub's engine, and what can only
 * be done by waiting in the kernel by a thread that has nothing better to do.
 * The result, or -errno. */
int64_t thrumi_net_io(struct thrumi_io *io, thrum_time deadline);

/* A descriptor that was just made: what the hub knows of its number is of an
 * earlier life. Returns it. */
int thrumi_net_fresh(int fd);

#endif /* THRUMI_NET_CALL_H */
