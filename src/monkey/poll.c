/* SPDX-License-Identifier: MIT */
/*
 * monkey/poll.c - poll and ppoll.
 */
#include <stdlib.h>
#include <string.h>

#include "monkey/hooks.h"
#include "monkey/ready.h"
#include "monkey/span.h"

/* The first look has found nothing. */
static int poll_wait(struct pollfd *fds, nfds_t n, int timeout)
{
    thrum_time deadline = timeout < 0 ? THRUM_FOREVER : thrum_in_ms(timeout);
    int rc = thrumi_ready_wait(fds, n, deadline);

    if (thrumi_ready_never(rc))
        return thrumi_original.poll(fds, n, timeout);
    return (int)thrumi_to_errno(rc);
}

int thrumi_hook_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    int rc;

    if (thrumi_monkey_outside())
        return thrumi_original.poll(fds, n, timeout);
    rc = thrumi_original.poll(fds, n, 0);
    if (rc != 0)
        return thrumi_ready_found(rc);
    if (timeout == 0)
        return (int)thrumi_to_errno(thrumi_ready_pass());
    return poll_wait(fds, n, timeout);
}

int thrumi_hook___poll_chk(struct pollfd *fds, nfds_t n, int timeout,
                           size_t room)
{
    if (thrumi_monkey_outside() || n > room / sizeof(*fds))
        return thrumi_original.__poll_chk(fds, n, timeout, room);
    return thrumi_hook_poll(fds, n, timeout);
}

/* ---- with a mask ---- */

struct poll_call {
    struct thrumi_ready ready;
    struct pollfd *fds; /* the caller's; those of `ready` are copies */
};

static const struct timespec poll_now = {0, 0};

/* Signals are looked for with the mask; what is ready is known. */
static int poll_look(struct thrumi_ready *ready)
{
    struct poll_call *call =
        thrumi_container_of(ready, struct poll_call, ready);
    int count = 0;

    if (ready->fds[ready->n].revents != 0) {
        int rc = thrumi_original.ppoll(call->fds, (nfds_t)ready->n, &poll_now,
                                       ready->mask);

        return (int)thrumi_from_errno(rc);
    }
    for (size_t i = 0; i < ready->n; i++) {
        call->fds[i].revents = ready->fds[i].revents;
        count += call->fds[i].revents != 0;
    }
    return count;
}

static int poll_wait_masked(struct pollfd *fds, nfds_t n, thrum_time deadline,
                            const sigset_t *mask)
{
    struct poll_call call = {
        {.n = n, .mask = mask, .deadline = deadline, .look = poll_look}, fds};
    int rc;

    call.ready.fds = malloc((n + 1) * sizeof(*fds));
    if (call.ready.fds == NULL)
        return -ENOMEM;
    if (n > 0)
        memcpy(call.ready.fds, fds, n * sizeof(*fds));
    rc = thrumi_ready_until(&call.ready);
    free(call.ready.fds);
    return rc;
}

int thrumi_hook_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *span,
                      const sigset_t *mask)
{
    thrum_time deadline;
    int rc;

    if (thrumi_monkey_outside() || !thrumi_span_is_limit(span))
        return thrumi_original.ppoll(fds, n, span, mask);
    deadline = thrumi_span_limit(span);
    rc = thrumi_original.ppoll(fds, n, &poll_now, mask);
    if (rc != 0)
        return thrumi_ready_found(rc);
    if (deadline.ns == THRUM_NOW.ns)
        return (int)thrumi_to_errno(thrumi_ready_pass());
    if (mask == NULL)
        rc = thrumi_ready_wait(fds, n, deadline);
    else
        rc = poll_wait_masked(fds, n, deadline, mask);
    if (thrumi_ready_never(rc))
        return thrumi_original.ppoll(fds, n, span, mask);
    return (int)thrumi_to_errno(rc);
}

int thrumi_hook___ppoll_chk(struct pollfd *fds, nfds_t n,
                            const struct timespec *span, const sigset_t *mask,
                            size_t room)
{
    if (thrumi_monkey_outside() || n > room / sizeof(*fds))
        return thrumi_original.__ppoll_chk(fds, n, span, mask, room);
    return thrumi_hook_ppoll(fds, n, span, mask);
}
