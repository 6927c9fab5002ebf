/* SPDX-License-Identifier: MIT */
/*
 * base/ring.h - a growable first-in first-out queue of calls.
 *
 * A slot is a function and its argument, 16 bytes; the array doubles when it
 * is full and is given back when it has run empty and was large.
 *
 * Locking: none; the owner has it. Only the length may be read by others.
 */
#ifndef THRUMI_BASE_RING_H
#define THRUMI_BASE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/slot.h"

struct thrumi_ring {
    struct thrumi_slot *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t head;     /* the oldest; both count up and are masked */
    size_t tail;
    atomic_size_t length; /* tail - head, for those without the lock */
};

void thrumi_ring_init(struct thrumi_ring *ring);
void thrumi_ring_fini(struct thrumi_ring *ring);
/* Makes room for `n` more; false when there is no memory. */
bool thrumi_ring_reserve(struct thrumi_ring *ring, size_t n);
/* Appends; there must be room. */
void thrumi_ring_push(struct thrumi_ring *ring, struct thrumi_slot slot);
bool thrumi_ring_pop(struct thrumi_ring *ring, struct thrumi_slot *ret);

static inline size_t thrumi_ring_length(struct thrumi_ring *ring)
{
    /* relaxed: a hint; who acts on it takes the lock. The parking protocol
     * has a fence between its own store and this load. */
    return atomic_load_explicit(&ring->length, memory_order_relaxed);
}

#endif /* THRUMI_BASE_RING_H */
