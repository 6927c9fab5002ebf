/* SPDX-License-Identifier: MIT */
/*
 * net/delay.c - a server that answers a message after 100 ms.
 *
 *     net-delay        says "port N", answers until it is killed
 *     net-delay http   the same; the messages are requests of HTTP
 *
 * Several sockets listen at the port, so that what waits to be accepted has
 * room for 10,000 that come at once: the kernel allows one 4096. Answers are
 * due in the order in which the questions came: a ring holds them.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http.h"

#define LISTENERS 8
#define EVENTS    512
#define DUE       65536 /* at once; a power of 2 */
#define DELAY_NS  (BENCH_NANO / 10)
#define ROOM      512

struct due {
    int fd;
    uint64_t when;
    struct bench_bytes answer; /* of static storage */
};

static struct due delay_due[DUE];
static unsigned delay_first, delay_end; /* of those that are due */
static int delay_epoll;
static int delay_listener[LISTENERS];

static struct bench_bytes delay_message(const char *data, size_t size)
{
    static const char message[BENCH_MESSAGE];

    if (size != sizeof message)
        bench_die("a message");
    return (struct bench_bytes){message, sizeof message};
}

static bench_answer *delay_answer = delay_message;

static void delay_add(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(delay_epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        bench_die("epoll_ctl");
}

static int delay_listen(struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof *address;

    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int));
    if (fd < 0 || bind(fd, (const void *)address, size) < 0 ||
        listen(fd, DUE) < 0 || getsockname(fd, (void *)address, &size) < 0)
        bench_die("listen");
    delay_add(fd);
    return fd;
}

static bool delay_accept(int fd)
{
    for (int i = 0; i < LISTENERS; i++) {
        if (fd != delay_listener[i])
            continue;
        while ((fd = accept4(delay_listener[i], NULL, NULL, SOCK_NONBLOCK)) >=
               0) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
            delay_add(fd);
        }
        return true;
    }
    return false;
}

static void delay_read(int fd)
{
    char room[ROOM];
    ssize_t got = read(fd, room, sizeof room);

    if (got <= 0) {
        close(fd);
        return;
    }
    delay_due[delay_end++ % DUE] =
        (struct due){.fd = fd,
                     .when = bench_now() + DELAY_NS,
                     .answer = delay_answer(room, (size_t)got)};
    if (delay_end - delay_first > DUE)
        bench_die("too many at once");
}

/* Answers what is due; returns how long the next has time, -1 for ever. */
static int64_t delay_send(void)
{
    for (; delay_first != delay_end; delay_first++) {
        struct due *next = &delay_due[delay_first % DUE];
        int64_t left = (int64_t)(next->when - bench_now());
        if (left > 0)
            return left;
        if (send(next->fd, next->answer.data, next->answer.size, MSG_NOSIGNAL) <
            0)
            bench_die("send");
    }
    return -1;
}

static int delay_wait(struct epoll_event *event, int64_t ns)
{
    struct timespec time = {.tv_sec = ns / BENCH_NANO,
                            .tv_nsec = ns % BENCH_NANO};

    return epoll_pwait2(delay_epoll, event, EVENTS, ns < 0 ? NULL : &time,
                        NULL);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event[EVENTS];

    if (argc > 1 && !strcmp(argv[1], "http"))
        delay_answer = http_answer;
    delay_epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < LISTENERS; i++)
        delay_listener[i] = delay_listen(&address);
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int n = delay_wait(event, delay_send());
        for (int i = 0; i < n; i++)
            if (!delay_accept(event[i].data.fd))
                delay_read(event[i].data.fd);
    }
}
