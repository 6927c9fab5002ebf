/* SPDX-License-Identifier: MIT */
/*
 * monkey/mqueue.c - message queues of POSIX, which are descriptors to be polled
 * on Linux.
 *
 * The original is tried with a time that is past, so that it does not wait. One
 * that was opened with O_NONBLOCK says so itself.
 */
#include <errno.h>
#include <mqueue.h>
#include <poll.h>

#include <thrum/net.h>

#include "monkey/hooks.h"
#include "monkey/span.h"

static const struct timespec mqueue_past = {0, 0};

/* It would have waited: waits, and 0 says that it may be tried again. */
static int mqueue_wait(mqd_t queue, unsigned events, thrum_time deadline)
{
    int ready;

    if (errno != ETIMEDOUT)
        return -1;
    ready = thrum_poll_one(queue, events, deadline);
    return ready < 0 ? (int)thrumi_to_errno(ready) : 0;
}

static ssize_t mqueue_receive(mqd_t queue, char *into, size_t room,
                              unsigned *priority, thrum_time deadline)
{
    ssize_t n;

    do
        n = thrumi_original.mq_timedreceive(queue, into, room, priority,
                                            &mqueue_past);
    while (n < 0 && mqueue_wait(queue, POLLIN, deadline) == 0);
    return n;
}

ssize_t thrumi_hook_mq_receive(mqd_t queue, char *into, size_t room,
                               unsigned *priority)
{
    if (thrumi_monkey_outside())
        return thrumi_original.mq_receive(queue, into, room, priority);
    return mqueue_receive(queue, into, room, priority, THRUM_FOREVER);
}

ssize_t thrumi_hook_mq_timedreceive(mqd_t queue, char *restrict into,
                                    size_t room, unsigned *restrict priority,
                                    const struct timespec *restrict at)
{
    if (thrumi_monkey_outside() || !thrumi_span_is_point(at))
        return thrumi_original.mq_timedreceive(queue, into, room, priority, at);
    return mqueue_receive(queue, into, room, priority,
                          thrumi_span_at_clock(CLOCK_REALTIME, at));
}

static int mqueue_send(mqd_t queue, const char *from, size_t n,
                       unsigned priority, thrum_time deadline)
{
    int rc;

    do
        rc = thrumi_original.mq_timedsend(queue, from, n, priority,
                                          &mqueue_past);
    while (rc < 0 && mqueue_wait(queue, POLLOUT, deadline) == 0);
    return rc;
}

int thrumi_hook_mq_send(mqd_t queue, const char *from, size_t n,
                        unsigned priority)
{
    if (thrumi_monkey_outside())
        return thrumi_original.mq_send(queue, from, n, priority);
    return mqueue_send(queue, from, n, priority, THRUM_FOREVER);
}

int thrumi_hook_mq_timedsend(mqd_t queue, const char *from, size_t n,
                             unsigned priority, const struct timespec *at)
{
    if (thrumi_monkey_outside() || !thrumi_span_is_point(at))
        return thrumi_original.mq_timedsend(queue, from, n, priority, at);
    return mqueue_send(queue, from, n, priority,
                       thrumi_span_at_clock(CLOCK_REALTIME, at));
}
