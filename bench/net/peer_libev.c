/* SPDX-License-Identifier: MIT */
/*
 * net/peer_libev.c - libev on epoll.
 */
#include <ev.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/harness.h"

static bench_answer *peer_answer;
static ev_timer *peer_timer;
static long peer_live;

static struct ev_loop *peer_loop(void)
{
    struct ev_loop *loop = ev_default_loop(EVFLAG_NOENV | EVBACKEND_EPOLL);

    if (!loop)
        bench_die("ev_default_loop");
    return loop;
}

static void peer_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    static char room[BENCH_ROOM];
    ssize_t got = read(watcher->fd, room, sizeof room);

    if (got > 0) {
        struct bench_bytes out = peer_answer(room, (size_t)got);
        if (write(watcher->fd, out.data, out.size) == (ssize_t)out.size)
            return;
    }
    ev_io_stop(loop, watcher);
    close(watcher->fd);
    free(watcher);
}

static void peer_accept(struct ev_loop *loop, ev_io *watcher, int events)
{
    int fd;

    while ((fd = accept4(watcher->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        ev_io *connection = malloc(sizeof *connection);
        bench_nodelay(fd);
        ev_io_init(connection, peer_readable, fd, EV_READ);
        ev_io_start(loop, connection);
    }
}

static void peer_serve(bench_answer *answer)
{
    ev_io listener;

    peer_answer = answer;
    ev_io_init(&listener, peer_accept, bench_listen(SOCK_NONBLOCK), EV_READ);
    ev_io_start(peer_loop(), &listener);
    ev_run(peer_loop(), 0);
}

/* ---- timers ---- */

static void peer_due(struct ev_loop *loop, ev_timer *timer, int events)
{
    bench_die("a timer came");
}

static void peer_start(ev_timer *timer)
{
    ev_timer_set(timer, (double)bench_due_ms() / 1e3, 0);
    ev_timer_start(peer_loop(), timer);
}

static void peer_restart(long n)
{
    for (long i = 0; i < n; i++) {
        ev_timer *timer =
            &peer_timer[bench_random() % (unsigned long)peer_live];
        ev_timer_stop(peer_loop(), timer);
        peer_start(timer);
    }
}

static bench_run *peer_timers(long live)
{
    peer_live = live;
    peer_timer = calloc((size_t)live, sizeof *peer_timer);
    for (long i = 0; i < live; i++) {
        ev_init(&peer_timer[i], peer_due);
        peer_start(&peer_timer[i]);
    }
    return peer_restart;
}

const struct bench_peer bench_peer = {
    .serve = peer_serve,
    .timers = peer_timers,
};
