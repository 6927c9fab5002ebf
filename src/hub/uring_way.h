/* SPDX-License-Identifier: MIT */
/*
 * hub/uring_way.h - which calls io_uring makes, and which are made at once.
 */
#ifndef THRUMI_HUB_URING_WAY_H
#define THRUMI_HUB_URING_WAY_H

#include "sys/io.h"

enum thrumi_uring_way {
    THRUMI_URING_BY_RING,
    THRUMI_URING_BY_TRY,   /* it is tried, and polled for by the ring */
    THRUMI_URING_AT_FIRST, /* it is tried once, and then goes by the ring */
};

/* By what the call is, and what it is known to be made on. */
enum thrumi_uring_way thrumi_uring_way(const struct thrumi_io *io);

#endif /* THRUMI_HUB_URING_WAY_H */
