/* SPDX-License-Identifier: MIT */
/*
 * net/peer_thrum.h - what the two files of the peer share.
 */
#ifndef BENCH_NET_PEER_THRUM_H
#define BENCH_NET_PEER_THRUM_H

#include "net/harness.h"

bench_run *peer_thrum_timers(long live);

#endif /* BENCH_NET_PEER_THRUM_H */
