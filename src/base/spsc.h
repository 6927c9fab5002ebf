/* SPDX-License-Identifier: MIT */
/*
 * base/spsc.h - the indexes of a ring with one producer and one consumer,
 * which need not trust each other.
 *
 *     head ............ tail          both count up; slot i is i % capacity
 *       taken next        put next
 *
 * The ring's slots lie elsewhere; here is only who may touch which of them. The
 * two indexes lie in memory that both sides share, maybe between processes, and
 * each is written by one side. What a side knows is kept in memory of its own,
 * so that another process which writes nonsense can only be believed or not: an
 * index that goes back, or further than there are slots, marks the ring as
 * broken, and nothing more comes out of it or goes in.
 *
 * A consumer may look at the slot at `mine` and keep it while it works: it is
 * the producer's again with thrumi_spsc_take(), not before.
 *
 * Lock-free; test/model/spsc_test.c sees every small schedule.
 */
#ifndef THRUMI_BASE_SPSC_H
#define THRUMI_BASE_SPSC_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/container.h"

/* Shared; all zero is an empty ring. */
struct thrumi_spsc {
    alignas(THRUMI_CACHE_LINE) _Atomic uint64_t tail; /* the producer's */
    alignas(THRUMI_CACHE_LINE) _Atomic uint64_t head; /* the consumer's */
};

/* One side of it, in that side's own memory. */
struct thrumi_spsc_side {
    struct thrumi_spsc *shared;
    uint64_t capacity;
    uint64_t mine;   /* the index that this side writes */
    uint64_t others; /* the other one, as last seen */
    bool broken;     /* the other side wrote nonsense */
};

static inline void thrumi_spsc_init(struct thrumi_spsc_side *side,
                                    struct thrumi_spsc *shared,
                                    uint64_t capacity)
{
    side->shared = shared;
    side->capacity = capacity;
    side->mine = 0;
    side->others = 0;
    side->broken = false;
}

/* ---- the producer ---- */

/* Looks how far the consumer is. */
static inline void thrumi_spsc_see_head(struct thrumi_spsc_side *side)
{
    /* acquire: pairs with the release in thrumi_spsc_take(): the consumer is
     * done with the slots before it */
    uint64_t head =
        atomic_load_explicit(&side->shared->head, memory_order_acquire);

    if (thrumi_unlikely(head < side->others || head > side->mine))
        side->broken = true;
    else
        side->others = head;
}

/* Is there a slot to put something into? It is the one at `mine`. */
static inline bool thrumi_spsc_has_room(struct thrumi_spsc_side *side)
{
    if (side->mine - side->others == side->capacity)
        thrumi_spsc_see_head(side);
    return side->mine - side->others < side->capacity && !side->broken;
}

/* Hands the slot at `mine` over. */
static inline void thrumi_spsc_put(struct thrumi_spsc_side *side)
{
    side->mine++;
    /* release: pairs with the acquire in thrumi_spsc_has_item() */
    atomic_store_explicit(&side->shared->tail, side->mine,
                          memory_order_release);
}

/* ---- the consumer ---- */

/* Is there a slot to look at? It is the one at `mine`. */
static inline bool thrumi_spsc_has_item(struct thrumi_spsc_side *side)
{
    uint64_t tail;

    if (side->mine == side->others) {
        /* acquire: pairs with the release in thrumi_spsc_put() */
        tail = atomic_load_explicit(&side->shared->tail, memory_order_acquire);
        if (thrumi_unlikely(tail < side->mine ||
                            tail - side->mine > side->capacity))
            side->broken = true;
        else
            side->others = tail;
    }
    return side->mine != side->others && !side->broken;
}

/* Is there something to be done about the ring: an item, or that it is broken?
 * To be asked before one sleeps. */
static inline bool thrumi_spsc_has_news(struct thrumi_spsc_side *side)
{
    return thrumi_spsc_has_item(side) || side->broken;
}

/* Gives the slot at `mine` back. */
static inline void thrumi_spsc_take(struct thrumi_spsc_side *side)
{
    side->mine++;
    /* release: pairs with the acquire in thrumi_spsc_see_head() */
    atomic_store_explicit(&side->shared->head, side->mine,
                          memory_order_release);
}

#endif /* THRUMI_BASE_SPSC_H */
