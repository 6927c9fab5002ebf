/* SPDX-License-Identifier: MIT */
/*
 * waits_socket.c - waits for sockets and pipes.
 */
#include "waits.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static char wait_much[WAIT_MUCH];

/* ---- sockets ---- */

static void wait_make_packets(struct wait *wait)
{
    wait->ends = ends_of(SOCK_DGRAM);
}

static long wait_in_read(struct wait *wait)
{
    return read(wait->ends.here, wait_much, 6);
}

static long wait_in_readv(struct wait *wait)
{
    struct iovec pieces[2] = {{wait_much, 2}, {wait_much + 2, 4}};

    return readv(wait->ends.here, pieces, 2);
}

static long wait_in_recv(struct wait *wait)
{
    return recv(wait->ends.here, wait_much, 6, 0);
}

static long wait_in_recvfrom(struct wait *wait)
{
    struct sockaddr_storage from;
    socklen_t length = sizeof(from);

    return recvfrom(wait->ends.here, wait_much, 6, 0, (struct sockaddr *)&from,
                    &length);
}

static long wait_in_recvmsg(struct wait *wait)
{
    struct iovec piece = {wait_much, 6};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

    return recvmsg(wait->ends.here, &message, 0);
}

static long wait_in_recvmmsg(struct wait *wait)
{
    struct iovec piece = {wait_much, 6};
    struct mmsghdr many = {.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}};

    return recvmmsg(wait->ends.here, &many, 1, 0, NULL);
}

static long wait_all_or_none(ssize_t n)
{
    return n == (ssize_t)WAIT_MUCH ? n : n < 0 ? n : -1;
}

static long wait_in_write(struct wait *wait)
{
    return wait_all_or_none(write(wait->ends.here, wait_much, WAIT_MUCH));
}

static long wait_in_writev(struct wait *wait)
{
    struct iovec pieces[2] = {{wait_much, 7}, {wait_much, WAIT_MUCH - 7}};

    return wait_all_or_none(writev(wait->ends.here, pieces, 2));
}

static long wait_in_send(struct wait *wait)
{
    return wait_all_or_none(send(wait->ends.here, wait_much, WAIT_MUCH, 0));
}

static long wait_in_sendmsg(struct wait *wait)
{
    struct iovec piece = {wait_much, WAIT_MUCH};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

    return wait_all_or_none(sendmsg(wait->ends.here, &message, 0));
}

static int wait_listen(struct sockaddr_un *name, socklen_t *length, int backlog)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    CHECK_INT(bind(fd, (struct sockaddr *)name, sizeof(sa_family_t)), 0);
    CHECK_INT(listen(fd, backlog), 0);
    *length = sizeof(*name);
    CHECK_INT(getsockname(fd, (struct sockaddr *)name, length), 0);
    return fd;
}

/* here: listens; there: connects. */
static void wait_make_listener(struct wait *wait)
{
    struct sockaddr_un name;
    socklen_t length;

    wait->ends.here = wait_listen(&name, &length, 4);
    wait->ends.there = socket(AF_UNIX, SOCK_STREAM, 0);
}

static long wait_in_accept(struct wait *wait)
{
    wait->other = accept(wait->ends.here, NULL, NULL);
    return wait->other;
}

static long wait_in_accept4(struct wait *wait)
{
    struct sockaddr_un name;
    socklen_t length = sizeof(name);

    wait->other = accept4(wait->ends.here, (struct sockaddr *)&name, &length,
                          SOCK_CLOEXEC);
    return wait->other;
}

static void wait_let_connect(struct wait *wait)
{
    struct sockaddr_un name;
    socklen_t length = sizeof(name);

    CHECK_INT(getsockname(wait->ends.here, (struct sockaddr *)&name, &length),
              0);
    CHECK_INT(connect(wait->ends.there, (struct sockaddr *)&name, length), 0);
}

/* there: listens, and its queue is full; other: is in it. */
static void wait_make_full(struct wait *wait)
{
    struct sockaddr_un name;
    socklen_t length;

    wait->ends.there = wait_listen(&name, &length, 0);
    wait->other = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_INT(connect(wait->other, (struct sockaddr *)&name, length), 0);
    wait->ends.here = socket(AF_UNIX, SOCK_STREAM, 0);
}

static long wait_in_connect(struct wait *wait)
{
    struct sockaddr_un name;
    socklen_t length = sizeof(name);

    CHECK_INT(getsockname(wait->ends.there, (struct sockaddr *)&name, &length),
              0);
    return connect(wait->ends.here, (struct sockaddr *)&name, length);
}

static void wait_let_accept(struct wait *wait)
{
    int fd = accept(wait->ends.there, NULL, NULL);

    CHECK(fd >= 0);
    CHECK_INT(close(fd), 0);
}

static void wait_make_counter(struct wait *wait)
{
    wait->ends = (struct ends){eventfd(0, EFD_CLOEXEC), -1};
}

static long wait_in_eventfd(struct wait *wait)
{
    eventfd_t value;

    return eventfd_read(wait->ends.here, &value);
}

static void wait_let_count(struct wait *wait)
{
    CHECK_INT(eventfd_write(wait->ends.here, 1), 0);
}

/* clang-format off */
const struct wait_kind waits_socket[] = {
    {"read", wait_make_pipe, wait_in_read, wait_let_in, wait_drop_ends, 0},
    {"readv", wait_make_pipe, wait_in_readv, wait_let_in, wait_drop_ends, 0},
    {"recv", wait_make_stream, wait_in_recv, wait_let_in, wait_drop_ends, 0},
    {"recvfrom", wait_make_packets, wait_in_recvfrom, wait_let_in, wait_drop_ends, 0},
    {"recvmsg", wait_make_packets, wait_in_recvmsg, wait_let_in, wait_drop_ends, 0},
    {"recvmmsg", wait_make_packets, wait_in_recvmmsg, wait_let_in, wait_drop_ends, 0},
    {"write", wait_make_pipe_to, wait_in_write, wait_let_out, wait_drop_ends, WAIT_LOUD | WAIT_ONCE},
    {"writev", wait_make_stream, wait_in_writev, wait_let_out, wait_drop_ends, WAIT_LOUD | WAIT_ONCE},
    {"send", wait_make_stream, wait_in_send, wait_let_out, wait_drop_ends, WAIT_LOUD | WAIT_ONCE},
    {"sendmsg", wait_make_stream, wait_in_sendmsg, wait_let_out, wait_drop_ends, WAIT_LOUD | WAIT_ONCE},
    {"accept", wait_make_listener, wait_in_accept, wait_let_connect, wait_drop_ends, WAIT_NO_FILES},
    {"accept4", wait_make_listener, wait_in_accept4, wait_let_connect, wait_drop_ends, WAIT_NO_FILES},
    {"connect", wait_make_full, wait_in_connect, wait_let_accept, wait_drop_ends, WAIT_NO_FILES},
    {"eventfd_read", wait_make_counter, wait_in_eventfd, wait_let_count, wait_drop_ends, 0},
    {NULL, NULL, NULL, NULL, NULL, 0},
};
/* clang-format on */
