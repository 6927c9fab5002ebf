/* SPDX-License-Identifier: MIT */
/*
 * server.c - an echo server that ends in good order, and clients by name.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"

#define CLIENTS 50

/* doc: handler */
static void echo(int fd, void *arg)
{
    char text[512];
    int64_t n;

    (void)arg;
    while ((n = thrum_read(fd, text, sizeof(text), thrum_in_s(30))) > 0)
        if (thrum_write_all(fd, text, (size_t)n, thrum_in_s(30)) != 0)
            break;
}
/* doc: end */

/* doc: client */
static void *ask(void *address)
{
    int fd = CHECK(thrum_connect_to(address, thrum_in_s(5)));
    char answer[6] = "";

    CHECK(thrum_write_all(fd, "hello", 5, thrum_in_s(5)));
    CHECK((int)thrum_recv(fd, answer, 5, MSG_WAITALL, thrum_in_s(5)));
    thrum_close(fd);
    return strcmp(answer, "hello") == 0 ? address : NULL;
}
/* doc: end */

/* Where it listens, as a client writes it. */
static void name_of(const thrum_server *server, char *text, size_t room)
{
    struct sockaddr_in here;
    unsigned length = sizeof(here);

    CHECK(thrum_server_address(server, (struct sockaddr *)&here, &length));
    snprintf(text, room, "localhost:%d", ntohs(here.sin_port));
}

/* doc: server */
static thrum_server *start(void)
{
    thrum_server_options options = THRUM_SERVER_OPTIONS;
    thrum_server *server;

    options.limit = 1000; /* connections at a time */
    CHECK(
        thrum_stream_server_new("127.0.0.1:0", echo, NULL, &options, &server));
    return server;
}

static void stop(thrum_server *server)
{
    thrum_server_counts counts = {.size = sizeof(counts)};

    CHECK(thrum_server_stop(server, thrum_in_s(10))); /* then it kills */
    CHECK(thrum_server_stats(server, &counts));
    printf("%" PRIu64 " connections\n", counts.total);
    thrum_server_free(server);
}
/* doc: end */

int main(void)
{
    thrum_server *server = start();
    thrum_future *clients[CLIENTS];
    char address[64];

    name_of(server, address, sizeof(address));
    for (int i = 0; i < CLIENTS; i++)
        CHECK(thrum_spawn(ask, address, 0, &clients[i]));
    CHECK(thrum_join_all(clients, CLIENTS, thrum_in_s(60)));
    for (int i = 0; i < CLIENTS; i++)
        thrum_future_unref(clients[i]);
    stop(server);
    return 0;
}
