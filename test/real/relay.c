/* SPDX-License-Identifier: MIT */
/*
 * test/real/relay.c - hands on bytes by calls that block.
 */
#include "relay.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "thrum_test.h"

/* A connection, and the two that hand on what comes from its ends. */
struct wire {
    struct relay *relay;
    int client;
    int server;
    atomic_int users;
};

struct door {
    struct relay *relay;
    int listener;
};

static void relay_submit(struct relay *relay, thrum_fn *fn, const void *arg,
                         size_t size)
{
    if (thrum_executor_submit(relay->executor, fn, arg, size, NULL) != 0)
        abort();
}

static bool relay_write(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t written = send(fd, bytes, n, MSG_NOSIGNAL);

        if (written < 0)
            return false;
        bytes += written;
        n -= (size_t)written;
    }
    return true;
}

static void wire_unref(struct wire *wire)
{
    if (atomic_fetch_sub(&wire->users, 1) > 1)
        return;
    close(wire->client);
    close(wire->server);
    free(wire);
}

static void *wire_ask(void *arg)
{
    struct wire *wire = arg;
    char bytes[16384];
    ssize_t n;

    while ((n = read(wire->client, bytes, sizeof(bytes))) > 0)
        if (!relay_write(wire->server, bytes, (size_t)n))
            break;
    shutdown(wire->server, SHUT_WR);
    wire_unref(wire);
    return NULL;
}

/* Counts first, for the client may be done as soon as it has the answer. */
static void *wire_answer(void *arg)
{
    struct wire *wire = arg;
    char bytes[16384];
    ssize_t n;

    while ((n = read(wire->server, bytes, sizeof(bytes))) > 0) {
        atomic_fetch_add(&wire->relay->answers, 1);
        if (!relay_write(wire->client, bytes, (size_t)n))
            break;
    }
    shutdown(wire->client, SHUT_WR);
    wire_unref(wire);
    return NULL;
}

static int relay_connect(const struct relay *relay)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)relay->server_port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        perror("# no connection to the server");
        abort();
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static void *door_run(void *arg)
{
    struct door *door = arg;
    struct relay *relay = door->relay;
    int fd;

    while ((fd = accept(door->listener, NULL, NULL)) >= 0) {
        struct wire *wire = malloc(sizeof(*wire));
        int on = 1;

        if (wire == NULL)
            abort();
        /* of a UNIX socket it is an error, and not needed */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        *wire = (struct wire){relay, fd, relay_connect(relay), 2};
        relay_submit(relay, wire_ask, wire, 0);
        relay_submit(relay, wire_answer, wire, 0);
    }
    close(door->listener);
    return NULL;
}

static int relay_listen(const struct sockaddr *address, socklen_t size)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, address, size) != 0 || listen(fd, 50) != 0) {
        perror("# the relay cannot listen");
        abort();
    }
    return fd;
}

static int relay_port(int fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        abort();
    return ntohs(address.sin_port);
}

void relay_start(struct relay *relay, const char *path)
{
    struct sockaddr_in port = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
    unlink(path);
    relay->listeners[0] = relay_listen((struct sockaddr *)&port, sizeof(port));
    relay->listeners[1] = relay_listen((struct sockaddr *)&name, sizeof(name));
    relay->port = relay_port(relay->listeners[0]);
    for (int i = 0; i < 2; i++) {
        struct door door = {relay, relay->listeners[i]};

        relay_submit(relay, door_run, &door, sizeof(door));
    }
}

/* Which is the end of accept(). */
void relay_stop(struct relay *relay)
{
    for (int i = 0; i < 2; i++)
        shutdown(relay->listeners[i], SHUT_RDWR);
}
