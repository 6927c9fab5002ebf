/* SPDX-License-Identifier: MIT */
/*
 * cases_dns.c - names of hosts, services, users and groups.
 *
 * "localhost" is known by a file or by a module of libc itself, so nobody is
 * asked over a network.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "cases.h"

CASE(getaddrinfo)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;

    CHECK_INT(getaddrinfo("localhost", "80", &hints, &list), 0);
    CHECK_INT(list->ai_family, AF_INET);
    CHECK_INT(list->ai_flags, 0);
    CHECK_INT(
        ntohl(((struct sockaddr_in *)(void *)list->ai_addr)->sin_addr.s_addr),
        INADDR_LOOPBACK);
    freeaddrinfo(list);
}

static struct sockaddr_in local_port(unsigned short port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

CASE(getnameinfo)
{
    struct sockaddr_in address = local_port(0);
    char host[NI_MAXHOST] = "";
    char service[NI_MAXSERV] = "";

    CHECK_INT(getnameinfo((struct sockaddr *)&address, sizeof(address), host,
                          sizeof(host), service, sizeof(service),
                          NI_NUMERICSERV),
              0);
    CHECK(host[0] != '\0');
    CHECK_INT(strcmp(service, "0"), 0);
}
