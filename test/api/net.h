/* SPDX-License-Identifier: MIT */
/*
 * test/api/net.h - two ends of something, and greenlets that use them.
 */
#ifndef TEST_NET_H
#define TEST_NET_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "futures.h"

/* What is written into `out` can be read from `in`. */
struct ends {
    int in;
    int out;
};

static inline void ends_pipe(struct ends *ends)
{
    int fds[2];

    assert_int_equal(thrum_pipe(fds), 0);
    *ends = (struct ends){fds[0], fds[1]};
}

static inline void ends_pair(struct ends *ends)
{
    int fds[2];

    assert_int_equal(thrum_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    *ends = (struct ends){fds[0], fds[1]};
}

/* A TCP socket that listens on loopback, and its address. */
static inline int listen_here(struct sockaddr_in *here)
{
    socklen_t length = sizeof(*here);
    int fd = thrum_socket(AF_INET, SOCK_STREAM, 0);

    *here = (struct sockaddr_in){.sin_family = AF_INET};
    here->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)here, length), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)here, &length), 0);
    return fd;
}

static inline void ends_tcp(struct ends *ends)
{
    const int room = 16384; /* fixed, so that it does not grow */
    struct sockaddr_in here;
    int listener = listen_here(&here);

    ends->out = thrum_socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    setsockopt(ends->out, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    assert_int_equal(thrum_connect(ends->out, (struct sockaddr *)&here,
                                   sizeof(here), THRUM_FOREVER),
                     0);
    ends->in = thrum_accept(listener, NULL, NULL, THRUM_FOREVER);
    assert_true(ends->in >= 0);
    assert_int_equal(thrum_close(listener), 0);
}

/* Closes those that are not closed yet. */
static inline void ends_close(struct ends *ends)
{
    if (ends->in >= 0)
        CHECK_INT(thrum_close(ends->in), 0);
    if (ends->out >= 0)
        CHECK_INT(thrum_close(ends->out), 0);
}

static inline thrum_future *spawn(thrum_fn *fn, const void *arg)
{
    thrum_future *future = NULL;

    CHECK_INT(thrum_spawn(fn, arg, 0, &future), 0);
    return future;
}

static inline void join(thrum_future *future)
{
    CHECK_INT(thrum_join_all(&future, 1, THRUM_FOREVER), 0);
    thrum_future_unref(future);
}

/* Lets those that were spawned come to their wait. */
static inline void settle_down(void)
{
    for (int i = 0; i < 3; i++)
        CHECK_INT(thrum_pass(), 0);
}

#endif /* TEST_NET_H */
