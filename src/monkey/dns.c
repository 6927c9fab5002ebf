/* SPDX-License-Identifier: MIT */
/*
 * monkey/dns.c - getaddrinfo and getnameinfo.
 *
 * What is given in numbers is answered at once, by libc itself. Else libc is
 * asked in another thread: with all that nsswitch.conf says, and with the state
 * that the resolver has in that thread. What a program has written into the
 * _res of its own thread is not seen.
 *
 * A wait that is ended gives EAI_SYSTEM, with the reason in errno; the answer
 * that comes later is dropped.
 */
#include "monkey/dns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "monkey/elsewhere.h"
#include "monkey/hooks.h"

const char *thrumi_dns_copy(char **at, const char *text)
{
    char *copy = *at;

    if (text == NULL)
        return NULL;
    memcpy(copy, text, strlen(text) + 1);
    *at += strlen(text) + 1;
    return copy;
}

size_t thrumi_dns_length(const char *text)
{
    return text == NULL ? 0 : strlen(text) + 1;
}

/* Waits for a job of these two: its code, or that of a wait that was ended. */
static int dns_wait(struct thrumi_job *job, const int *code)
{
    int rc = thrumi_job_wait(job);

    if (rc == 0)
        return *code;
    (void)thrumi_to_errno(rc);
    return EAI_SYSTEM;
}

/* ---- getaddrinfo ---- */

struct dns_ask {
    struct thrumi_job job;
    int code;
    bool hinted;
    struct addrinfo hints;
    struct addrinfo *list;
    const char *host; /* in `names`, or NULL */
    const char *service;
    char names[];
};

static void dns_ask_run(struct thrumi_job *job)
{
    struct dns_ask *ask = (struct dns_ask *)job;

    ask->code = thrumi_original.getaddrinfo(
        ask->host, ask->service, ask->hinted ? &ask->hints : NULL, &ask->list);
}

static void dns_ask_drop(struct thrumi_job *job)
{
    struct dns_ask *ask = (struct dns_ask *)job;

    if (ask->list != NULL)
        freeaddrinfo(ask->list);
}

static struct dns_ask *dns_ask_new(const char *host, const char *service,
                                   const struct addrinfo *hints)
{
    size_t room = thrumi_dns_length(host) + thrumi_dns_length(service);
    struct dns_ask *ask =
        thrumi_job_new(sizeof(*ask) + room, dns_ask_run, dns_ask_drop);
    char *at;

    if (ask == NULL)
        return NULL;
    at = ask->names;
    ask->host = thrumi_dns_copy(&at, host);
    ask->service = thrumi_dns_copy(&at, service);
    ask->hinted = hints != NULL;
    if (hints != NULL)
        ask->hints = *hints;
    return ask;
}

/* Numbers alone: nobody is asked. The answers tell the flags that were asked
 * with. EAI_NONAME: there are names. */
static int dns_numbers(const char *host, const char *service,
                       const struct addrinfo *hints, struct addrinfo **ret)
{
    struct addrinfo numbers = {.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG};
    int flags;
    int code;

    if (hints != NULL)
        numbers = *hints;
    flags = numbers.ai_flags;
    numbers.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
    code = thrumi_original.getaddrinfo(host, service, &numbers, ret);
    if (code == 0)
        for (struct addrinfo *one = *ret; one != NULL; one = one->ai_next)
            one->ai_flags = flags;
    return code;
}

int thrumi_hook_getaddrinfo(const char *host, const char *service,
                            const struct addrinfo *hints, struct addrinfo **ret)
{
    struct dns_ask *ask;
    int code;

    if (thrumi_monkey_outside())
        return thrumi_original.getaddrinfo(host, service, hints, ret);
    code = dns_numbers(host, service, hints, ret);
    if (code != EAI_NONAME)
        return code;
    ask = dns_ask_new(host, service, hints);
    if (ask == NULL)
        return EAI_MEMORY;
    code = dns_wait(&ask->job, &ask->code);
    if (code == 0) {
        *ret = ask->list;
        ask->list = NULL;
    }
    thrumi_job_unref(&ask->job);
    return code;
}

/* ---- getnameinfo ---- */

#define DNS_MOST_ROOM 65536u /* no name is as long */

struct dns_name {
    struct thrumi_job job;
    int code;
    int flags;
    socklen_t length; /* of the address */
    socklen_t host_room;
    socklen_t service_room;
    char *host; /* each in `memory`, or NULL */
    char *service;
    struct sockaddr *address;
    _Alignas(max_align_t) char memory[];
};

static void dns_name_run(struct thrumi_job *job)
{
    struct dns_name *name = (void *)job;

    name->code = thrumi_original.getnameinfo(
        name->address, name->length, name->host, name->host_room, name->service,
        name->service_room, name->flags);
}

static socklen_t dns_room(const char *into, socklen_t room)
{
    if (into == NULL)
        return 0;
    return room < DNS_MOST_ROOM ? room : DNS_MOST_ROOM;
}

static struct dns_name *dns_name_new(const struct sockaddr *address,
                                     socklen_t length, socklen_t host_room,
                                     socklen_t service_room)
{
    struct dns_name *name = thrumi_job_new(
        sizeof(*name) + length + host_room + service_room, dns_name_run, NULL);

    if (name == NULL)
        return NULL;
    name->length = length;
    name->address = (struct sockaddr *)(void *)name->memory;
    memcpy(name->address, address, length);
    name->host_room = host_room;
    name->host = host_room == 0 ? NULL : name->memory + length;
    name->service_room = service_room;
    name->service =
        service_room == 0 ? NULL : name->memory + length + host_room;
    return name;
}

static void dns_name_take(const struct dns_name *name, char *host,
                          char *service)
{
    if (name->host != NULL)
        memcpy(host, name->host, strlen(name->host) + 1);
    if (name->service != NULL)
        memcpy(service, name->service, strlen(name->service) + 1);
}

/* Is all that is asked for in the address itself? */
static bool dns_name_is_numeric(const char *host, const char *service,
                                int flags)
{
    return (host == NULL || (flags & NI_NUMERICHOST) != 0) &&
           (service == NULL || (flags & NI_NUMERICSERV) != 0);
}

int thrumi_hook_getnameinfo(const struct sockaddr *address, socklen_t length,
                            char *host, socklen_t host_room, char *service,
                            socklen_t service_room, int flags)
{
    struct dns_name *name;
    int code;

    if (thrumi_monkey_outside() || length > sizeof(struct sockaddr_storage) ||
        dns_name_is_numeric(host, service, flags))
        return thrumi_original.getnameinfo(address, length, host, host_room,
                                           service, service_room, flags);
    name = dns_name_new(address, length, dns_room(host, host_room),
                        dns_room(service, service_room));
    if (name == NULL)
        return EAI_MEMORY;
    name->flags = flags;
    code = dns_wait(&name->job, &name->code);
    if (code == 0)
        dns_name_take(name, host, service);
    thrumi_job_unref(&name->job);
    return code;
}
