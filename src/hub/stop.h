/* SPDX-License-Identifier: MIT */
/*
 * hub/stop.h - the switch from a greenlet that waits to the next.
 *
 * Inline, for the same reason as coro/switch.h: each call between a user's code
 * and the switch is a return that the processor predicts wrongly.
 */
#ifndef THRUMI_HUB_STOP_H
#define THRUMI_HUB_STOP_H

#include "coro/switch.h"
#include "hub/hub.h"

/* A greenlet that its program made is kept by the hub while it waits. Inline
 * below. */
static inline bool thrumi_stop_holds(const struct thrumi_hub *hub,
                                     const struct thrum_greenlet *greenlet)
{
    return !greenlet->handle.spawned && greenlet != hub->main;
}

/* What a switch is to see to, other than to switch: see schedule.c. */
void thrumi_stop_arrive_slow(struct thrumi_hub *hub,
                             struct thrum_greenlet *here);

THRUMI_INLINE void thrumi_stop_switch(struct thrumi_loom *loom,
                                      struct thrumi_strand *to)
{
#if THRUMI_STRAND_QUICK
    struct thrumi_self *self = thrumi_self();
    struct thrumi_strand *from = self->strand;
    void *pc;

    if (thrumi_likely(thrumi_strand_claim(loom, to, &pc))) {
        thrumi_strand_exchange(self, loom, from, to);
        (void)thrumi_ctx_switch(&from->ctx, &to->ctx, pc, NULL);
        return;
    }
#else
    (void)loom;
#endif
    thrumi_strand_switch(to);
}

/* Who goes on; nearly always that is another that was woken. */
THRUMI_INLINE struct thrumi_strand *thrumi_stop_next(struct thrumi_hub *hub)
{
    uintptr_t ready = hub->ready.first;
    struct thrumi_strand *strand;

    if (thrumi_unlikely(ready == 0 || hub->turns_left == 0 ||
                        thrumi_ready_kind(ready) != THRUMI_READY_STOP))
        return thrumi_hub_next(hub, NULL);
    hub->turns_left--;
    (void)thrumi_ready_pop(&hub->ready);
    strand = thrumi_hub_resume(hub, thrumi_ready_of(ready));
    thrumi_hub_note_switch(hub, strand);
    return strand;
}

/* Stops the current greenlet until the stop is taken off the queue. */
THRUMI_INLINE void thrumi_stop(struct thrumi_hub *hub, struct thrumi_stop *stop)
{
    struct thrumi_loom *loom = hub->loom;
    struct thrumi_strand *strand = thrumi_self()->strand;
    struct thrum_greenlet *here = loom->current;
    struct thrumi_strand *to;
    int error = *loom->errno_at;

    thrum_hub_runs = 0;
    stop->greenlet = here;
    hub->calls_left = THRUMI_HUB_CALLS;
    here->at = strand;
    if (thrumi_unlikely(thrumi_stop_holds(hub, here)))
        thrumi_handle_ref(&here->handle);
    thrumi_handle_set_ready(&here->handle, THRUMI_PARKED);
    if (here == hub->main)
        hub->main_stop = stop;
    to = thrumi_stop_next(hub);
    if (to != strand)
        thrumi_stop_switch(loom, to);
    if (here == hub->main)
        hub->main_stop = NULL;
    if (thrumi_unlikely(loom->dead != NULL || loom->orphan != NULL ||
                        loom->trace != NULL || thrumi_stop_holds(hub, here)))
        thrumi_stop_arrive_slow(hub, here);
    thrum_hub_runs = 1;
    *loom->errno_at = error;
}

#endif /* THRUMI_HUB_STOP_H */
