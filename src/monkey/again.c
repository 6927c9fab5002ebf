/* SPDX-License-Identifier: MIT */
/*
 * monkey/again.c - tries with pauses between them.
 *
 * The calls that are tried here are those that the kernel goes on with after a
 * signal handler, if that was installed with SA_RESTART (P24). Which handler has
 * run is not told; so one without it, if there is any, is taken to have been it.
 */
#include "monkey/again.h"

#include <errno.h>

#include <thrum/green.h>
#include <thrum/hub.h>

#include "sys/signals.h"

#define AGAIN_FIRST 1 /* ms */
#define AGAIN_MOST  10

static int again_pause(thrumi_again_pause *pause, void *arg, int64_t ms)
{
    thrum_time end = thrum_in_ms(ms);
    bool before = thrum_hub_interruptible(true);
    int rc = pause(arg, end);

    (void)thrum_hub_interruptible(before);
    if (rc == -ETIMEDOUT && thrum_now().ns >= end.ns)
        return 0; /* else the deadline of a block */
    return rc == -EINTR && !thrumi_signal_ends_calls() ? 0 : rc;
}

int64_t thrumi_again_with(int64_t (*fn)(void *arg), thrumi_again_pause *pause,
                          void *arg)
{
    int64_t ms = AGAIN_FIRST;
    int64_t result = fn(arg);
    int rc = 0;

    while (result == -EAGAIN && rc >= 0) {
        rc = again_pause(pause, arg, ms);
        ms = ms * 2 < AGAIN_MOST ? ms * 2 : AGAIN_MOST;
        if (rc >= 0 || rc == -EINTR)
            result = fn(arg);
    }
    return result == -EAGAIN && rc < 0 ? rc : result;
}

static int again_sleep(void *arg, thrum_time end)
{
    (void)arg;
    return thrum_sleep(end);
}

int64_t thrumi_again(int64_t (*fn)(void *arg), void *arg)
{
    return thrumi_again_with(fn, again_sleep, arg);
}
