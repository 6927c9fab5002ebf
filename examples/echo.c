/* SPDX-License-Identifier: MIT */
/*
 * echo.c - an echo server and its clients, a greenlet for each connection.
 *
 * It reads like a server with a thread per connection, and all of it is one
 * thread.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"

#define CLIENTS 100

/* doc: echo */
static void *echo(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char text[512];
    int64_t n;

    while ((n = thrum_read(fd, text, sizeof(text), thrum_in_s(30))) > 0)
        if (thrum_write_all(fd, text, (size_t)n, thrum_in_s(30)) != 0)
            break;
    thrum_close(fd);
    return NULL;
}

static void *serve(void *listener)
{
    for (;;) {
        int fd = thrum_accept(*(int *)listener, NULL, NULL, THRUM_FOREVER);

        if (fd < 0) /* thrum_close() of the listener ends it: -EBADF */
            return NULL;
        CHECK(thrum_spawn(echo, (void *)(intptr_t)fd, 0, NULL));
    }
}
/* doc: end */

static struct sockaddr_in here;

/* doc: client */
static void *ask(void *arg)
{
    int fd = CHECK(thrum_socket(AF_INET, SOCK_STREAM, 0));
    char answer[6] = "";

    CHECK(thrum_connect(fd, (struct sockaddr *)&here, sizeof(here),
                        thrum_in_s(5)));
    CHECK(thrum_write_all(fd, "hello", 5, thrum_in_s(5)));
    CHECK((int)thrum_recv(fd, answer, 5, MSG_WAITALL, thrum_in_s(5)));
    thrum_close(fd);
    *(int *)arg += strcmp(answer, "hello") == 0;
    return NULL;
}
/* doc: end */

static int listen_here(void)
{
    socklen_t length = sizeof(here);
    int fd = CHECK(thrum_socket(AF_INET, SOCK_STREAM, 0));

    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(fd, (struct sockaddr *)&here, length));
    CHECK(listen(fd, CLIENTS));
    CHECK(getsockname(fd, (struct sockaddr *)&here, &length));
    return fd;
}

int main(void)
{
    thrum_future *clients[CLIENTS];
    int listener = listen_here();
    int answers = 0;

    CHECK(thrum_spawn(serve, &listener, 0, NULL));
    for (int i = 0; i < CLIENTS; i++)
        CHECK(thrum_spawn(ask, &answers, 0, &clients[i]));
    CHECK(thrum_join_all(clients, CLIENTS, thrum_in_s(60)));
    for (int i = 0; i < CLIENTS; i++)
        thrum_future_unref(clients[i]);
    thrum_close(listener);
    CHECK(thrum_hub_close(thrum_in_s(5)));
    printf("%d clients, %d answers\n", CLIENTS, answers);
    return 0;
}
