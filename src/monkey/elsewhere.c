/* SPDX-License-Identifier: MIT */
/*
 * monkey/elsewhere.c - calls made beside the hub, errno carried over.
 */
#include "monkey/elsewhere.h"

#include <errno.h>
#include <stdlib.h>

#include <thrum/offload.h>
#include <thrum/scope.h>

#include "monkey/hooks.h"

/* Where errno is, is asked for at each use: what runs elsewhere is in another
 * thread than its caller. */
static __attribute__((noinline)) int elsewhere_errno(void)
{
    return errno;
}

static __attribute__((noinline)) void elsewhere_set_errno(int error)
{
    errno = error;
}

/* ---- calls with their arguments on the caller's stack ---- */

struct elsewhere_call {
    void (*fn)(void *arg);
    void *arg;
    int error;
};

static void *elsewhere_run(void *arg)
{
    struct elsewhere_call *call = arg;

    elsewhere_set_errno(call->error);
    call->fn(call->arg);
    call->error = elsewhere_errno();
    return NULL;
}

/* Waits until it has run; takes back what has not begun and cannot be waited
 * for. Returns whether it has run. */
static bool elsewhere_await(thrum_future *future)
{
    THRUM_SHIELD
    {
        while (thrum_future_result(future, THRUM_FOREVER, NULL) != 0 &&
               !thrum_future_cancel(future) && !thrum_future_done(future))
            continue;
    }
    return !thrum_future_cancelled(future);
}

void thrumi_elsewhere(void (*fn)(void *arg), void *arg)
{
    struct elsewhere_call call = {fn, arg, elsewhere_errno()};
    thrum_future *future = NULL;

    if (thrum_offload_future(elsewhere_run, &call, &future) != 0) {
        (void)elsewhere_run(&call);
    } else {
        if (!elsewhere_await(future))
            (void)elsewhere_run(&call);
        thrum_future_unref(future);
    }
    elsewhere_set_errno(call.error);
}

/* ---- jobs that may be left behind ---- */

void *thrumi_job_new(size_t size, void (*run)(struct thrumi_job *job),
                     void (*drop)(struct thrumi_job *job))
{
    struct thrumi_job *job = calloc(1, size);

    if (job == NULL)
        return NULL;
    atomic_init(&job->refs, 1);
    job->error = elsewhere_errno();
    job->run = run;
    job->drop = drop;
    return job;
}

void thrumi_job_unref(struct thrumi_job *job)
{
    int error = elsewhere_errno();

    /* acq_rel: the last comes after what the other did */
    if (atomic_fetch_sub_explicit(&job->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (job->drop != NULL)
        job->drop(job);
    free(job);
    elsewhere_set_errno(error);
}

static void elsewhere_run_job(struct thrumi_job *job)
{
    elsewhere_set_errno(job->error);
    job->run(job);
    job->error = elsewhere_errno();
}

static void *elsewhere_job(void *arg)
{
    elsewhere_run_job(arg);
    thrumi_job_unref(arg);
    return NULL;
}

/* A job that has run counts, whatever the wait says: the next wait will say it
 * again. Nothing but a kill or a deadline is a reason not to run it. */
static int elsewhere_await_job(struct thrumi_job *job, thrum_future *future)
{
    int rc = thrum_future_result(future, THRUM_FOREVER, NULL);

    if (rc == 0)
        return 0;
    if ((job->always && thrumi_is_ended(rc)) || !thrum_future_cancel(future))
        return thrum_future_done(future) ? 0 : rc;
    thrumi_job_unref(job); /* the thread's, which never comes */
    if (!thrumi_is_ended(rc)) {
        elsewhere_run_job(job);
        rc = 0;
    }
    return rc;
}

int thrumi_job_wait(struct thrumi_job *job)
{
    thrum_future *future = NULL;
    int rc = 0;

    /* relaxed: the thread gets it by the queue of the pool */
    atomic_fetch_add_explicit(&job->refs, 1, memory_order_relaxed);
    if (thrum_offload_future(elsewhere_job, job, &future) != 0) {
        (void)elsewhere_job(job);
    } else {
        rc = elsewhere_await_job(job, future);
        thrum_future_unref(future);
    }
    if (rc == 0)
        elsewhere_set_errno(job->error);
    return rc;
}
