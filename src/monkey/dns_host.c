/* SPDX-License-Identifier: MIT */
/*
 * monkey/dns_host.c - gethostbyname and its like.
 *
 * Those without _r return storage that the next call writes over. In a greenlet
 * that is the greenlet's own, as others make calls before it has looked; so is
 * h_errno good only until the next wait. A wait that is ended: NULL,
 * NETDB_INTERNAL, and the reason in errno.
 */
#include <arpa/inet.h>

#include "monkey/dns_entry.h"
#include "monkey/hooks.h"

static const struct thrumi_entry_shape host_shape = {
    sizeof(struct hostent),
    {offsetof(struct hostent, h_name)},
    {offsetof(struct hostent, h_aliases),
     offsetof(struct hostent, h_addr_list)},
    1,
    2,
};

/* ---- what runs elsewhere ---- */

static void host_run_name(struct thrumi_job *arg)
{
    struct thrumi_entry_job *job = (struct thrumi_entry_job *)arg;
    struct hostent *found = NULL;

    job->rc = thrumi_original.gethostbyname_r(
        job->question.name, &job->entry.host, job->buffer, job->room, &found,
        &job->host_error);
    job->found = found;
}

static void host_run_name2(struct thrumi_job *arg)
{
    struct thrumi_entry_job *job = (struct thrumi_entry_job *)arg;
    struct hostent *found = NULL;

    job->rc = thrumi_original.gethostbyname2_r(
        job->question.name, job->question.family, &job->entry.host, job->buffer,
        job->room, &found, &job->host_error);
    job->found = found;
}

static void host_run_address(struct thrumi_job *arg)
{
    struct thrumi_entry_job *job = (struct thrumi_entry_job *)arg;
    struct hostent *found = NULL;

    job->rc = thrumi_original.gethostbyaddr_r(
        job->question.name, job->question.length, job->question.family,
        &job->entry.host, job->buffer, job->room, &found, &job->host_error);
    job->found = found;
}

/* ---- with the caller's storage ---- */

/* A number is no name: nobody is asked. One of the other family is left to libc,
 * elsewhere. */
static bool host_is_numeric(const char *name, int family)
{
    struct in6_addr address;

    return inet_pton(family, name, &address) == 1;
}

static int host_ask(struct thrumi_entry_ask *ask, struct hostent **ret,
                    int *host_error)
{
    void *found;
    int rc;

    ask->shape = &host_shape;
    rc = thrumi_entry_ask(ask, &found);
    *ret = found;
    *host_error = ask->host_error;
    return rc;
}

int thrumi_hook_gethostbyname_r(const char *name, struct hostent *into,
                                char *buffer, size_t room, struct hostent **ret,
                                int *host_error)
{
    struct thrumi_entry_ask ask = {.run = host_run_name,
                                   .question = {.name = name},
                                   .into = into,
                                   .buffer = buffer,
                                   .room = room};

    if (thrumi_monkey_outside() || host_is_numeric(name, AF_INET))
        return thrumi_original.gethostbyname_r(name, into, buffer, room, ret,
                                               host_error);
    return host_ask(&ask, ret, host_error);
}

int thrumi_hook_gethostbyname2_r(const char *name, int family,
                                 struct hostent *into, char *buffer,
                                 size_t room, struct hostent **ret,
                                 int *host_error)
{
    struct thrumi_entry_ask ask = {.run = host_run_name2,
                                   .question = {.name = name, .family = family},
                                   .into = into,
                                   .buffer = buffer,
                                   .room = room};

    if (thrumi_monkey_outside() || host_is_numeric(name, family))
        return thrumi_original.gethostbyname2_r(name, family, into, buffer,
                                                room, ret, host_error);
    return host_ask(&ask, ret, host_error);
}

int thrumi_hook_gethostbyaddr_r(const void *address, socklen_t length,
                                int family, struct hostent *into, char *buffer,
                                size_t room, struct hostent **ret,
                                int *host_error)
{
    struct thrumi_entry_ask ask = {
        .run = host_run_address,
        .question = {.name = address, .length = length, .family = family},
        .into = into,
        .buffer = buffer,
        .room = room};

    if (thrumi_monkey_outside() || length == 0)
        return thrumi_original.gethostbyaddr_r(address, length, family, into,
                                               buffer, room, ret, host_error);
    return host_ask(&ask, ret, host_error);
}

/* ---- with storage of the greenlet's ---- */

static thrum_local host_of_name = THRUM_LOCAL_INIT(thrumi_entry_free_own);
static thrum_local host_of_name2 = THRUM_LOCAL_INIT(thrumi_entry_free_own);
static thrum_local host_of_address = THRUM_LOCAL_INIT(thrumi_entry_free_own);

static struct hostent *host_ask_own(struct thrumi_entry_ask *ask,
                                    thrum_local *own)
{
    struct hostent *found;

    ask->shape = &host_shape;
    found = thrumi_entry_ask_own(ask, own);
    if (ask->host_error != NETDB_SUCCESS)
        h_errno = ask->host_error;
    return found;
}

struct hostent *thrumi_hook_gethostbyname(const char *name)
{
    struct thrumi_entry_ask ask = {.run = host_run_name,
                                   .question = {.name = name}};

    if (thrumi_monkey_outside())
        return thrumi_original.gethostbyname(name);
    ask.at_once = host_is_numeric(name, AF_INET);
    return host_ask_own(&ask, &host_of_name);
}

struct hostent *thrumi_hook_gethostbyname2(const char *name, int family)
{
    struct thrumi_entry_ask ask = {
        .run = host_run_name2, .question = {.name = name, .family = family}};

    if (thrumi_monkey_outside())
        return thrumi_original.gethostbyname2(name, family);
    ask.at_once = host_is_numeric(name, family);
    return host_ask_own(&ask, &host_of_name2);
}

struct hostent *thrumi_hook_gethostbyaddr(const void *address, socklen_t length,
                                          int family)
{
    struct thrumi_entry_ask ask = {
        .run = host_run_address,
        .question = {.name = address, .length = length, .family = family}};

    if (thrumi_monkey_outside() || length == 0)
        return thrumi_original.gethostbyaddr(address, length, family);
    return host_ask_own(&ask, &host_of_address);
}
