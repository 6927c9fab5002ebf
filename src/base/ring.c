/* SPDX-License-Identifier: MIT */
/*
 * base/ring.c - a growable first-in first-out queue of calls.
 */
#include "base/ring.h"

#include "base/alloc.h"

#define RING_SMALL 64   /* slots of the first array */
#define RING_LARGE 8192 /* an empty array above this is given back */

void thrumi_ring_init(struct thrumi_ring *ring)
{
    ring->slots = NULL;
    ring->capacity = 0;
    ring->head = 0;
    ring->tail = 0;
    atomic_init(&ring->length, 0);
}

void thrumi_ring_fini(struct thrumi_ring *ring)
{
    thrumi_free(ring->slots);
    ring->slots = NULL;
}

static void ring_set_length(struct thrumi_ring *ring)
{
    atomic_store_explicit(&ring->length, ring->tail - ring->head,
                          memory_order_relaxed);
}

static bool ring_resize(struct thrumi_ring *ring, size_t capacity)
{
    struct thrumi_slot *slots = thrumi_alloc_array(capacity, sizeof(*slots));

    if (slots == NULL)
        return false;
    for (size_t i = ring->head; i != ring->tail; i++)
        slots[i & (capacity - 1)] = ring->slots[i & (ring->capacity - 1)];
    thrumi_free(ring->slots);
    ring->slots = slots;
    ring->capacity = capacity;
    return true;
}

bool thrumi_ring_reserve(struct thrumi_ring *ring, size_t n)
{
    size_t length = ring->tail - ring->head;
    size_t capacity = ring->capacity == 0 ? RING_SMALL : ring->capacity;

    while (capacity - length < n) {
        if (capacity > SIZE_MAX / 2)
            return false;
        capacity *= 2;
    }
    return capacity == ring->capacity || ring_resize(ring, capacity);
}

void thrumi_ring_push(struct thrumi_ring *ring, struct thrumi_slot slot)
{
    ring->slots[ring->tail++ & (ring->capacity - 1)] = slot;
    ring_set_length(ring);
}

bool thrumi_ring_pop(struct thrumi_ring *ring, struct thrumi_slot *ret)
{
    if (ring->head == ring->tail)
        return false;
    *ret = ring->slots[ring->head++ & (ring->capacity - 1)];
    ring_set_length(ring);
    if (ring->head == ring->tail && ring->capacity > RING_LARGE) {
        thrumi_ring_fini(ring);
        ring->capacity = 0;
    }
    return true;
}
