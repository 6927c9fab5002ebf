/* SPDX-License-Identifier: MIT */
/*
 * net/connect.c - to whichever of several addresses answers first.
 *
 * RFC 8305, section 5: the addresses of the family that comes first and those
 * of the others by turns; a new attempt when one has failed, or 250 ms after
 * the last was begun. The sockets are our own, so they have O_NONBLOCK while
 * they connect, and one poll waits for all of them.
 */
#include <thrum/resolve.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <thrum/net.h>

#include "base/alloc.h"
#include "net/address.h"

#define CONNECT_STAGGER_MS 250

struct connect_race {
    const struct addrinfo **order; /* of the attempts */
    size_t count;
    size_t begun;
    struct pollfd *fds; /* those under way; -1: failed */
    size_t under_way;
    int code; /* of the last that failed */
};

/* ---- the order ---- */

static const struct addrinfo *connect_next_of(const struct addrinfo *at,
                                              int family, bool same)
{
    while (at != NULL && (at->ai_family == family) != same)
        at = at->ai_next;
    return at;
}

/* By turns: one of the first family, one of the others. */
static void connect_sort(struct connect_race *race, const struct addrinfo *list)
{
    int family = list->ai_family;
    const struct addrinfo *first = list;
    const struct addrinfo *other = connect_next_of(list, family, false);
    bool turn = true;

    for (size_t i = 0; i < race->count; i++, turn = !turn) {
        const struct addrinfo **from = turn ? &first : &other;

        if (*from == NULL)
            from = turn ? &other : &first;
        race->order[i] = *from;
        *from = connect_next_of((*from)->ai_next, family, from == &first);
    }
}

static int connect_prepare(struct connect_race *race,
                           const struct addrinfo *list)
{
    race->count = 0;
    for (const struct addrinfo *at = list; at != NULL; at = at->ai_next)
        race->count++;
    race->order = thrumi_alloc_array(race->count, sizeof(*race->order));
    race->fds = thrumi_alloc_array(race->count, sizeof(*race->fds));
    if (race->order == NULL || race->fds == NULL)
        return -ENOMEM;
    connect_sort(race, list);
    return 0;
}

/* ---- attempts ---- */

/* 0: connected; -EINPROGRESS, or why not. */
static int connect_socket(int fd, const struct addrinfo *to)
{
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return 0;
    return errno == EINTR ? -EINPROGRESS : -errno;
}

static bool connect_is_stream(const struct addrinfo *to)
{
    return to->ai_socktype == 0 || to->ai_socktype == SOCK_STREAM;
}

/* Begins the next attempt: a descriptor that is connected, or -EINPROGRESS, or
 * why there is none. */
static int connect_begin(struct connect_race *race)
{
    const struct addrinfo *to = race->order[race->begun];
    int type = connect_is_stream(to) ? SOCK_STREAM : to->ai_socktype;
    struct pollfd *slot = &race->fds[race->begun++];
    int rc;

    slot->fd = -1;
    slot->events = POLLOUT;
    rc = thrum_socket(to->ai_family, type | SOCK_NONBLOCK, to->ai_protocol);
    if (rc < 0)
        return rc;
    slot->fd = rc;
    rc = connect_socket(slot->fd, to);
    if (rc == 0)
        return slot->fd;
    if (rc == -EINPROGRESS) {
        race->under_way++;
        return rc;
    }
    (void)thrum_close(slot->fd);
    slot->fd = -1;
    return rc;
}

/* An attempt that is over: 0 or why it failed. */
static int connect_outcome(int fd)
{
    int error = 0;
    socklen_t length = sizeof(error);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        return -errno;
    return -error;
}

/* One that is connected, or -1 when all that are over have failed. */
static int connect_look(struct connect_race *race)
{
    for (size_t i = 0; i < race->begun; i++) {
        struct pollfd *slot = &race->fds[i];

        if (slot->fd < 0 || slot->revents == 0)
            continue;
        race->code = connect_outcome(slot->fd);
        if (race->code == 0)
            return slot->fd;
        (void)thrum_close(slot->fd);
        slot->fd = -1;
        race->under_way--;
    }
    return -1;
}

/* Waits for those under way, until the next is to begin. The descriptor that is
 * connected; -EAGAIN: go on with the next; or a code that ends it all. */
static int connect_wait(struct connect_race *race, thrum_time deadline)
{
    thrum_time next = thrum_in_ms(CONNECT_STAGGER_MS);
    int rc;

    if (race->begun == race->count || next.ns > deadline.ns)
        next = deadline;
    rc = thrum_poll(race->fds, race->begun, next);
    if (rc > 0) {
        int fd = connect_look(race);

        return fd >= 0 ? fd : -EAGAIN;
    }
    return rc == -ETIMEDOUT && next.ns < deadline.ns ? -EAGAIN : rc;
}

static int connect_run(struct connect_race *race, thrum_time deadline)
{
    int rc = -EAGAIN;

    while (rc == -EAGAIN) {
        if (race->begun < race->count) {
            rc = connect_begin(race);
            if (rc >= 0)
                return rc;
            if (rc != -EINPROGRESS) {
                race->code = rc;
                rc = -EAGAIN;
                continue;
            }
        }
        if (race->under_way == 0)
            return race->code;
        rc = connect_wait(race, deadline);
        if (rc == -EAGAIN && race->under_way == 0 && race->begun == race->count)
            return race->code;
    }
    return rc;
}

/* The winner is as any other socket, and the others are closed. */
static void connect_end(struct connect_race *race, int winner)
{
    for (size_t i = 0; race->fds != NULL && i < race->begun; i++)
        if (race->fds[i].fd >= 0 && race->fds[i].fd != winner)
            (void)thrum_close(race->fds[i].fd);
    if (winner >= 0)
        (void)fcntl(winner, F_SETFL, fcntl(winner, F_GETFL) & ~O_NONBLOCK);
    thrumi_free((void *)race->order);
    thrumi_free(race->fds);
}

/* A UNIX socket does not connect in the background. */
static int connect_unix(const struct addrinfo *to, thrum_time deadline)
{
    int fd = thrum_socket(AF_UNIX, SOCK_STREAM, 0);
    int rc;

    if (fd < 0)
        return fd;
    rc = thrum_connect(fd, to->ai_addr, to->ai_addrlen, deadline);
    if (rc == 0)
        return fd;
    (void)thrum_close(fd);
    return rc;
}

int thrum_connect_any(const struct addrinfo *list, thrum_time deadline)
{
    struct connect_race race = {.order = NULL};
    int rc;

    if (list == NULL)
        return -EINVAL;
    if (list->ai_family == AF_UNIX)
        return connect_unix(list, deadline);
    rc = connect_prepare(&race, list);
    if (rc == 0)
        rc = connect_run(&race, deadline);
    connect_end(&race, rc);
    return rc;
}

int thrum_connect_to(const char *address, thrum_time deadline)
{
    struct thrumi_address found;
    int rc = thrumi_address_find(&found, address, SOCK_STREAM, false, deadline);

    if (rc != 0)
        return rc;
    rc = thrum_connect_any(found.list, deadline);
    thrumi_address_fini(&found);
    return rc;
}
