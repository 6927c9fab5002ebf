/* SPDX-License-Identifier: MIT */
/*
 * net/poll.c - waiting for the readiness of one descriptor, or of any of many.
 *
 * A few are waited for each by itself, see poll_few.c. Many are put into an
 * epoll of their own, for as long as the wait takes, and that is one descriptor,
 * which the hub's engine waits for. What is ready then poll() tells. A number that stands in the array more than once is put in for
 * all that is asked of it.
 */
#include "net/poll.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <thrum/net.h>

#include "hub/claim.h"
#include "hub/engine.h"
#include "hub/hub.h"
#include "net/call.h"

int thrum_poll_one(int fd, unsigned events, thrum_time deadline)
{
    struct thrumi_io io = {.op = THRUMI_IO_POLL, .fd = fd, .flags = events};

    return (int)thrumi_net_io(&io, deadline);
}

static int poll_look(struct pollfd *fds, size_t n)
{
    int ready = poll(fds, (nfds_t)n, 0);

    if (ready >= 0)
        return ready;
    return errno == EINTR ? 0 : -errno;
}

/* All that is asked of this number. */
static uint32_t poll_events_of(const struct pollfd *fds, size_t n, int fd)
{
    uint32_t events = 0;

    for (size_t i = 0; i < n; i++)
        if (fds[i].fd == fd)
            events |= (unsigned short)fds[i].events;
    return events;
}

/* The events of poll are those of epoll. */
static int poll_add(int epoll, const struct pollfd *fds, size_t n, size_t at)
{
    struct epoll_event event = {.events = (unsigned short)fds[at].events};

    if (fds[at].fd < 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, fds[at].fd, &event) == 0)
        return 0;
    if (errno == EPERM) /* a file, of which nothing was asked */
        return 0;
    if (errno != EEXIST)
        return -errno;
    event.events = poll_events_of(fds, n, fds[at].fd);
    return epoll_ctl(epoll, EPOLL_CTL_MOD, fds[at].fd, &event) == 0 ? 0
                                                                    : -errno;
}

/* A wait for many, on the stack of the one that waits. */
struct poll_set {
    struct thrumi_link link; /* in hub->polls */
    struct pollfd *fds;
    size_t n;
    int epoll;
    int closed; /* how many of them were, and are marked so */
};

void thrumi_poll_forget(struct thrumi_hub *hub, int fd)
{
    struct thrumi_link *link = hub->polls.next;

    for (; link != &hub->polls; link = link->next) {
        struct poll_set *set = thrumi_container_of(link, struct poll_set, link);
        int before = set->closed;

        for (size_t i = 0; i < set->n; i++)
            if (set->fds[i].fd == fd && set->fds[i].revents == 0) {
                set->fds[i].revents = POLLNVAL;
                set->closed++;
            }
        if (set->closed != before)
            hub->engine->ops->forget(hub->engine, set->epoll, -EBADF);
    }
}

static int poll_open(struct poll_set *set, struct thrumi_hub *hub)
{
    for (size_t i = 0; i < set->n; i++) {
        int rc = poll_add(set->epoll, set->fds, set->n, i);

        if (rc == 0 && set->fds[i].fd >= 0 &&
            !thrumi_claim_add(set->fds[i].fd, hub))
            rc = -ENOMEM;
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int poll_wait(struct poll_set *set, struct thrumi_hub *hub,
                     thrum_time deadline)
{
    int ready = poll_open(set, hub);

    thrumi_list_append(&hub->polls, &set->link);
    while (ready == 0) {
        int rc = thrum_poll_one(set->epoll, POLLIN, deadline);

        ready = set->closed > 0 ? set->closed : poll_look(set->fds, set->n);
        if (ready == 0 && rc < 0)
            ready = rc;
    }
    thrumi_list_remove(&set->link);
    return ready;
}

/* In an epoll of their own. */
static int poll_many(struct thrumi_hub *hub, struct pollfd *fds, size_t n,
                     thrum_time deadline)
{
    struct poll_set set = {.fds = fds, .n = n};
    int ready;

    set.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (set.epoll < 0)
        return -errno;
    (void)thrumi_net_fresh(set.epoll);
    ready = poll_wait(&set, hub, deadline);
    (void)thrum_close(set.epoll);
    return ready;
}

static int poll_few(struct thrumi_hub *hub, struct pollfd *fds, size_t n,
                    thrum_time deadline)
{
    int ready = 0;

    while (ready == 0) {
        int rc = thrumi_poll_few(hub, fds, n, deadline);

        if (rc > 0 || rc == THRUMI_IO_BLOCKS)
            return rc;
        ready = poll_look(fds, n);
        if (ready == 0 && rc < 0)
            ready = rc;
    }
    return ready;
}

int thrum_poll(struct pollfd *fds, size_t n, thrum_time deadline)
{
    struct thrumi_hub *hub = thrumi_hub_get();
    int ready = poll_look(fds, n);

    if (ready != 0) {
        thrumi_context_spend();
        return ready;
    }
    if (hub == NULL)
        return -ENOMEM;
    ready = thrumi_hub_need_engine(hub);
    if (ready != 0)
        return ready;
    ready = THRUMI_IO_BLOCKS;
    if (thrumi_poll_is_few(hub, fds, n))
        ready = poll_few(hub, fds, n, deadline);
    if (ready == THRUMI_IO_BLOCKS)
        ready = poll_many(hub, fds, n, deadline);
    return ready;
}
