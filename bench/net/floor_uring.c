/* SPDX-License-Identifier: MIT */
/*
 * net/floor_uring.c - the least that io_uring can be.
 *
 * One operation for each receive and each send; all that a turn of the loop
 * asks for is submitted in one call. Nothing is cancelled, nothing has a
 * deadline, no answer has to be sent in parts.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/harness.h"
#include "net/ring.h"

#define ROOM 512

enum {
    FLOOR_ACCEPT,
    FLOOR_CONNECT,
    FLOOR_RECEIVE,
    FLOOR_SEND
};

struct connection {
    int fd;
    char room[ROOM];
};

static struct io_uring floor_ring;

static struct connection *floor_new(int fd)
{
    struct connection *made = malloc(sizeof *made);

    if (fd < 0 || !made)
        bench_die("a socket");
    made->fd = fd;
    return made;
}

static void floor_drop(struct connection *one)
{
    close(one->fd);
    free(one);
}

static void floor_receive(struct connection *from)
{
    struct io_uring_sqe *sqe = ring_sqe(&floor_ring);

    io_uring_prep_recv(sqe, from->fd, from->room, ROOM, 0);
    ring_mark(sqe, from, FLOOR_RECEIVE);
}

static void floor_send(struct connection *to, struct bench_bytes out)
{
    struct io_uring_sqe *sqe = ring_sqe(&floor_ring);

    io_uring_prep_send(sqe, to->fd, out.data, out.size, MSG_NOSIGNAL);
    ring_mark(sqe, to, FLOOR_SEND);
}

/* ---- the server ---- */

static int floor_listener;
static bench_answer *floor_answer;

static void floor_accept(void)
{
    struct io_uring_sqe *sqe = ring_sqe(&floor_ring);

    io_uring_prep_multishot_accept(sqe, floor_listener, NULL, NULL, 0);
    ring_mark(sqe, NULL, FLOOR_ACCEPT);
}

static void floor_accepted(const struct io_uring_cqe *cqe)
{
    if (cqe->res >= 0) {
        bench_nodelay(cqe->res);
        floor_receive(floor_new(cqe->res));
    }
    if (!(cqe->flags & IORING_CQE_F_MORE))
        floor_accept();
}

static void floor_serve_one(const struct io_uring_cqe *cqe)
{
    struct connection *one = ring_whose(cqe);

    if (ring_kind(cqe) == FLOOR_ACCEPT)
        floor_accepted(cqe);
    else if (cqe->res <= 0)
        floor_drop(one);
    else if (ring_kind(cqe) == FLOOR_RECEIVE)
        floor_send(one, floor_answer(one->room, (size_t)cqe->res));
    else
        floor_receive(one);
}

static void floor_serve(bench_answer *answer)
{
    ring_open(&floor_ring);
    floor_listener = bench_listen(0);
    floor_answer = answer;
    floor_accept();
    for (;;) {
        ring_wait(&floor_ring);
        ring_reap(&floor_ring, floor_serve_one);
    }
}

/* ---- the client ---- */

static long floor_left;

static void floor_connect(const struct sockaddr_in *server)
{
    struct connection *one = floor_new(socket(AF_INET, SOCK_STREAM, 0));
    struct io_uring_sqe *sqe = ring_sqe(&floor_ring);

    io_uring_prep_connect(sqe, one->fd, (const void *)server, sizeof *server);
    ring_mark(sqe, one, FLOOR_CONNECT);
}

static void floor_ask_one(const struct io_uring_cqe *cqe)
{
    struct connection *one = ring_whose(cqe);
    unsigned kind = ring_kind(cqe);

    if (cqe->res != (kind == FLOOR_CONNECT ? 0 : BENCH_MESSAGE))
        bench_die("an operation");
    if (kind == FLOOR_CONNECT) {
        floor_send(one, (struct bench_bytes){one->room, BENCH_MESSAGE});
    } else if (kind == FLOOR_SEND) {
        floor_receive(one);
    } else {
        bench_reset(one->fd);
        floor_drop(one);
        floor_left--;
    }
}

static void floor_fanout(long n)
{
    struct sockaddr_in server = bench_server();

    if (!floor_ring.ring_fd)
        ring_open(&floor_ring);
    floor_left = n;
    for (long i = 0; i < n; i++)
        floor_connect(&server);
    while (floor_left > 0) {
        ring_wait(&floor_ring);
        ring_reap(&floor_ring, floor_ask_one);
    }
}

const struct bench_peer bench_peer = {
    .serve = floor_serve,
    .fanout = floor_fanout,
};
