/* SPDX-License-Identifier: MIT */
/*
 * cases_select.c - poll, select, epoll_wait.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

#include "monkey/undeclared.h"

#include "cases.h"

#pragma weak epoll_pwait2

/* A descriptor that somebody beside makes readable, in various dresses. */
struct waited {
    struct ends ends;
    struct beside *writer;
    struct pollfd fds[3];
    fd_set set;
    sigset_t mask;
    int epoll;
    struct epoll_event event;
};

static void *waited_write(void *arg)
{
    const struct ends *ends = arg;

    CHECK_INT(write(ends->there, "x", 1), 1);
    return NULL;
}

static void waited_begin(struct waited *waited)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = 7}};

    memset(waited, 0, sizeof(*waited));
    waited->ends = ends_of_pipe();
    waited->writer = beside(waited_write, &waited->ends);
    waited->fds[0] = (struct pollfd){.fd = -1, .events = POLLIN};
    waited->fds[1] = (struct pollfd){.fd = waited->ends.here, .events = POLLIN};
    waited->fds[2] =
        (struct pollfd){.fd = waited->ends.here, .events = POLLPRI};
    FD_ZERO(&waited->set);
    FD_SET(waited->ends.here, &waited->set);
    sigemptyset(&waited->mask);
    waited->epoll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(waited->epoll >= 0);
    CHECK_INT(
        epoll_ctl(waited->epoll, EPOLL_CTL_ADD, waited->ends.here, &event), 0);
}

static void waited_end(struct waited *waited)
{
    beside_end(waited->writer);
    CHECK_INT(close(waited->epoll), 0);
    ends_close(&waited->ends);
}

static void waited_end_polled(struct waited *waited)
{
    CHECK_INT(waited->fds[0].revents, 0);
    CHECK_INT(waited->fds[1].revents, POLLIN);
    CHECK_INT(waited->fds[2].revents, 0);
    waited_end(waited);
}

static void waited_end_selected(struct waited *waited)
{
    CHECK(FD_ISSET(waited->ends.here, &waited->set));
    waited_end(waited);
}

static void waited_end_told(struct waited *waited)
{
    CHECK_INT(waited->event.events, EPOLLIN);
    CHECK_INT(waited->event.data.u32, 7);
    waited_end(waited);
}

CASE(poll)
{
    struct waited waited;

    waited_begin(&waited);
    CHECK_INT(poll(waited.fds, 3, -1), 1);
    waited_end_polled(&waited);
}

CASE(__poll_chk)
{
    struct waited waited;

    waited_begin(&waited);
    CHECK_INT(__poll_chk(waited.fds, 3, -1, sizeof(waited.fds)), 1);
    waited_end_polled(&waited);
}

CASE(ppoll)
{
    struct waited waited;

    waited_begin(&waited);
    CHECK_INT(ppoll(waited.fds, 3, NULL, &waited.mask), 1);
    waited_end_polled(&waited);
}

CASE(__ppoll_chk)
{
    struct waited waited;

    waited_begin(&waited);
    CHECK_INT(
        __ppoll_chk(waited.fds, 3, NULL, &waited.mask, sizeof(waited.fds)), 1);
    waited_end_polled(&waited);
}

CASE(select)
{
    struct waited waited;

    waited_begin(&waited);
    CHECK_INT(select(waited.ends.here + 1, &waited.set, NULL, NULL, NULL), 1);
    waited_end_selected(&waited);
}

CASE(pselect)
{
    struct waited waited;

    waited_begin(&waited);
    CHECK_INT(pselect(waited.ends.here + 1, &waited.set, NULL, NULL, NULL,
                      &waited.mask),
              1);
    waited_end_selected(&waited);
}

CASE(epoll_wait)
{
    struct waited waited;

    waited_begin(&waited);
    CHECK_INT(epoll_wait(waited.epoll, &waited.event, 1, -1), 1);
    waited_end_told(&waited);
}

CASE(epoll_pwait)
{
    struct waited waited;

    waited_begin(&waited);
    CHECK_INT(epoll_pwait(waited.epoll, &waited.event, 1, -1, &waited.mask), 1);
    waited_end_told(&waited);
}

CASE(epoll_pwait2)
{
    struct waited waited;

    if (epoll_pwait2 == NULL)
        return;
    waited_begin(&waited);
    CHECK_INT(epoll_pwait2(waited.epoll, &waited.event, 1, NULL, &waited.mask),
              1);
    waited_end_told(&waited);
}
