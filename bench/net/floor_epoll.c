/* SPDX-License-Identifier: MIT */
/*
 * net/floor_epoll.c - the least that readiness by epoll can be.
 *
 * The server waits level-triggered; one read and one write for each event, into
 * a buffer that all share, and the write never has to wait. The client waits
 * edge-triggered: its descriptors are registered once for both ways.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/harness.h"

#define EVENTS 512

static void floor_add(int epoll, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        bench_die("epoll_ctl");
}

static int floor_new(void)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (epoll < 0)
        bench_die("epoll_create1");
    return epoll;
}

/* ---- the server ---- */

static void floor_accept(int epoll, int listener)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        bench_nodelay(fd);
        floor_add(epoll, fd, EPOLLIN);
    }
}

static void floor_answer(int fd, bench_answer *answer)
{
    static char room[BENCH_ROOM];
    ssize_t got = read(fd, room, sizeof room);

    if (got > 0) {
        struct bench_bytes out = answer(room, (size_t)got);
        if (write(fd, out.data, out.size) == (ssize_t)out.size)
            return;
    }
    close(fd);
}

static void floor_serve(bench_answer *answer)
{
    int listener = bench_listen(SOCK_NONBLOCK), epoll = floor_new();
    struct epoll_event event[EVENTS];

    floor_add(epoll, listener, EPOLLIN);
    for (;;) {
        int n = epoll_wait(epoll, event, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (event[i].data.fd == listener)
                floor_accept(epoll, listener);
            else
                floor_answer(event[i].data.fd, answer);
        }
    }
}

/* ---- the client ---- */

static bool *floor_asked; /* by descriptor */

static void floor_connect(int epoll, const struct sockaddr_in *server)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd < 0 || (connect(fd, (const void *)server, sizeof *server) < 0 &&
                   errno != EINPROGRESS))
        bench_die("connect");
    floor_asked[fd] = false;
    floor_add(epoll, fd, EPOLLIN | EPOLLOUT | EPOLLET);
}

/* Returns whether it is over. */
static bool floor_go_on(int fd, uint32_t events)
{
    char room[BENCH_MESSAGE] = {0};

    if (events & (EPOLLERR | EPOLLHUP))
        bench_die("a connection");
    if (!floor_asked[fd]) {
        floor_asked[fd] = true;
        if (write(fd, room, sizeof room) != sizeof room)
            bench_die("write");
        return false;
    }
    if (!(events & EPOLLIN))
        return false;
    if (read(fd, room, sizeof room) != sizeof room)
        bench_die("read");
    bench_reset(fd);
    close(fd);
    return true;
}

static void floor_fanout(long n)
{
    struct sockaddr_in server = bench_server();
    struct epoll_event event[EVENTS];
    int epoll = floor_new();

    floor_asked = calloc((size_t)n + BENCH_WAITING, sizeof *floor_asked);
    for (long i = 0; i < n; i++)
        floor_connect(epoll, &server);
    while (n > 0) {
        int ready = epoll_wait(epoll, event, EVENTS, -1);
        for (int i = 0; i < ready; i++)
            n -= floor_go_on(event[i].data.fd, event[i].events);
    }
    free(floor_asked);
    close(epoll);
}

const struct bench_peer bench_peer = {
    .serve = floor_serve,
    .fanout = floor_fanout,
};
