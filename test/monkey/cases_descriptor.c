/* SPDX-License-Identifier: MIT */
/*
 * cases_descriptor.c - descriptors come, are copied and go.
 *
 * None of that waits; the cases wait for what comes through them, or for their
 * end.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cases.h"

#define FAR 1020 /* below the usual limit, above what hubs have */

/* ---- descriptors come ---- */

CASE(socket)
{
    struct ends ends = {socket(AF_UNIX, SOCK_DGRAM, 0),
                        socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    socklen_t length = sizeof(name);

    CHECK_INT(fcntl(ends.here, F_GETFD), 0);
    CHECK_INT(fcntl(ends.there, F_GETFD), FD_CLOEXEC);
    CHECK_INT(fcntl(ends.here, F_GETFL), O_RDWR);
    CHECK_INT(bind(ends.here, (struct sockaddr *)&name, sizeof(sa_family_t)),
              0);
    CHECK_INT(getsockname(ends.here, (struct sockaddr *)&name, &length), 0);
    CHECK_INT(connect(ends.there, (struct sockaddr *)&name, length), 0);
    case_of_reading(ends, read);
}

CASE(socketpair)
{
    struct ends ends = {-1, -1};
    int fds[2] = {-1, -1};

    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ends = (struct ends){fds[0], fds[1]};
    CHECK_INT(fcntl(ends.here, F_GETFL), O_RDWR);
    case_of_reading(ends, read);
}

CASE(pipe)
{
    int fds[2] = {-1, -1};

    CHECK_INT(pipe(fds), 0);
    CHECK_INT(fcntl(fds[0], F_GETFL), O_RDONLY);
    case_of_reading((struct ends){fds[0], fds[1]}, read);
}

CASE(pipe2)
{
    int fds[2] = {-1, -1};

    CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
    CHECK_INT(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    case_of_reading((struct ends){fds[0], fds[1]}, read);
}

/* The other ends are copies. */
static void case_of_copies(struct ends ends, int copy)
{
    CHECK(copy >= 0 && copy != ends.there);
    CHECK_INT(close(ends.there), 0);
    ends.there = copy;
    case_of_reading(ends, read);
}

CASE(dup)
{
    struct ends ends = ends_of_pipe();

    case_of_copies(ends, dup(ends.there));
}

CASE(dup2)
{
    struct ends ends = ends_of_pipe();
    int number = dup(ends.here);

    CHECK_INT(dup2(ends.there, number), number);
    CHECK_INT(dup2(ends.there, ends.there), ends.there);
    case_of_copies(ends, number);
}

CASE(dup3)
{
    struct ends ends = ends_of_pipe();
    int number = dup(ends.here);

    CHECK_INT(dup3(ends.there, number, O_CLOEXEC), number);
    CHECK_INT(fcntl(number, F_GETFD), FD_CLOEXEC);
    CHECK_INT(dup3(ends.there, ends.there, 0), -1);
    CHECK_INT(errno, EINVAL);
    case_of_copies(ends, number);
}

CASE(fcntl)
{
    struct ends ends = ends_of_pipe();
    int far = fcntl(ends.there, F_DUPFD_CLOEXEC, FAR);

    CHECK(far >= FAR);
    CHECK_INT(fcntl(far, F_GETFD), FD_CLOEXEC);
    CHECK_INT(fcntl(far, F_SETFD, 0), 0);
    CHECK_INT(fcntl(far, F_GETFD), 0);
    CHECK_INT(fcntl(ends.there, F_SETFL, O_NONBLOCK), 0);
    CHECK_INT(fcntl(far, F_GETFL), O_WRONLY | O_NONBLOCK);
    case_of_copies(ends, far);
}

/* ---- how they are set ---- */

static void case_of_nonblock(struct ends ends)
{
    char byte;

    CHECK_INT(read(ends.here, &byte, 1), -1);
    CHECK_INT(errno, EAGAIN);
    ends_close(&ends);
}

CASE(ioctl)
{
    struct ends ends = ends_of_stream();
    int count = 0;

    CHECK_INT(write(ends.there, "hello", 5), 5);
    CHECK_INT(ioctl(ends.here, FIONREAD, &count), 0);
    CHECK_INT(count, 5);
    CHECK_INT(read(ends.here, &(char[8]){0}, 8), 5);
    CHECK_INT(ioctl(ends.here, FIONBIO, &(int){1}), 0);
    case_of_nonblock(ends);
}

CASE(setsockopt)
{
    struct ends ends = ends_of_stream();
    struct timeval span = {0, 1000};

    CHECK_INT(
        setsockopt(ends.here, SOL_SOCKET, SO_RCVTIMEO, &span, sizeof(span)), 0);
    CHECK_INT(setsockopt(ends.here, SOL_SOCKET, SO_RCVTIMEO, &span, 1), -1);
    CHECK_INT(errno, EINVAL);
    case_of_nonblock(ends);
}

/* ---- and go ---- */

static void *read_end(void *arg)
{
    const struct ends *ends = arg;
    char byte;

    CHECK_INT(read(ends->here, &byte, 1), 0);
    return NULL;
}

CASE(close)
{
    struct ends ends = ends_of_pipe();
    struct beside *reader = beside(read_end, &ends);

    CHECK_INT(close(ends.there), 0);
    beside_end(reader);
    CHECK_INT(close(ends.there), -1);
    CHECK_INT(errno, EBADF);
    CHECK_INT(close(ends.here), 0);
}

CASE(close_range)
{
    struct ends ends = ends_of_pipe();
    struct beside *reader = beside(read_end, &ends);

    CHECK_INT(close_range((unsigned)ends.there, (unsigned)ends.there, 0), 0);
    beside_end(reader);
    CHECK_INT(close_range(9, 8, 0), -1);
    CHECK_INT(errno, EINVAL);
    CHECK_INT(close(ends.here), 0);
}

CASE(closefrom)
{
    struct ends ends = ends_of_pipe();
    struct beside *reader = beside(read_end, &ends);

    CHECK(fcntl(ends.there, F_DUPFD, FAR) >= FAR);
    CHECK_INT(close(ends.there), 0);
    closefrom(FAR);
    beside_end(reader);
    CHECK_INT(close(ends.here), 0);
}
