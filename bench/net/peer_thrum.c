/* SPDX-License-Identifier: MIT */
/*
 * net/peer_thrum.c - Thrum's hub.
 */
#include "net/peer_thrum.h"

const struct bench_peer bench_peer = {
    .timers = peer_thrum_timers,
};
