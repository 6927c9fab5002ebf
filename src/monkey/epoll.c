/* SPDX-License-Identifier: MIT */
/*
 * monkey/epoll.c - epoll_wait and its like.
 *
 * An epoll is a descriptor that can be polled itself: it is waited for, and then
 * asked. Of several who wait for the same one another may have got it all, and
 * the wait goes on.
 */
#include "monkey/hooks.h"
#include "monkey/ready.h"
#include "monkey/span.h"

struct epoll_call {
    struct thrumi_ready ready;
    struct pollfd fds[2]; /* the epoll, and signals */
    struct epoll_event *events;
    int most;
};

static const struct timespec epoll_now = {0, 0};

/* A signal that the mask lets through is taken in a call of its own: epoll_pwait
 * without a wait does not look for signals. */
static int epoll_look_for_signals(const sigset_t *mask)
{
    if (mask == NULL)
        return 0;
    return (int)thrumi_from_errno(
        thrumi_original.ppoll(NULL, 0, &epoll_now, mask));
}

static int epoll_look(struct thrumi_ready *ready)
{
    struct epoll_call *call =
        thrumi_container_of(ready, struct epoll_call, ready);
    int rc;

    if ((ready->fds[0].revents & POLLNVAL) != 0)
        return -EBADF;
    rc = thrumi_original.epoll_wait(call->fds[0].fd, call->events, call->most,
                                    0);
    if (rc == 0)
        return epoll_look_for_signals(ready->mask);
    return (int)thrumi_from_errno(rc);
}

/* The result, or a code. */
static int epoll_run(struct epoll_call *call)
{
    int rc;

    call->ready.fds = call->fds;
    call->ready.n = 1;
    call->ready.look = epoll_look;
    rc = epoll_look(&call->ready);
    if (rc != 0)
        return thrumi_ready_found(rc);
    if (call->ready.deadline.ns == THRUM_NOW.ns)
        return thrumi_ready_pass();
    return thrumi_ready_until(&call->ready);
}

static thrum_time epoll_end(int timeout)
{
    if (timeout == 0)
        return THRUM_NOW;
    return timeout < 0 ? THRUM_FOREVER : thrum_in_ms(timeout);
}

int thrumi_hook_epoll_wait(int epoll, struct epoll_event *events, int most,
                           int timeout)
{
    struct epoll_call call = {.fds = {{.fd = epoll, .events = POLLIN}},
                              .events = events,
                              .most = most};
    int rc;

    if (thrumi_monkey_outside())
        return thrumi_original.epoll_wait(epoll, events, most, timeout);
    call.ready.deadline = epoll_end(timeout);
    rc = epoll_run(&call);
    if (thrumi_ready_never(rc))
        return thrumi_original.epoll_wait(epoll, events, most, timeout);
    return (int)thrumi_to_errno(rc);
}

int thrumi_hook_epoll_pwait(int epoll, struct epoll_event *events, int most,
                            int timeout, const sigset_t *mask)
{
    struct epoll_call call = {.ready = {.mask = mask},
                              .fds = {{.fd = epoll, .events = POLLIN}},
                              .events = events,
                              .most = most};
    int rc;

    if (thrumi_monkey_outside())
        return thrumi_original.epoll_pwait(epoll, events, most, timeout, mask);
    call.ready.deadline = epoll_end(timeout);
    rc = epoll_run(&call);
    if (thrumi_ready_never(rc))
        return thrumi_original.epoll_pwait(epoll, events, most, timeout, mask);
    return (int)thrumi_to_errno(rc);
}

int thrumi_hook_epoll_pwait2(int epoll, struct epoll_event *events, int most,
                             const struct timespec *span, const sigset_t *mask)
{
    struct epoll_call call = {.ready = {.mask = mask},
                              .fds = {{.fd = epoll, .events = POLLIN}},
                              .events = events,
                              .most = most};
    int rc;

    if (thrumi_monkey_outside() || !thrumi_span_is_limit(span))
        return thrumi_original.epoll_pwait2(epoll, events, most, span, mask);
    call.ready.deadline = thrumi_span_limit(span);
    rc = epoll_run(&call);
    if (thrumi_ready_never(rc))
        return thrumi_original.epoll_pwait2(epoll, events, most, span, mask);
    return (int)thrumi_to_errno(rc);
}
