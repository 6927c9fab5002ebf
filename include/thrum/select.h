/* SPDX-License-Identifier: MIT */
/*
 * thrum/select.h - waiting for the first of several things, whatever they are.
 *
 * Each case says what it waits for: to put into a queue or get from one, a
 * future to settle, an event to be set, a descriptor to be ready, a time to come. Select waits until one of them can be done,
 * does that one and no other, and says which it was.
 *
 *     thrum_select_case cases[] = {
 *         thrum_select_get(requests),
 *         thrum_select_put(answers, next),
 *         thrum_select_timer(tick),
 *     };
 *
 *     switch (thrum_select(cases, 3, THRUM_FOREVER)) {
 *     case 0:
 *         if (cases[0].rc == 0)
 *             serve(cases[0].item);
 *         break;
 *     ...
 *
 * With THRUM_NOW it only looks: -ETIMEDOUT is then what `default:` is elsewhere.
 */
#ifndef THRUM_SELECT_H
#define THRUM_SELECT_H

#include <thrum/future.h>
#include <thrum/queue.h>
#include <thrum/sync.h>

THRUM_BEGIN_DECLS

typedef enum thrum_select_kind {
    THRUM_SELECT_NEVER = 0, /* never ready: a case that is switched off */
    THRUM_SELECT_PUT,       /* there is room, or the queue is closed */
    THRUM_SELECT_GET,       /* there is an item, or the queue is closed */
    THRUM_SELECT_FUTURE,    /* it has settled */
    THRUM_SELECT_EVENT,     /* it is set */
    THRUM_SELECT_FD,        /* what poll would say is there, or an error */
    THRUM_SELECT_TIMER,     /* the time has come */
} thrum_select_kind;

typedef struct thrum_select_case {
    thrum_select_kind kind;
    int rc; /* what came of it, for the case that select returns: 0;
             * THRUM_ECLOSED; of a put also -ENOMEM; of a descriptor what poll
             * says of it, or -EBADF, -ENOMEM */
    union {
        thrum_queue *queue;
        thrum_future *future;
        thrum_event *event;
        thrum_time time;
        int fd;
    } on;
    unsigned events; /* of a descriptor: POLLIN, POLLOUT, ... of <poll.h> */
    void *item;      /* to put; or what was got */
} thrum_select_case;

/* Waits for the first of the cases that can be done, and does it. Of several
 * that can be done at once each has its turn, not always the first of them. A
 * queue, future or event may be in several cases.
 *
 * Call from:  any thread or greenlet; in a callback with THRUM_NOW.
 * Blocks:     until one can be done; cancellable.
 * Ownership:  borrows what the cases name. An item that was put is handed over
 *             when the case is the one returned, with rc 0, and never else; one
 *             that was got is the caller's.
 * Returns:    the index of the case that was done, and in it rc and item;
 *             -ETIMEDOUT: none by the deadline, at once with THRUM_NOW;
 *             -EINVAL for a kind that is none, or more cases than INT_MAX;
 *             -ENOMEM, only of more than 8 cases or without a hub; -ECHILD when a case names
 *             what a forked child inherited; of the wait -ECANCELED, -EDEADLK,
 *             THRUM_ECONTEXT. Then nothing was done. */
THRUM_API THRUM_MUST_USE int thrum_select(thrum_select_case *cases, size_t n,
                                          thrum_time deadline);

/* A case of each kind.
 *
 * Call from:  anywhere.
 * Blocks:     no.
 * Ownership:  the case borrows what it names.
 * Returns:    the case. */
static inline thrum_select_case thrum_select_never(void)
{
    thrum_select_case never;

    never.kind = THRUM_SELECT_NEVER;
    never.rc = 0;
    never.on.queue = NULL;
    never.events = 0;
    never.item = NULL;
    return never;
}

static inline thrum_select_case thrum_select_put(thrum_queue *queue, void *item)
{
    thrum_select_case put = thrum_select_never();

    put.kind = THRUM_SELECT_PUT;
    put.on.queue = queue;
    put.item = item;
    return put;
}

static inline thrum_select_case thrum_select_get(thrum_queue *queue)
{
    thrum_select_case get = thrum_select_never();

    get.kind = THRUM_SELECT_GET;
    get.on.queue = queue;
    return get;
}

static inline thrum_select_case thrum_select_future(thrum_future *future)
{
    thrum_select_case settled = thrum_select_never();

    settled.kind = THRUM_SELECT_FUTURE;
    settled.on.future = future;
    return settled;
}

static inline thrum_select_case thrum_select_event(thrum_event *event)
{
    thrum_select_case set = thrum_select_never();

    set.kind = THRUM_SELECT_EVENT;
    set.on.event = event;
    return set;
}

static inline thrum_select_case thrum_select_fd(int fd, unsigned events)
{
    thrum_select_case ready = thrum_select_never();

    ready.kind = THRUM_SELECT_FD;
    ready.on.fd = fd;
    ready.events = events;
    return ready;
}

static inline thrum_select_case thrum_select_timer(thrum_time time)
{
    thrum_select_case timer = thrum_select_never();

    timer.kind = THRUM_SELECT_TIMER;
    timer.on.time = time;
    return timer;
}

THRUM_END_DECLS

#endif /* THRUM_SELECT_H */
