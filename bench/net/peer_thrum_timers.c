/* SPDX-License-Identifier: MIT */
/*
 * net/peer_thrum_timers.c - the wheel that a hub's deadlines lie in.
 *
 * No public call starts a timer by itself: one is started by every wait with a
 * deadline, and cancelled when the wait ends before. So the wheel is compiled
 * into this program, and used as a hub does.
 */
#include "net/peer_thrum.h"

#include <stdlib.h>

#include "base/wheel.h"

static struct thrumi_wheel peer_wheel;
static struct thrumi_timer *peer_timer;
static uint64_t peer_live;

static void peer_restart(long n)
{
    for (long i = 0; i < n; i++) {
        struct thrumi_timer *timer = &peer_timer[bench_random() % peer_live];
        thrumi_wheel_cancel(&peer_wheel, timer);
        thrumi_wheel_start(&peer_wheel, timer, bench_due_ms());
    }
}

bench_run *peer_thrum_timers(long live)
{
    peer_live = (uint64_t)live;
    peer_timer = calloc(peer_live, sizeof *peer_timer);
    thrumi_wheel_init(&peer_wheel, 0);
    for (uint64_t i = 0; i < peer_live; i++)
        thrumi_wheel_start(&peer_wheel, &peer_timer[i], bench_due_ms());
    return peer_restart;
}
