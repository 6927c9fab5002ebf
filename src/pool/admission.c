/* SPDX-License-Identifier: MIT */
/*
 * pool/admission.c - the limit of a bounded queue, and waiting for room.
 *
 * A counter and a list of those who wait. Who leaves takes one off and wakes
 * it; the one woken tries again, so a place may be taken by a newcomer first,
 * and then it goes on waiting.
 *
 * Locking: admission.lock, a leaf.
 */
#include "pool/admission.h"

#include <errno.h>

#include "base/fence.h"
#include "sys/clock.h"
#include "task/context.h"

struct admission_waiter {
    struct thrumi_link link;
    struct thrumi_parking parking;
};

void thrumi_admission_init(struct thrumi_admission *admission, uint64_t limit)
{
    admission->limit = limit;
    atomic_init(&admission->inside, 0);
    atomic_init(&admission->waiting, 0);
    thrumi_mutex_init(&admission->lock);
    thrumi_list_init(&admission->waiters);
    admission->closed = 0;
}

void thrumi_admission_enter(struct thrumi_admission *admission)
{
    if (thrumi_unlikely(admission->limit != 0))
        atomic_fetch_add_explicit(&admission->inside, 1, memory_order_relaxed);
}

/* Takes one place: true, or false when there is none. */
static bool admission_try(struct thrumi_admission *admission)
{
    uint64_t inside;

    if (thrumi_likely(admission->limit == 0))
        return true;
    inside = atomic_load_explicit(&admission->inside, memory_order_relaxed);
    while (inside < admission->limit)
        if (atomic_compare_exchange_weak_explicit(
                &admission->inside, &inside, inside + 1, memory_order_relaxed,
                memory_order_relaxed))
            return true;
    return false;
}

static void admission_wake_one(struct thrumi_admission *admission)
{
    struct thrumi_link *link;

    thrumi_mutex_lock(&admission->lock);
    link = thrumi_list_pop(&admission->waiters);
    if (link != NULL) {
        atomic_fetch_sub_explicit(&admission->waiting, 1, memory_order_relaxed);
        /* under the lock: it cannot go on before it has that */
        thrumi_parking_wake(
            &thrumi_container_of(link, struct admission_waiter, link)->parking);
    }
    thrumi_mutex_unlock(&admission->lock);
}

void thrumi_admission_leave(struct thrumi_admission *admission)
{
    if (thrumi_likely(admission->limit == 0))
        return;
    atomic_fetch_sub_explicit(&admission->inside, 1, memory_order_relaxed);
    /* pairs with the fence in admission_park(): either we see the waiter or it
     * sees the place */
    thrumi_fence(&admission->waiting);
    if (atomic_load_explicit(&admission->waiting, memory_order_relaxed) != 0)
        admission_wake_one(admission);
}

/* Parks unless there is a place by now; the lock is held. `*ret_got`: it got
 * the place. */
static int admission_park(struct thrumi_admission *admission,
                          thrum_time deadline, bool *ret_got)
{
    struct admission_waiter self;
    int rc;

    thrumi_parking_init(&self.parking);
    thrumi_parking_for(&self.parking, "room in a pool's queue", NULL);
    thrumi_list_append(&admission->waiters, &self.link);
    atomic_fetch_add_explicit(&admission->waiting, 1, memory_order_relaxed);
    thrumi_fence(&admission->waiting);
    *ret_got = admission_try(admission);
    rc = 0;
    if (!*ret_got) {
        thrumi_mutex_unlock(&admission->lock);
        rc = thrumi_parking_wait(&self.parking, deadline);
        thrumi_mutex_lock(&admission->lock);
    }
    if (thrumi_link_listed(&self.link)) {
        thrumi_list_remove(&self.link);
        atomic_fetch_sub_explicit(&admission->waiting, 1, memory_order_relaxed);
        return rc;
    }
    return 0; /* woken: try again, whatever the clock says */
}

/* Waits for a place: 0, -ETIMEDOUT, why it was closed, or a code of the wait. */
static int admission_wait(struct thrumi_admission *admission,
                          thrum_time deadline)
{
    bool got = false;
    int rc = 0;

    thrumi_mutex_lock(&admission->lock);
    while (rc == 0 && !got) {
        rc = admission->closed;
        if (rc != 0)
            break;
        got = admission_try(admission);
        if (!got)
            rc = admission_park(admission, deadline, &got);
    }
    thrumi_mutex_unlock(&admission->lock);
    return got ? 0 : rc;
}

int thrumi_admission_admit(struct thrumi_admission *admission,
                           thrum_queue_policy policy, int64_t block_ns)
{
    thrum_time deadline = THRUM_FOREVER;

    if (thrumi_likely(admission_try(admission)))
        return 0;
    switch (policy) {
    case THRUM_QUEUE_REJECT:
        return THRUM_EFULL;
    case THRUM_QUEUE_CALLER_RUNS:
        return 1;
    case THRUM_QUEUE_BLOCK:
    default:
        if (block_ns != 0)
            deadline = thrum_in_ns(block_ns);
        return admission_wait(admission, deadline);
    }
}

void thrumi_admission_close(struct thrumi_admission *admission, int code)
{
    if (admission->limit == 0)
        return;
    thrumi_mutex_lock(&admission->lock);
    if (admission->closed == 0)
        admission->closed = code;
    thrumi_mutex_unlock(&admission->lock);
    while (atomic_load_explicit(&admission->waiting, memory_order_relaxed) != 0)
        admission_wake_one(admission);
}
