/* SPDX-License-Identifier: MIT */
/*
 * net/listen.c - bind and listen.
 *
 * "Every address" is that of IPv6 which takes IPv4 too, where there is IPv6.
 *
 * The path of a UNIX socket stays when its server ends badly. It is in the way
 * then: if nobody answers there, it is taken away.
 */
#include "net/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thrum/net.h>

#include "base/alloc.h"
#include "net/address.h"

static void listen_set(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

static void listen_set_options(int fd, const struct addrinfo *at,
                               const struct thrumi_listen *how)
{
    if (at->ai_family == AF_UNIX)
        return;
    if (how->type == SOCK_STREAM) {
        listen_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        listen_set(fd, IPPROTO_TCP, TCP_NODELAY, !how->delay); /* inherited */
    }
    if (how->reuse_port)
        listen_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (at->ai_family == AF_INET6)
        listen_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
}

/* Does nobody listen at the path? */
static bool listen_is_stale(const struct addrinfo *at)
{
    int fd = thrum_socket(AF_UNIX, at->ai_socktype | SOCK_NONBLOCK, 0);
    bool stale;

    if (fd < 0)
        return false;
    stale =
        connect(fd, at->ai_addr, at->ai_addrlen) != 0 && errno == ECONNREFUSED;
    (void)thrum_close(fd);
    return stale;
}

static int listen_bind(int fd, const struct addrinfo *at, const char *path)
{
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0)
        return 0;
    if (errno != EADDRINUSE || path == NULL)
        return -errno;
    if (!listen_is_stale(at))
        return -EADDRINUSE;
    (void)unlink(path);
    return bind(fd, at->ai_addr, at->ai_addrlen) == 0 ? 0 : -errno;
}

static int listen_open(const struct addrinfo *at, const char *path,
                       const struct thrumi_listen *how)
{
    int fd =
        thrum_socket(at->ai_family, how->type | SOCK_NONBLOCK, at->ai_protocol);
    int rc;

    if (fd < 0)
        return fd;
    listen_set_options(fd, at, how);
    rc = listen_bind(fd, at, path);
    if (rc == 0 && how->type == SOCK_STREAM && listen(fd, how->backlog) != 0)
        rc = -errno;
    if (rc == 0)
        return fd;
    (void)thrum_close(fd);
    return rc;
}

static bool listen_is_any(const struct addrinfo *at)
{
    const struct sockaddr_in6 *address;

    if (at->ai_family != AF_INET6)
        return false;
    address = (const struct sockaddr_in6 *)(const void *)at->ai_addr;
    return IN6_IS_ADDR_UNSPECIFIED(&address->sin6_addr);
}

/* The first that works, that of every address before the others. */
static int listen_open_any(const struct thrumi_address *found,
                           const struct thrumi_listen *how)
{
    const char *path = thrumi_address_path(found);
    int fd = -EINVAL;

    for (const struct addrinfo *at = found->list; at != NULL; at = at->ai_next)
        if (listen_is_any(at) && fd < 0)
            fd = listen_open(at, path, how);
    for (const struct addrinfo *at = found->list; at != NULL && fd < 0;
         at = at->ai_next)
        fd = listen_open(at, path, how);
    return fd;
}

static int listen_keep_path(const struct thrumi_address *found, char **ret_path)
{
    const char *path = thrumi_address_path(found);
    size_t n;

    *ret_path = NULL;
    if (path == NULL)
        return 0;
    n = strlen(path) + 1;
    *ret_path = thrumi_alloc(n);
    if (*ret_path == NULL)
        return -ENOMEM;
    memcpy(*ret_path, path, n);
    return 0;
}

int thrumi_listen_at(const char *text, const struct thrumi_listen *how,
                     thrum_time deadline, char **ret_path)
{
    struct thrumi_address found;
    int rc = thrumi_address_find(&found, text, how->type, true, deadline);

    if (rc != 0)
        return rc;
    rc = listen_keep_path(&found, ret_path);
    if (rc == 0)
        rc = listen_open_any(&found, how);
    if (rc < 0)
        thrumi_free(*ret_path);
    thrumi_address_fini(&found);
    return rc;
}
