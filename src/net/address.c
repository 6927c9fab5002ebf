/* SPDX-License-Identifier: MIT */
/*
 * net/address.c - an address in text, taken apart.
 */
#include "net/address.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <thrum/resolve.h>

#include "base/alloc.h"

#define ADDRESS_HOST 256 /* of DNS: 253 at most */
#define ADDRESS_PORT 32

struct address_parts {
    char host[ADDRESS_HOST];
    char port[ADDRESS_PORT];
};

static bool address_copy(char *to, size_t room, const char *from, size_t n)
{
    if (n >= room)
        return false;
    memcpy(to, from, n);
    to[n] = '\0';
    return true;
}

/* host:port, [host]:port */
static bool address_split(struct address_parts *parts, const char *text)
{
    const char *colon = strrchr(text, ':');
    const char *host = text;
    size_t n;

    if (colon == NULL || colon[1] == '\0')
        return false;
    n = (size_t)(colon - text);
    if (text[0] == '[') {
        if (n < 2 || text[n - 1] != ']')
            return false;
        host = text + 1;
        n -= 2;
    } else if (memchr(text, ':', n) != NULL) { /* whose colon is it? */
        return false;
    }
    return address_copy(parts->host, sizeof(parts->host), host, n) &&
           address_copy(parts->port, sizeof(parts->port), colon + 1,
                        strlen(colon + 1));
}

static int address_find_host(struct thrumi_address *address, const char *text,
                             const struct addrinfo *hints, thrum_time deadline)
{
    struct address_parts parts;
    const char *host = parts.host;

    if (!address_split(&parts, text))
        return -EINVAL;
    if (*host == '\0' || strcmp(host, "*") == 0)
        host = NULL;
    return thrum_resolve(host, parts.port, hints, deadline, &address->list);
}

/* The path of a UNIX address; NULL: it is none. */
static const char *address_unix(const char *text)
{
    if (strncmp(text, "unix:", 5) == 0)
        return text + 5;
    return text[0] == '/' || text[0] == '@' ? text : NULL;
}

static int address_set_unix(struct thrumi_address *address, const char *path,
                            int type)
{
    size_t n = strlen(path);

    if (n == 0 || n >= sizeof(address->name.sun_path))
        return n == 0 ? -EINVAL : -ENAMETOOLONG;
    memset(&address->name, 0, sizeof(address->name));
    memset(&address->one, 0, sizeof(address->one));
    address->name.sun_family = AF_UNIX;
    memcpy(address->name.sun_path, path, n);
    if (path[0] == '@')
        address->name.sun_path[0] = '\0';
    else
        n++; /* with its end */
    address->one.ai_family = AF_UNIX;
    address->one.ai_socktype = type;
    address->one.ai_addr = (struct sockaddr *)&address->name;
    address->one.ai_addrlen =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    address->list = &address->one;
    return 0;
}

int thrumi_address_find(struct thrumi_address *address, const char *text,
                        int type, bool passive, thrum_time deadline)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = type};
    const char *path;

    if (text == NULL)
        return -EINVAL;
    path = address_unix(text);
    if (path != NULL)
        return address_set_unix(address, path, type);
    if (passive)
        hints.ai_flags = AI_PASSIVE;
    return address_find_host(address, text, &hints, deadline);
}

void thrumi_address_fini(struct thrumi_address *address)
{
    if (address->list != &address->one)
        freeaddrinfo(address->list);
}

const char *thrumi_address_path(const struct thrumi_address *address)
{
    if (address->list != &address->one || address->name.sun_path[0] == '\0')
        return NULL;
    return address->name.sun_path;
}
