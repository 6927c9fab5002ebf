/* SPDX-License-Identifier: MIT */
/*
 * hub/items.h - the items in a queue, in the order in which they are got.
 *
 * For first in first out and last in first out a ring of pointers; for
 * priorities a heap, whose entries also know when they came, so that those of
 * one priority stay in order. The array doubles when it is full, and is given
 * back when it has run empty and was large.
 *
 * Locking: none; the queue has it.
 */
#ifndef THRUMI_HUB_ITEMS_H
#define THRUMI_HUB_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct thrumi_item_entry {
    int64_t priority;
    uint64_t number; /* counts the items that came */
    void *item;
};

enum thrumi_items_order {
    THRUMI_ITEMS_OLDEST,
    THRUMI_ITEMS_NEWEST,
    THRUMI_ITEMS_LOWEST,
};

struct thrumi_items {
    enum thrumi_items_order order;
    union {
        void **ring;
        struct thrumi_item_entry *heap;
        void *memory;
    } of;
    size_t capacity; /* a power of two, or 0 */
    size_t head;     /* of the ring: the oldest; masked */
    size_t count;
    uint64_t number; /* of the next, in a heap */
};

void thrumi_items_init(struct thrumi_items *items,
                       enum thrumi_items_order order);
/* Frees the array, not what is in it. */
void thrumi_items_fini(struct thrumi_items *items);
/* Doubles the array; false when there is no memory. */
bool thrumi_items_grow(struct thrumi_items *items);
/* Adds one; there must be room. */
void thrumi_items_push(struct thrumi_items *items, void *item,
                       int64_t priority);
/* Takes the next; there must be one. */
void *thrumi_items_pop(struct thrumi_items *items);
/* The next; there must be one. */
void *thrumi_items_next(const struct thrumi_items *items);

/* Makes room for one more; false when there is no memory. */
static inline bool thrumi_items_reserve(struct thrumi_items *items)
{
    return items->count < items->capacity || thrumi_items_grow(items);
}

#endif /* THRUMI_HUB_ITEMS_H */
