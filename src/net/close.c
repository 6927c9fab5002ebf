/* SPDX-License-Identifier: MIT */
/*
 * net/close.c - closing: who waits is told before the number is anybody else's.
 *
 * The thread's own hub is told directly. Hubs of other threads, if the number
 * is claimed by them (hub/claim.h), get an errand, and whoever comes last
 * closes. That may take long, when such a thread does not look at its hub, so
 * nobody waits for it: at once the number is made to stand for something that
 * no call works with, and only the number is kept.
 *
 *     closer      dup2(nothing, fd): the connection is closed now
 *                 an errand to each of the other hubs
 *     each hub    those that wait get -EBADF
 *     the last    close(fd): the number is free
 *
 * Without a descriptor to spare for nothing, the last one closes it all.
 *
 * What the hubs themselves have is not there for a program that closes all
 * numbers.
 */
#include <thrum/net.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/alloc.h"
#include "hub/claim.h"
#include "hub/engine.h"
#include "hub/hub.h"
#include "net/poll.h"

struct close_errand {
    struct thrumi_errand errand;
    struct close_job *job;
};

struct close_job {
    int fd;
    struct thrumi_hub *own;
    struct thrumi_hub *only; /* to be told; NULL: all */
    atomic_uint left;        /* errands that are not done, and the closer */
    unsigned sent;
    unsigned count; /* room for so many */
    struct close_errand errands[];
};

static void close_forget(struct thrumi_hub *hub, int fd)
{
    if (hub == NULL || hub->engine == NULL)
        return;
    hub->engine->ops->forget(hub->engine, fd, -EBADF);
    if (thrumi_unlikely(!thrumi_list_empty(&hub->polls)))
        thrumi_poll_forget(hub, fd);
}

/* The descriptor is gone also when the system says that it was interrupted. */
static int close_number(int fd)
{
    return close(fd) == 0 || errno == EINTR ? 0 : -errno;
}

static int close_job_step(struct close_job *job)
{
    int rc;

    /* acq_rel: whoever is last comes after all the others */
    if (atomic_fetch_sub_explicit(&job->left, 1, memory_order_acq_rel) != 1)
        return 0;
    rc = close_number(job->fd);
    thrumi_free(job);
    return rc;
}

static void close_errand_run(struct thrumi_hub *hub,
                             struct thrumi_errand *errand)
{
    struct close_job *job =
        thrumi_container_of(errand, struct close_errand, errand)->job;

    close_forget(hub, job->fd);
    (void)close_job_step(job);
}

static bool close_count_hub(struct thrumi_hub *hub, void *arg)
{
    (void)hub;
    ++*(unsigned *)arg;
    return true;
}

static bool close_send(struct thrumi_hub *hub, void *arg)
{
    struct close_job *job = arg;
    struct close_errand *errand;

    if (hub == job->own || (job->only != NULL && hub != job->only))
        return true;
    if (job->sent == job->count) /* the rest is younger than this close */
        return false;
    errand = &job->errands[job->sent++];
    errand->errand.run = close_errand_run;
    errand->job = job;
    /* relaxed: the closer's own share keeps it from 0 */
    atomic_fetch_add_explicit(&job->left, 1, memory_order_relaxed);
    if (!thrumi_hub_send(hub, thrumi_ready_errand(&errand->errand)))
        atomic_fetch_sub_explicit(&job->left, 1, memory_order_relaxed);
    return true;
}

static struct close_job *close_job_new(int fd, struct thrumi_hub *claimant)
{
    struct close_job *job;
    unsigned count = 0;

    if (claimant == THRUMI_CLAIM_SEVERAL)
        thrumi_hub_each(close_count_hub, &count);
    else
        count = 1;
    job = thrumi_alloc(sizeof(*job) + count * sizeof(job->errands[0]));
    if (job == NULL)
        return NULL;
    job->fd = fd;
    job->own = thrumi_hub_current();
    job->only = claimant == THRUMI_CLAIM_SEVERAL ? NULL : claimant;
    atomic_init(&job->left, 1);
    job->sent = 0;
    job->count = count;
    return job;
}

/* The number stands for a folder that can only be looked at from now on: every
 * call on it says -EBADF. */
static void close_hollow(int fd)
{
    int nothing = open("/", O_PATH | O_CLOEXEC);

    if (nothing < 0)
        return;
    (void)dup3(nothing, fd, O_CLOEXEC);
    close(nothing);
}

static int close_elsewhere(int fd, struct thrumi_hub *claimant)
{
    struct close_job *job = close_job_new(fd, claimant);

    if (job == NULL) {
        thrumi_claim_end(fd);
        (void)thrumi_claim_add(fd, claimant);
        return -ENOMEM;
    }
    close_forget(job->own, fd);
    close_hollow(fd);
    thrumi_claim_end(fd);
    thrumi_hub_each(close_send, job);
    return close_job_step(job);
}

int thrum_close(int fd)
{
    struct thrumi_hub *hub = thrumi_hub_current();
    struct thrumi_hub *claimant;
    int rc;

    if (fcntl(fd, F_GETFD) < 0)
        return -EBADF;
    claimant = thrumi_claim_take(fd);
    if (thrumi_unlikely(claimant == THRUMI_CLAIM_KEPT))
        return -EBADF;
    if (thrumi_unlikely(claimant != NULL && claimant != hub))
        return close_elsewhere(fd, claimant);
    close_forget(hub, fd);
    rc = close_number(fd);
    thrumi_claim_end(fd);
    return rc;
}
