/* SPDX-License-Identifier: MIT */
/*
 * coro/greenlet.h - between greenlet.c, which is the switch, and its kin.
 */
#ifndef THRUMI_CORO_GREENLET_H
#define THRUMI_CORO_GREENLET_H

#include "coro/handle.h"

/* The current greenlet of this thread, made if need be; NULL: no memory. */
struct thrum_greenlet *thrumi_greenlet_current(struct thrumi_loom *loom);

/* Lets the target go on with a value, or with a code and an error of it, which
 * is taken over; returns when somebody switches back. */
int thrumi_greenlet_go(struct thrumi_loom *loom, struct thrum_greenlet *target,
                       const struct thrumi_flight *flight, void **ret);

/* Cancels one that stands still, whoever it waits for; the caller has queued
 * itself in the hub, and returns when that lets it go on. */
void thrumi_greenlet_cancel(struct thrumi_loom *loom,
                            struct thrum_greenlet *greenlet);

/* Makes a strand of a hub the running one of a new greenlet, whose memory is a
 * record; and takes it off again when its function has come to `phase`. */
void thrumi_greenlet_dress(struct thrumi_loom *loom,
                           struct thrumi_strand *strand,
                           struct thrum_greenlet *greenlet);
void thrumi_greenlet_undress(struct thrumi_loom *loom,
                             struct thrum_greenlet *greenlet, unsigned phase);

/* What a greenlet's strand runs. */
struct thrumi_strand *thrumi_greenlet_run(struct thrumi_strand *strand);

/* Tells the hook of a switch that has arrived at the current greenlet; 0 or the
 * hook's code, which ends the tracing. In trace.c. */
int thrumi_trace(struct thrumi_loom *loom, thrum_greenlet_event event,
                 struct thrum_greenlet *origin);

static inline void thrumi_greenlet_set_parent(struct thrum_greenlet *greenlet,
                                              struct thrum_greenlet *parent)
{
    struct thrum_greenlet *old = greenlet->parent;

    if (parent != NULL)
        thrumi_handle_ref(&parent->handle);
    greenlet->parent = parent;
    if (old != NULL)
        thrumi_handle_unref(&old->handle);
}

#endif /* THRUMI_CORO_GREENLET_H */
