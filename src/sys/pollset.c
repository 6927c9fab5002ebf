/* SPDX-License-Identifier: MIT */
/*
 * sys/pollset.c - waiting for one of several descriptors to become readable.
 */
#include "sys/pollset.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "sys/clock.h"

#define POLL_AT_ONCE 64u /* more are looked at in turn */

static void poll_until(thrum_time deadline, struct timespec *ret)
{
    int64_t left = deadline.ns - thrumi_clock_ns();

    if (left < 0)
        left = 0;
    ret->tv_sec = (time_t)(left / 1000000000);
    ret->tv_nsec = (long)(left % 1000000000);
}

static int poll_some(struct thrumi_poll *polls, unsigned count,
                     const struct timespec *timeout)
{
    struct pollfd fds[POLL_AT_ONCE];
    int n;

    for (unsigned i = 0; i < count; i++)
        fds[i] = (struct pollfd){polls[i].fd, POLLIN, 0};
    n = ppoll(fds, count, timeout, NULL);
    for (unsigned i = 0; i < count; i++)
        polls[i].ready = n > 0 && fds[i].revents != 0;
    return n < 0 ? 0 : n;
}

/* With very many, those beyond the first lot are noticed a little later. */
int thrumi_poll(struct thrumi_poll *polls, unsigned count, thrum_time deadline)
{
    static const struct timespec at_once = {0, 0};
    static const struct timespec soon = {0, 10000000};
    struct timespec timeout;
    int n = 0;

    for (unsigned at = POLL_AT_ONCE; at < count; at += POLL_AT_ONCE)
        n += poll_some(polls + at,
                       count - at < POLL_AT_ONCE ? count - at : POLL_AT_ONCE,
                       &at_once);
    if (deadline.ns != INT64_MAX)
        poll_until(deadline, &timeout);
    if (n > 0)
        timeout = at_once;
    else if (count > POLL_AT_ONCE)
        timeout = soon;
    else if (deadline.ns == INT64_MAX)
        return n + poll_some(polls, count, NULL);
    return n + poll_some(polls, count < POLL_AT_ONCE ? count : POLL_AT_ONCE,
                         &timeout);
}
