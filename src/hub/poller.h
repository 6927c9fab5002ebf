/* SPDX-License-Identifier: MIT */
/*
 * hub/poller.h - a greenlet that waits for a descriptor in somebody's place,
 * who waits for more than that.
 *
 * Its future settles when the descriptor is ready, so it can be waited for as
 * any other. It lies on the stack of the one for whom it waits, who ends it.
 */
#ifndef THRUMI_HUB_POLLER_H
#define THRUMI_HUB_POLLER_H

#include <thrum/future.h>

struct thrumi_poller {
    int fd;
    unsigned events;      /* poll's */
    thrum_future *future; /* of the greenlet, once it was begun; or NULL */
    int result;           /* what is ready, as poll has it; or a code */
};

/* Ready now? What is, as poll has it; 0: nothing; -EBADF. */
int thrumi_poller_look(const struct thrumi_poller *poller);
/* Begins to wait, in the thread's hub. 0, or why not. */
int thrumi_poller_begin(struct thrumi_poller *poller);
/* Its result, once its future has settled. */
int thrumi_poller_result(const struct thrumi_poller *poller);
/* Ends the wait, if it was begun. Waits for that, whatever becomes of the
 * caller; not in a callback. */
void thrumi_poller_end(struct thrumi_poller *poller);

#endif /* THRUMI_HUB_POLLER_H */
