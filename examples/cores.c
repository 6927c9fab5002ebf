/* SPDX-License-Identifier: MIT */
/*
 * cores.c - a server on several threads: each has a hub and a server of its
 * own, at one address, and the kernel shares the connections out.
 */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"

#define THREADS 3
#define CLIENTS 60

static void echo(int fd, void *arg)
{
    char text[64];
    int64_t n;

    (void)arg;
    while ((n = thrum_read(fd, text, sizeof(text), thrum_in_s(30))) > 0)
        if (thrum_write_all(fd, text, (size_t)n, thrum_in_s(30)) != 0)
            break;
}

static char address[64] = "127.0.0.1:0";

/* doc: cores */
static thrum_event enough = THRUM_EVENT_INIT;
static thrum_waitgroup starting = THRUM_WAITGROUP_INIT;

static void *serve(void *arg)
{
    thrum_server_options options = THRUM_SERVER_OPTIONS;
    thrum_server *server;

    (void)arg;
    options.reuse_port = true; /* with the others */
    CHECK(thrum_stream_server_new(address, echo, NULL, &options, &server));
    thrum_waitgroup_done(&starting);
    CHECK(thrum_event_wait(&enough, THRUM_FOREVER));
    CHECK(thrum_server_stop(server, thrum_in_s(10)));
    thrum_server_free(server);
    return NULL;
}

static void start(thrum_future **threads)
{
    thrum_waitgroup_add(&starting, THREADS);
    CHECK(thrum_hub_threads(THREADS, serve, NULL, threads));
    CHECK(thrum_waitgroup_wait(&starting, THRUM_FOREVER));
}
/* doc: end */

static void *ask(void *answers)
{
    int fd = CHECK(thrum_connect_to(address, thrum_in_s(5)));
    char answer[6] = "";

    CHECK(thrum_write_all(fd, "hello", 5, thrum_in_s(5)));
    CHECK((int)thrum_recv(fd, answer, 5, MSG_WAITALL, thrum_in_s(5)));
    thrum_close(fd);
    *(int *)answers += strcmp(answer, "hello") == 0;
    return NULL;
}

/* A port for all of them: the one that the system gives to this socket, which
 * is bound and does not listen. */
static int reserve(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t length = sizeof(here);
    const int on = 1;
    int fd = CHECK(thrum_socket(AF_INET, SOCK_STREAM, 0));

    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)));
    CHECK(bind(fd, (struct sockaddr *)&here, length));
    CHECK(getsockname(fd, (struct sockaddr *)&here, &length));
    snprintf(address, sizeof(address), "127.0.0.1:%d", ntohs(here.sin_port));
    return fd;
}

int main(void)
{
    thrum_future *threads[THREADS], *clients[CLIENTS];
    int reserved = reserve();
    int answers = 0;

    start(threads);
    for (int i = 0; i < CLIENTS; i++)
        CHECK(thrum_spawn(ask, &answers, 0, &clients[i]));
    CHECK(thrum_join_all(clients, CLIENTS, thrum_in_s(60)));
    thrum_event_set(&enough);
    CHECK(thrum_join_all(threads, THREADS, thrum_in_s(60)));
    for (int i = 0; i < CLIENTS; i++)
        thrum_future_unref(clients[i]);
    for (int i = 0; i < THREADS; i++)
        thrum_future_unref(threads[i]);
    thrum_close(reserved);
    printf("%d threads, %d answers\n", THREADS, answers);
    return 0;
}
