/* SPDX-License-Identifier: MIT */
/*
 * cases_socket.c - what sockets and pipes are used for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "monkey/undeclared.h"

#include "cases.h"

/* Fills a stream until it takes no more, and then so much again beside its
 * reader: what is sent has to wait, whatever sends it. */
#define FILL (64u * 1024)

struct filling {
    struct ends ends;
    size_t before; /* bytes that were there */
    char data[FILL];
};

static void fill(struct filling *filling)
{
    ssize_t n = 0;

    memset(filling->data, 'x', sizeof(filling->data));
    filling->before = 0;
    while (n >= 0) {
        filling->before += (size_t)n;
        n = send(filling->ends.here, filling->data, FILL, MSG_DONTWAIT);
    }
    CHECK_INT(errno, EAGAIN);
}

static void *drain(void *arg)
{
    const struct filling *filling = arg;
    size_t left = filling->before + FILL;
    char data[4096];

    while (left > 0) {
        ssize_t n = read(filling->ends.there, data, sizeof(data));

        if (!CHECK(n > 0))
            break;
        left -= (size_t)n;
    }
    return NULL;
}

/* ---- reading ---- */

CASE(read)
{
    case_of_reading(ends_of_pipe(), read);
    case_of_reading(ends_of_stream(), read);
}

static ssize_t by_read_chk(int fd, void *into, size_t n)
{
    return __read_chk(fd, into, n, n);
}

CASE(__read_chk)
{
    case_of_reading(ends_of_pipe(), by_read_chk);
}

static ssize_t by_readv(int fd, void *into, size_t n)
{
    struct iovec vector[2] = {{into, 2}, {(char *)into + 2, n - 2}};

    return readv(fd, vector, 2);
}

CASE(readv)
{
    case_of_reading(ends_of_pipe(), by_readv);
    case_of_reading(ends_of_stream(), by_readv);
}

static ssize_t by_recv(int fd, void *into, size_t n)
{
    return recv(fd, into, n, MSG_WAITALL);
}

CASE(recv)
{
    case_of_reading(ends_of_stream(), by_recv);
}

static ssize_t by_recv_chk(int fd, void *into, size_t n)
{
    return __recv_chk(fd, into, n, n, 0);
}

CASE(__recv_chk)
{
    case_of_reading(ends_of_stream(), by_recv_chk);
}

static ssize_t by_recvfrom(int fd, void *into, size_t n)
{
    struct sockaddr_storage from;
    socklen_t length = sizeof(from);
    ssize_t got = recvfrom(fd, into, n, 0, (struct sockaddr *)&from, &length);

    CHECK(length < sizeof(from));
    return got;
}

CASE(recvfrom)
{
    case_of_reading(ends_of(SOCK_DGRAM), by_recvfrom);
}

static ssize_t by_recvfrom_chk(int fd, void *into, size_t n)
{
    return __recvfrom_chk(fd, into, n, n, 0, NULL, NULL);
}

CASE(__recvfrom_chk)
{
    case_of_reading(ends_of(SOCK_DGRAM), by_recvfrom_chk);
}

union control {
    char room[CMSG_SPACE(sizeof(int))];
    struct cmsghdr header;
};

/* Sends a descriptor with a byte. */
static void *send_pipe(void *arg)
{
    const struct ends *ends = arg;
    struct ends sent = ends_of_pipe();
    union control control = {.room = ""};
    struct iovec piece = {(char[]){'p'}, 1};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof(control.room)};

    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &sent.here, sizeof(int));
    CHECK_INT(sendmsg(ends->there, &message, 0), 1);
    CHECK_INT(write(sent.there, "hello", 5), 5);
    ends_close(&sent);
    return NULL;
}

CASE(recvmsg)
{
    struct ends ends = ends_of_stream();
    struct beside *sender = beside(send_pipe, &ends);
    union control control;
    char text[5] = "";
    struct iovec piece = {text, 1};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof(control.room)};
    int fd = -1;

    CHECK_INT(recvmsg(ends.here, &message, 0), 1);
    CHECK_INT(text[0], 'p');
    if (CHECK_INT((long)message.msg_controllen, sizeof(control.room)))
        memcpy(&fd, CMSG_DATA(&control.header), sizeof(int));
    CHECK_INT(read(fd, text, 5), 5);
    CHECK(memcmp(text, "hello", 5) == 0);
    CHECK_INT(close(fd), 0);
    beside_end(sender);
    ends_close(&ends);
}

static void *send_two(void *arg)
{
    const struct ends *ends = arg;

    CHECK_INT(send(ends->there, "one", 3, 0), 3);
    CHECK_INT(send(ends->there, "three", 5, 0), 5);
    return NULL;
}

CASE(recvmmsg)
{
    struct ends ends = ends_of(SOCK_DGRAM);
    struct beside *sender = beside(send_two, &ends);
    char text[2][8];
    struct iovec pieces[2] = {{text[0], 8}, {text[1], 8}};
    struct mmsghdr messages[2] = {
        {.msg_hdr = {.msg_iov = &pieces[0], .msg_iovlen = 1}},
        {.msg_hdr = {.msg_iov = &pieces[1], .msg_iovlen = 1}}};

    CHECK_INT(recvmmsg(ends.here, messages, 2, 0, NULL), 2);
    CHECK_INT(messages[0].msg_len, 3);
    CHECK_INT(messages[1].msg_len, 5);
    CHECK(memcmp(text[1], "three", 5) == 0);
    beside_end(sender);
    ends_close(&ends);
}

/* ---- writing ---- */

/* One way to send FILL bytes. */
typedef ssize_t write_fn(int fd, const char *from);

static void case_of_writing(write_fn *fn)
{
    static struct filling filling;
    struct beside *reader;

    filling.ends = ends_of_stream();
    fill(&filling);
    reader = beside(drain, &filling);
    CHECK_INT(fn(filling.ends.here, filling.data), FILL);
    beside_end(reader);
    ends_close(&filling.ends);
}

static ssize_t by_write(int fd, const char *from)
{
    return write(fd, from, FILL);
}

CASE(write)
{
    case_of_writing(by_write);
}

/* A vector with something empty in it. */
static void halves(const char *from, struct iovec vector[3])
{
    char *data = (char *)(uintptr_t)from;

    vector[0] = (struct iovec){data, FILL / 3};
    vector[1] = (struct iovec){data, 0};
    vector[2] = (struct iovec){data + FILL / 3, FILL - FILL / 3};
}

static ssize_t by_writev(int fd, const char *from)
{
    struct iovec vector[3];

    halves(from, vector);
    return writev(fd, vector, 3);
}

CASE(writev)
{
    case_of_writing(by_writev);
}

static ssize_t by_send(int fd, const char *from)
{
    return send(fd, from, FILL, 0);
}

CASE(send)
{
    case_of_writing(by_send);
}

static ssize_t by_sendto(int fd, const char *from)
{
    return sendto(fd, from, FILL, MSG_NOSIGNAL, NULL, 0);
}

CASE(sendto)
{
    case_of_writing(by_sendto);
}

static ssize_t by_sendmsg(int fd, const char *from)
{
    struct iovec vector[3];
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = 3};

    halves(from, vector);
    return sendmsg(fd, &message, 0);
}

CASE(sendmsg)
{
    case_of_writing(by_sendmsg);
}

static ssize_t by_sendmmsg(int fd, const char *from)
{
    struct iovec vector[3];
    struct mmsghdr messages[2] = {
        {.msg_hdr = {.msg_iov = vector, .msg_iovlen = 2}},
        {.msg_hdr = {.msg_iov = vector + 2, .msg_iovlen = 1}}};

    halves(from, vector);
    CHECK_INT(sendmmsg(fd, messages, 2, 0), 2);
    return (ssize_t)messages[0].msg_len + messages[1].msg_len;
}

CASE(sendmmsg)
{
    case_of_writing(by_sendmmsg);
}

/* ---- connections ---- */

/* A listener of AF_UNIX at a name that the system chose. */
struct listener {
    int fd;
    struct sockaddr_un address;
    socklen_t length;
};

static struct listener listener_of(int backlog)
{
    struct listener made = {.address = {.sun_family = AF_UNIX},
                            .length = sizeof(made.address)};

    made.fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_INT(bind(made.fd, (struct sockaddr *)&made.address,
                   sizeof(made.address.sun_family)),
              0);
    CHECK_INT(
        getsockname(made.fd, (struct sockaddr *)&made.address, &made.length),
        0);
    CHECK_INT(listen(made.fd, backlog), 0);
    return made;
}

static int connect_listener(const struct listener *to)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    CHECK_INT(connect(fd, (const struct sockaddr *)&to->address, to->length),
              0);
    return fd;
}

static void *connect_and_close(void *arg)
{
    CHECK_INT(close(connect_listener(arg)), 0);
    return NULL;
}

CASE(accept)
{
    struct listener listener = listener_of(8);
    struct beside *client = beside(connect_and_close, &listener);
    struct sockaddr_un from;
    socklen_t length = sizeof(from);
    char byte;
    int fd = accept(listener.fd, (struct sockaddr *)&from, &length);

    CHECK_INT(length, sizeof(from.sun_family));
    CHECK_INT(fcntl(fd, F_GETFD), 0);
    CHECK_INT(read(fd, &byte, 1), 0);
    beside_end(client);
    CHECK_INT(close(fd), 0);
    CHECK_INT(close(listener.fd), 0);
}

CASE(accept4)
{
    struct listener listener = listener_of(8);
    struct beside *client = beside(connect_and_close, &listener);
    int fd = accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_INT(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
    beside_end(client);
    CHECK_INT(close(fd), 0);
    CHECK_INT(close(listener.fd), 0);
}

static void *accept_both(void *arg)
{
    const struct listener *listener = arg;

    for (int i = 0; i < 2; i++)
        CHECK_INT(close(accept(listener->fd, NULL, NULL)), 0);
    return NULL;
}

/* The second finds a queue that is full. */
CASE(connect)
{
    struct listener listener = listener_of(0);
    int first = connect_listener(&listener);
    struct beside *server = beside(accept_both, &listener);

    CHECK_INT(close(connect_listener(&listener)), 0);
    beside_end(server);
    CHECK_INT(close(first), 0);
    CHECK_INT(close(listener.fd), 0);
}
