/* SPDX-License-Identifier: MIT */
/*
 * net/poll_few.c - waiting for any of a few descriptors, each by itself.
 *
 * A C library waits for two or three, its socket and something that wakes it, and
 * does so in thousands of greenlets. An epoll for each of these would be a
 * descriptor and five system calls a time. So where the engine can list a
 * greenlet with several descriptors at once, it is, and the first that may be
 * ready wakes it.
 */
#include "net/poll.h"

#include <errno.h>
#include <poll.h>

#include "hub/engine.h"
#include "hub/fd.h"
#include "hub/hub.h"

/* On the stack of the one that waits. */
struct poll_few {
    struct thrumi_engine *engine;
    struct thrumi_parking parking;
    struct poll_one {
        struct thrumi_io io;
        struct thrumi_fd_wait wait;
        struct pollfd *fd;
    } each[THRUMI_POLL_FEW];
    size_t n; /* of these, those that have begun */
};

bool thrumi_poll_is_few(const struct thrumi_hub *hub, const struct pollfd *fds,
                        size_t n)
{
    size_t open = 0;

    if (hub->engine->ops->begin == NULL || n > THRUMI_POLL_FEW)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (fds[i].fd >= 0 && (fds[i].events & (POLLIN | POLLOUT)) == 0)
            return false;
        open += fds[i].fd >= 0;
    }
    return open > 0;
}

static int poll_few_begin(struct poll_few *few, struct pollfd *fd)
{
    struct poll_one *one = &few->each[few->n];
    int rc;

    one->fd = fd;
    one->io = (struct thrumi_io){.op = THRUMI_IO_POLL,
                                 .fd = fd->fd,
                                 .flags = (unsigned short)fd->events};
    thrumi_io_aim(&one->io);
    rc = few->engine->ops->begin(few->engine, &one->io, &one->wait);
    if (rc != 0)
        return rc;
    one->wait.whom = &few->parking;
    few->n++;
    return 0;
}

/* How many were closed meanwhile, and are marked so. */
static int poll_few_end(struct poll_few *few)
{
    int closed = 0;

    for (size_t i = 0; i < few->n; i++) {
        struct poll_one *one = &few->each[i];

        if (few->engine->ops->end(few->engine, &one->wait) == 0)
            continue;
        one->fd->revents = POLLNVAL;
        closed++;
    }
    return closed;
}

static int poll_few_park(struct poll_few *few, thrum_time deadline)
{
    int rc;

    thrumi_parking_for(&few->parking, thrumi_io_wish(THRUMI_IO_POLL),
                       (void *)(intptr_t)few->each[0].io.fd);
    rc = thrumi_parking_wait(&few->parking, deadline);
    if (rc == 0)
        return 0;
    for (size_t i = 0; i < few->n; i++)
        if (!thrumi_link_listed(&few->each[i].wait.link)) {
            thrumi_parking_finish(&few->parking);
            break;
        }
    return rc;
}

int thrumi_poll_few(struct thrumi_hub *hub, struct pollfd *fds, size_t n,
                    thrum_time deadline)
{
    struct poll_few few;
    int closed;
    int rc = 0;

    few.engine = hub->engine;
    few.n = 0;
    thrumi_parking_init(&few.parking);
    for (size_t i = 0; i < n && rc == 0; i++)
        if (fds[i].fd >= 0)
            rc = poll_few_begin(&few, &fds[i]);
    if (rc == 0)
        rc = poll_few_park(&few, deadline);
    closed = poll_few_end(&few);
    return closed > 0 ? closed : rc;
}
