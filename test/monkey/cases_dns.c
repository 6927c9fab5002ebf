/* SPDX-License-Identifier: MIT */
/*
 * cases_dns.c - names of hosts, services, users and groups.
 *
 * What is asked is answered when somebody beside the case says so, see names.h;
 * from files, so that no network is needed.
 */
#include <arpa/inet.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <resolv.h>
#include <string.h>
#include <sys/socket.h>

#include "cases.h"
#include "names.h"

#define ROOM 1024

static struct beside *answer_later(void)
{
    names_close();
    return beside(names_open, NULL);
}

static struct sockaddr_in later_address(void)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(0x7f090909)};
}

/* ---- hosts ---- */

CASE(getaddrinfo)
{
    struct beside *other = answer_later();
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;

    CHECK_INT(getaddrinfo("later.localhost", "80", &hints, &list), 0);
    CHECK_INT(list->ai_family, AF_INET);
    CHECK_INT(list->ai_flags, 0);
    CHECK_INT(
        ntohl(((struct sockaddr_in *)(void *)list->ai_addr)->sin_addr.s_addr),
        INADDR_LOOPBACK);
    freeaddrinfo(list);
    beside_end(other);
}

CASE(getnameinfo)
{
    struct beside *other = answer_later();
    struct sockaddr_in address = later_address();
    char host[NI_MAXHOST] = "";
    char service[NI_MAXSERV] = "";

    CHECK_INT(getnameinfo((struct sockaddr *)&address, sizeof(address), host,
                          sizeof(host), service, sizeof(service),
                          NI_NUMERICSERV),
              0);
    CHECK(host[0] != '\0');
    CHECK_INT(strcmp(service, "0"), 0);
    beside_end(other);
}

static void is_local(const struct hostent *host)
{
    struct in_addr address;

    if (!CHECK(host != NULL))
        return;
    CHECK_INT(strcmp(host->h_name, "localhost"), 0);
    CHECK_INT(host->h_length, sizeof(address));
    memcpy(&address, host->h_addr_list[0], sizeof(address));
    CHECK_INT(ntohl(address.s_addr), INADDR_LOOPBACK);
    CHECK(host->h_addr_list[1] == NULL);
    CHECK(host->h_aliases != NULL);
}

CASE(gethostbyname)
{
    struct beside *other = answer_later();

    is_local(gethostbyname("later.localhost"));
    beside_end(other);
}

CASE(gethostbyname2)
{
    struct beside *other = answer_later();

    is_local(gethostbyname2("later.localhost", AF_INET));
    beside_end(other);
}

CASE(gethostbyaddr)
{
    struct beside *other = answer_later();
    struct in_addr address = later_address().sin_addr;

    is_local(gethostbyaddr(&address, sizeof(address), AF_INET));
    beside_end(other);
}

CASE(gethostbyname_r)
{
    struct beside *other = answer_later();
    struct hostent host;
    struct hostent *found = NULL;
    char buffer[ROOM];
    int code = 0;

    CHECK_INT(
        gethostbyname_r("later.localhost", &host, buffer, ROOM, &found, &code),
        0);
    CHECK(found == &host);
    is_local(found);
    CHECK(host.h_name >= buffer && host.h_name < buffer + ROOM);
    beside_end(other);
}

CASE(gethostbyname2_r)
{
    struct beside *other = answer_later();
    struct hostent host;
    struct hostent *found = NULL;
    char buffer[ROOM];
    int code = 0;

    CHECK_INT(gethostbyname2_r("later.localhost", AF_INET, &host, buffer, ROOM,
                               &found, &code),
              0);
    is_local(found);
    beside_end(other);
}

CASE(gethostbyaddr_r)
{
    struct beside *other = answer_later();
    struct in_addr address = later_address().sin_addr;
    struct hostent host;
    struct hostent *found = NULL;
    char buffer[ROOM];
    int code = 0;

    CHECK_INT(gethostbyaddr_r(&address, sizeof(address), AF_INET, &host, buffer,
                              ROOM, &found, &code),
              0);
    is_local(found);
    beside_end(other);
}

/* ---- services, of which there may be no list ---- */

static void is_http(const struct servent *service)
{
    if (service == NULL)
        return;
    CHECK_INT(strcmp(service->s_name, "http"), 0);
    CHECK_INT(strcmp(service->s_proto, "tcp"), 0);
    CHECK_INT(ntohs((uint16_t)service->s_port), 80);
}

CASE(getservbyname)
{
    struct beside *other = answer_later();

    is_http(getservbyname("later.http", "tcp"));
    beside_end(other);
}

CASE(getservbyport)
{
    struct beside *other = answer_later();

    is_http(getservbyport(htons(80), "tcp"));
    beside_end(other);
}

CASE(getservbyname_r)
{
    struct beside *other = answer_later();
    struct servent service;
    struct servent *found = NULL;
    char buffer[ROOM];

    (void)getservbyname_r("later.http", "tcp", &service, buffer, ROOM, &found);
    is_http(found);
    beside_end(other);
}

CASE(getservbyport_r)
{
    struct beside *other = answer_later();
    struct servent service;
    struct servent *found = NULL;
    char buffer[ROOM];

    (void)getservbyport_r(htons(80), "tcp", &service, buffer, ROOM, &found);
    is_http(found);
    beside_end(other);
}

/* ---- users and groups ---- */

static void is_root(const struct passwd *user)
{
    if (!CHECK(user != NULL))
        return;
    CHECK_INT(user->pw_uid, 0);
    CHECK_INT(strcmp(user->pw_name, "root"), 0);
    CHECK(strlen(user->pw_dir) > 0);
}

CASE(getpwnam)
{
    struct beside *other = answer_later();

    is_root(getpwnam("later.root"));
    beside_end(other);
}

CASE(getpwuid)
{
    struct beside *other = answer_later();

    is_root(getpwuid(NAMES_LATER));
    beside_end(other);
}

CASE(getpwnam_r)
{
    struct beside *other = answer_later();
    struct passwd user;
    struct passwd *found = NULL;
    char buffer[ROOM];

    CHECK_INT(getpwnam_r("later.root", &user, buffer, ROOM, &found), 0);
    is_root(found);
    beside_end(other);
}

CASE(getpwuid_r)
{
    struct beside *other = answer_later();
    struct passwd user;
    struct passwd *found = NULL;
    char buffer[ROOM];

    CHECK_INT(getpwuid_r(NAMES_LATER, &user, buffer, ROOM, &found), 0);
    is_root(found);
    beside_end(other);
}

static void is_root_group(const struct group *group)
{
    if (!CHECK(group != NULL))
        return;
    CHECK_INT(group->gr_gid, 0);
    CHECK_INT(strcmp(group->gr_name, "root"), 0);
    CHECK(group->gr_mem != NULL);
}

CASE(getgrnam)
{
    struct beside *other = answer_later();

    is_root_group(getgrnam("later.root"));
    beside_end(other);
}

CASE(getgrgid)
{
    struct beside *other = answer_later();

    is_root_group(getgrgid(NAMES_LATER));
    beside_end(other);
}

CASE(getgrnam_r)
{
    struct beside *other = answer_later();
    struct group group;
    struct group *found = NULL;
    char buffer[ROOM];

    CHECK_INT(getgrnam_r("later.root", &group, buffer, ROOM, &found), 0);
    is_root_group(found);
    beside_end(other);
}

CASE(getgrgid_r)
{
    struct beside *other = answer_later();
    struct group group;
    struct group *found = NULL;
    char buffer[ROOM];

    CHECK_INT(getgrgid_r(NAMES_LATER, &group, buffer, ROOM, &found), 0);
    is_root_group(found);
    beside_end(other);
}

/* ---- the resolver ---- */

/* An answer that fits in part tells how long it is. */
static void is_answer(int length, const unsigned char *answer)
{
    CHECK_INT(length, sizeof(NAMES_ANSWER) - 1);
    CHECK(memcmp(answer, NAMES_ANSWER, 9) == 0);
    CHECK_INT(answer[9], 0);
    CHECK_INT(h_errno, NO_DATA);
}

CASE(res_query)
{
    struct beside *other = answer_later();
    unsigned char answer[ROOM] = "";

    is_answer(res_query("localhost", C_IN, T_A, answer, 9), answer);
    beside_end(other);
}

CASE(res_search)
{
    struct beside *other = answer_later();
    unsigned char answer[ROOM] = "";

    is_answer(res_search("localhost", C_IN, T_A, answer, 9), answer);
    beside_end(other);
}

CASE(res_querydomain)
{
    struct beside *other = answer_later();
    unsigned char answer[ROOM] = "";

    is_answer(res_querydomain("a", "localhost", C_IN, T_A, answer, 9), answer);
    beside_end(other);
}

CASE(res_send)
{
    struct beside *other = answer_later();
    unsigned char answer[ROOM] = "";

    is_answer(res_send((const unsigned char *)"question", 8, answer, 9),
              answer);
    beside_end(other);
}

CASE(res_nquery)
{
    struct beside *other = answer_later();
    struct __res_state state = {.nscount = 0};
    unsigned char answer[ROOM] = "";

    is_answer(res_nquery(&state, "localhost", C_IN, T_A, answer, 9), answer);
    beside_end(other);
}

CASE(res_nsearch)
{
    struct beside *other = answer_later();
    struct __res_state state = {.nscount = 0};
    unsigned char answer[ROOM] = "";

    is_answer(res_nsearch(&state, "localhost", C_IN, T_A, answer, 9), answer);
    beside_end(other);
}

CASE(res_nquerydomain)
{
    struct beside *other = answer_later();
    struct __res_state state = {.nscount = 0};
    unsigned char answer[ROOM] = "";

    is_answer(res_nquerydomain(&state, "a", "localhost", C_IN, T_A, answer, 9),
              answer);
    beside_end(other);
}

CASE(res_nsend)
{
    struct beside *other = answer_later();
    struct __res_state state = {.nscount = 0};
    unsigned char answer[ROOM] = "";

    is_answer(
        res_nsend(&state, (const unsigned char *)"question", 8, answer, 9),
        answer);
    beside_end(other);
}
