/* SPDX-License-Identifier: MIT */
/*
 * net/resolve.c - getaddrinfo() without holding up a hub.
 *
 * What is given in numbers is answered at once. Else a job with copies of all
 * that was asked goes to a thread; it belongs to both, and whoever comes last
 * frees it, so that nobody has to wait for an answer that is not wanted any
 * more.
 */
#include <thrum/resolve.h>

#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <string.h>

#include <thrum/error.h>
#include <thrum/offload.h>

#include "base/alloc.h"
#include "task/context.h"

struct resolve_job {
    atomic_uint refs;
    int code;
    struct addrinfo *list;
    struct addrinfo hints;
    const char *host; /* in `names`, or NULL */
    const char *service;
    char names[];
};

static int resolve_code(int code, int error)
{
    switch (code) {
    case 0:
        return 0;
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_SERVICE:
        return -ENOENT;
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_FAMILY:
    case EAI_ADDRFAMILY:
        return -EAFNOSUPPORT;
    case EAI_BADFLAGS:
    case EAI_SOCKTYPE:
        return -EINVAL;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SYSTEM:
        return error != 0 ? -error : -EIO;
    default:
        return -EIO;
    }
}

static int resolve_ask(const char *host, const char *service,
                       const struct addrinfo *hints, struct addrinfo **ret)
{
    int code = getaddrinfo(host, service, hints, ret);

    return resolve_code(code, errno);
}

/* Numbers alone: nobody is asked. */
static int resolve_numbers(const char *host, const char *service,
                           const struct addrinfo *hints, struct addrinfo **ret)
{
    struct addrinfo numbers = *hints;

    numbers.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
    return resolve_ask(host, service, &numbers, ret);
}

static void resolve_unref(struct resolve_job *job)
{
    /* acq_rel: the last comes after what the other did */
    if (atomic_fetch_sub_explicit(&job->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (job->list != NULL)
        freeaddrinfo(job->list);
    thrumi_free(job);
}

static void *resolve_run(void *arg)
{
    struct resolve_job *job = arg;

    job->code = resolve_ask(job->host, job->service, &job->hints, &job->list);
    resolve_unref(job);
    return NULL;
}

static const char *resolve_copy(char **at, const char *name)
{
    char *copy = *at;

    if (name == NULL)
        return NULL;
    memcpy(copy, name, strlen(name) + 1);
    *at += strlen(name) + 1;
    return copy;
}

static struct resolve_job *resolve_job_new(const char *host,
                                           const char *service,
                                           const struct addrinfo *hints)
{
    size_t room = (host == NULL ? 0 : strlen(host) + 1) +
                  (service == NULL ? 0 : strlen(service) + 1);
    struct resolve_job *job = thrumi_alloc(sizeof(*job) + room);
    char *at;

    if (job == NULL)
        return NULL;
    at = job->names;
    atomic_init(&job->refs, 2);
    job->list = NULL;
    job->hints = *hints;
    job->host = resolve_copy(&at, host);
    job->service = resolve_copy(&at, service);
    return job;
}

/* The job's answer, once its future says that it has run. */
static int resolve_take(struct resolve_job *job, struct addrinfo **ret)
{
    if (job->code == 0) {
        *ret = job->list;
        job->list = NULL;
    }
    return job->code;
}

static int resolve_offload(const char *host, const char *service,
                           const struct addrinfo *hints, thrum_time deadline,
                           struct addrinfo **ret)
{
    struct resolve_job *job = resolve_job_new(host, service, hints);
    thrum_future *future;
    int rc;

    if (job == NULL)
        return -ENOMEM;
    rc = thrum_offload_future(resolve_run, job, &future);
    if (rc != 0) {
        resolve_unref(job);
        goto out_unref;
    }
    rc = thrum_future_result(future, deadline, NULL);
    if (rc == 0)
        rc = resolve_take(job, ret);
    else if (thrum_future_cancel(future)) /* it will not run */
        resolve_unref(job);
    thrum_future_unref(future);

out_unref:
    resolve_unref(job);
    return rc;
}

int thrum_resolve(const char *host, const char *service,
                  const struct addrinfo *hints, thrum_time deadline,
                  struct addrinfo **ret)
{
    const struct addrinfo none = {.ai_family = AF_UNSPEC};
    int rc;

    if (hints == NULL)
        hints = &none;
    rc = resolve_numbers(host, service, hints, ret);
    if (rc != -ENOENT)
        return rc;
    if ((hints->ai_flags & AI_NUMERICHOST) != 0 &&
        (hints->ai_flags & AI_NUMERICSERV) != 0)
        return rc;
    if (thrumi_context_in_callback(thrumi_context_running()))
        return THRUM_ECONTEXT;
    return resolve_offload(host, service, hints, deadline, ret);
}
