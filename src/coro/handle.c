/* SPDX-License-Identifier: MIT */
/*
 * coro/handle.c - what users hold of a generator or greenlet.
 *
 * The last reference may go in any thread, also on the very stack that it
 * keeps. So unref destroys at once only what stands still and is this thread's.
 * What runs is destroyed by whoever goes on when it stops or ends: he finds its
 * count at zero. What is another thread's is left to it with the reference, so
 * that a count of zero is only ever seen by the owner.
 */
#include "coro/handle.h"

#include <errno.h>

#include "base/error.h"
#include "sys/fork.h"
#include "task/record.h"

_Static_assert(sizeof(struct thrum_generator) <= THRUMI_RECORD_SIZE &&
                   sizeof(struct thrum_greenlet) <= THRUMI_RECORD_SIZE,
               "a handle is a record");

void thrumi_handle_init(struct thrumi_handle *handle,
                        struct thrumi_strand *strand,
                        enum thrumi_strand_kind kind)
{
    handle->strand = strand;
    strand->handle = handle;
    atomic_init(&handle->refs, 1);
    atomic_init(&handle->state, THRUM_GENERATOR_CREATED);
    handle->kind = (uint8_t)kind;
    handle->generation = thrumi_fork_generation();
    atomic_init(&handle->owner, 0);
    handle->phase = THRUMI_PENDING;
    handle->cancelling = false;
    handle->spawned = false;
    handle->ready = THRUMI_NOT_READY;
    handle->value = NULL;
    handle->extra.error = NULL;
}

int thrumi_handle_new(const struct thrumi_strand_plan *plan,
                      struct thrumi_handle **ret)
{
    struct thrumi_handle *handle = thrumi_record_alloc();
    struct thrumi_strand *strand;
    int rc;

    if (handle == NULL)
        return -ENOMEM;
    rc = thrumi_strand_new(plan, &strand);
    if (rc != 0) {
        thrumi_record_free(handle);
        return rc;
    }
    thrumi_handle_init(handle, strand, plan->kind);
    /* release: pairs with the acquires of those who walk over strands */
    atomic_store_explicit(&strand->kind, plan->kind, memory_order_release);
    *ret = handle;
    return 0;
}

static void handle_drop_outcome(struct thrumi_handle *handle)
{
    if (handle->phase == THRUMI_VALUE)
        thrumi_payload_free(handle->extra.payload);
    else if (handle->phase == THRUMI_ERROR)
        thrumi_error_free(handle->extra.error);
    handle->extra.error = NULL;
}

void thrumi_handle_free(struct thrumi_handle *handle)
{
    handle_drop_outcome(handle);
    thrumi_record_free(handle);
}

/* The code of the end of iteration is no error: a body that raises it would
 * seem to have ended as it should (G16). */
static thrum_error *handle_mend_error(thrum_error *error)
{
    thrum_error *mended;

    if (error->code != THRUM_ESTOP)
        return error;
    mended = thrumi_error_new(-EINVAL, "the body raised THRUM_ESTOP");
    thrumi_error_set_cause(mended, error);
    return mended;
}

void thrumi_handle_end(struct thrumi_handle *handle,
                       const struct thrumi_outcome *outcome)
{
    handle->phase = (uint8_t)outcome->phase;
    handle->strand = NULL;
    if (outcome->phase == THRUMI_ERROR)
        handle->extra.error = handle_mend_error(outcome->error);
    else
        handle->extra.payload = outcome->payload;
}

void thrumi_handle_fail(struct thrumi_handle *handle, int code)
{
    handle_drop_outcome(handle);
    handle->phase = THRUMI_ERROR;
    handle->extra.error = thrumi_error_new(code, NULL);
    if (handle->strand != NULL)
        thrumi_strand_free(handle->strand);
    handle->strand = NULL;
}

const thrum_error *thrumi_handle_error(const struct thrumi_handle *handle)
{
    return handle->phase == THRUMI_ERROR ? handle->extra.error : NULL;
}

/* ---- the last reference ---- */

void thrumi_handle_give_up(struct thrumi_handle *handle)
{
    handle->strand->stuck = true;
    thrumi_error_unhandled(thrumi_error_new(
        THRUM_EIGNORED, "%s \"%s\" was cancelled and would not end: it is kept",
        handle->kind == THRUMI_STRAND_GENERATOR ? "generator" : "greenlet",
        handle->strand->name));
}

bool thrumi_handle_kill(struct thrumi_handle *handle)
{
    if (handle->kind == THRUMI_STRAND_GENERATOR)
        return thrumi_generator_kill((struct thrum_generator *)handle);
    return thrumi_greenlet_kill((struct thrum_greenlet *)handle);
}

/* Nobody will ask for the error that it ended with now. */
static void handle_report_error(struct thrumi_handle *handle)
{
    if (handle->phase != THRUMI_ERROR || handle->extra.error == NULL)
        return;
    thrumi_error_unhandled(handle->extra.error);
    handle->extra.error = NULL;
}

/* Ends one that is suspended. False: it lives on, by itself or by a reference
 * that its body has taken. */
static bool handle_end_suspended(struct thrumi_handle *handle)
{
    bool ended;

    atomic_store_explicit(&handle->refs, 1, memory_order_relaxed);
    ended = thrumi_handle_kill(handle);
    if (atomic_fetch_sub_explicit(&handle->refs, 1, memory_order_acq_rel) != 1)
        return false;
    if (!ended) {
        thrumi_handle_give_up(handle);
        return false;
    }
    handle_report_error(handle);
    return true;
}

void thrumi_handle_destroy(struct thrumi_handle *handle)
{
    if (handle->strand != NULL &&
        (handle->strand->stuck || thrumi_handle_is_inert(handle)))
        return;
    if (handle->strand != NULL && handle->strand->loom != NULL &&
        !handle_end_suspended(handle))
        return;
    if (handle->strand != NULL)
        thrumi_strand_free(handle->strand);
    if (handle->kind == THRUMI_STRAND_GREENLET)
        thrumi_greenlet_fini((struct thrum_greenlet *)handle);
    thrumi_handle_free(handle);
}

/* Has it begun in another thread? Then it is that thread's to destroy, also
 * when it has ended: the thread may just be on its way from it. */
static bool handle_is_foreign(struct thrumi_handle *handle)
{
    uint32_t owner = thrumi_handle_owner(handle);
    struct thrumi_loom *loom = thrumi_self()->loom;

    if (owner == 0 || (loom != NULL && loom->id == owner))
        return false;
    return thrumi_handle_state(handle) != THRUM_GENERATOR_CREATED;
}

/* Drops a reference, unless it is the last one. */
static bool handle_unref_shared(struct thrumi_handle *handle)
{
    unsigned refs = atomic_load_explicit(&handle->refs, memory_order_relaxed);

    while (refs > 1)
        /* release: pairs with the acquire of whoever drops the last one */
        if (atomic_compare_exchange_weak_explicit(
                &handle->refs, &refs, refs - 1, memory_order_release,
                memory_order_relaxed))
            return true;
    return false;
}

/* A generator that runs is destroyed when it stops. */
static void handle_orphan_generator(struct thrumi_loom *loom)
{
    loom->orphans++;
    atomic_fetch_or_explicit(&loom->attention, THRUMI_ORPHAN,
                             memory_order_relaxed);
}

/* Does it run? Then somebody else destroys it. */
static bool handle_leave_running(struct thrumi_handle *handle)
{
    struct thrumi_loom *loom = thrumi_self()->loom;

    if (handle->strand == NULL || handle->strand->loom == NULL)
        return false;
    if (handle->kind == THRUMI_STRAND_GREENLET)
        return loom->current == (struct thrum_greenlet *)handle;
    if (thrumi_handle_state(handle) != THRUM_GENERATOR_RUNNING)
        return false;
    handle_orphan_generator(loom);
    return true;
}

void thrumi_handle_unref(struct thrumi_handle *handle)
{
    if (thrumi_unlikely(handle_is_foreign(handle)) &&
        (handle_unref_shared(handle) ||
         thrumi_loom_drop(thrumi_handle_owner(handle), handle)))
        return;
    /* acq_rel: all uses of the others are over before it is destroyed */
    if (thrumi_fetch_sub(&handle->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (!handle_leave_running(handle))
        thrumi_handle_destroy(handle);
}

int thrumi_strand_land(void)
{
    struct thrumi_loom *loom = thrumi_self()->loom;
    struct thrumi_handle *orphan = loom->orphan;
    int rc = loom->landing_rc;

    thrumi_strand_reap(loom);
    loom->orphan = NULL;
    if (thrumi_unlikely(orphan != NULL))
        thrumi_handle_destroy(orphan);
    return rc;
}

void thrumi_handle_abandon(struct thrumi_handle *handle)
{
    thrumi_handle_set_state(handle, THRUM_GENERATOR_CLOSED);
    thrumi_defer_run(handle->strand);
    thrumi_handle_fail(handle, THRUM_EEXITED);
}
