/* SPDX-License-Identifier: MIT */
/*
 * monkey/dns_query.c - the resolver's own calls: res_query and its like.
 *
 * They run in a thread whose _res is as resolv.conf says, and not what the
 * program may have made of the _res of its own thread.
 *
 * A wait that is ended: -1, NETDB_INTERNAL, and the reason in errno.
 */
#include <errno.h>
#include <string.h>

#include "monkey/dns.h"
#include "monkey/elsewhere.h"
#include "monkey/hooks.h"

#define QUERY_MOST_ROOM 65536 /* no answer is as long */

/* What is asked, and where the answer goes. */
struct query {
    const char *name; /* in a job: a copy, as of all that is pointed to */
    const char *domain;
    const unsigned char *message; /* res_send's */
    int length;
    int class;
    int type;
    unsigned char *answer;
    int room;
};

struct query_job {
    struct thrumi_job job;
    struct query query;
    int rc;
    int host_error;
    char memory[];
};

static void query_run(struct thrumi_job *arg)
{
    struct query_job *job = (struct query_job *)arg;
    const struct query *query = &job->query;

    job->rc = thrumi_original.res_query(query->name, query->class, query->type,
                                        query->answer, query->room);
    job->host_error = h_errno;
}

static void query_run_search(struct thrumi_job *arg)
{
    struct query_job *job = (struct query_job *)arg;
    const struct query *query = &job->query;

    job->rc = thrumi_original.res_search(query->name, query->class, query->type,
                                         query->answer, query->room);
    job->host_error = h_errno;
}

static void query_run_domain(struct thrumi_job *arg)
{
    struct query_job *job = (struct query_job *)arg;
    const struct query *query = &job->query;

    job->rc = thrumi_original.res_querydomain(query->name, query->domain,
                                              query->class, query->type,
                                              query->answer, query->room);
    job->host_error = h_errno;
}

static void query_run_send(struct thrumi_job *arg)
{
    struct query_job *job = (struct query_job *)arg;
    const struct query *query = &job->query;

    job->rc = thrumi_original.res_send(query->message, query->length,
                                       query->answer, query->room);
    job->host_error = h_errno;
}

static struct query_job *query_job(void (*run)(struct thrumi_job *job),
                                   const struct query *query)
{
    size_t room = query->room < QUERY_MOST_ROOM ? (size_t)query->room
                                                : (size_t)QUERY_MOST_ROOM;
    struct query_job *job = thrumi_job_new(
        sizeof(*job) + room + (size_t)query->length +
            thrumi_dns_length(query->name) + thrumi_dns_length(query->domain),
        run, NULL);
    char *at;

    if (job == NULL)
        return NULL;
    job->query = *query;
    job->query.answer = (unsigned char *)job->memory;
    job->query.room = (int)room;
    at = job->memory + room;
    if (query->length > 0)
        memcpy(at, query->message, (size_t)query->length);
    job->query.message = (const unsigned char *)at;
    at += query->length;
    job->query.name = thrumi_dns_copy(&at, query->name);
    job->query.domain = thrumi_dns_copy(&at, query->domain);
    return job;
}

/* An answer that did not fit is as long as it would have been. */
static void query_take(const struct query_job *job, const struct query *query)
{
    int length = job->rc < job->query.room ? job->rc : job->query.room;

    if (length > 0)
        memcpy(query->answer, job->query.answer, (size_t)length);
    h_errno = job->host_error;
}

static int query_failed(int code)
{
    h_errno = NETDB_INTERNAL;
    return (int)thrumi_to_errno(code);
}

static int query_ask(void (*run)(struct thrumi_job *job),
                     const struct query *query)
{
    struct query_job *job = query_job(run, query);
    int rc;

    if (job == NULL)
        return query_failed(-ENOMEM);
    rc = thrumi_job_wait(&job->job);
    if (rc == 0) {
        query_take(job, query);
        rc = job->rc;
    } else {
        rc = query_failed(rc);
    }
    thrumi_job_unref(&job->job);
    return rc;
}

int thrumi_hook_res_query(const char *name, int class, int type,
                          unsigned char *answer, int room)
{
    struct query query = {.name = name,
                          .class = class,
                          .type = type,
                          .answer = answer,
                          .room = room};

    if (thrumi_monkey_outside() || room < 0)
        return thrumi_original.res_query(name, class, type, answer, room);
    return query_ask(query_run, &query);
}

int thrumi_hook_res_search(const char *name, int class, int type,
                           unsigned char *answer, int room)
{
    struct query query = {.name = name,
                          .class = class,
                          .type = type,
                          .answer = answer,
                          .room = room};

    if (thrumi_monkey_outside() || room < 0)
        return thrumi_original.res_search(name, class, type, answer, room);
    return query_ask(query_run_search, &query);
}

int thrumi_hook_res_querydomain(const char *name, const char *domain, int class,
                                int type, unsigned char *answer, int room)
{
    struct query query = {.name = name,
                          .domain = domain,
                          .class = class,
                          .type = type,
                          .answer = answer,
                          .room = room};

    if (thrumi_monkey_outside() || room < 0)
        return thrumi_original.res_querydomain(name, domain, class, type,
                                               answer, room);
    return query_ask(query_run_domain, &query);
}

int thrumi_hook_res_send(const unsigned char *message, int length,
                         unsigned char *answer, int room)
{
    struct query query = {
        .message = message, .length = length, .answer = answer, .room = room};

    if (thrumi_monkey_outside() || length < 0 || room < 0)
        return thrumi_original.res_send(message, length, answer, room);
    return query_ask(query_run_send, &query);
}
