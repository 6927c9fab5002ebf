/* SPDX-License-Identifier: MIT */
/*
 * hub/items.c - the items in a queue, in the order in which they are got.
 */
#include "hub/items.h"

#include "base/alloc.h"
#include "base/container.h"

#define ITEMS_SMALL 16   /* entries of the first array */
#define ITEMS_LARGE 8192 /* an empty array above this is given back */

void thrumi_items_init(struct thrumi_items *items,
                       enum thrumi_items_order order)
{
    items->order = order;
    items->of.memory = NULL;
    items->capacity = 0;
    items->head = 0;
    items->count = 0;
    items->number = 0;
}

void thrumi_items_fini(struct thrumi_items *items)
{
    thrumi_free(items->of.memory);
    items->of.memory = NULL;
    items->capacity = 0;
}

/* ---- the ring ---- */

static void **items_place(const struct thrumi_items *items, size_t index)
{
    return &items->of.ring[(items->head + index) & (items->capacity - 1)];
}

static bool items_grow_ring(struct thrumi_items *items, size_t capacity)
{
    void **ring = thrumi_alloc_array(capacity, sizeof(*ring));

    if (ring == NULL)
        return false;
    for (size_t i = 0; i < items->count; i++)
        ring[i] = *items_place(items, i);
    thrumi_free(items->of.ring);
    items->of.ring = ring;
    items->head = 0;
    return true;
}

/* ---- the heap: each is not after its two children, 2i+1 and 2i+2 ---- */

static bool items_before(const struct thrumi_item_entry *a,
                         const struct thrumi_item_entry *b)
{
    if (a->priority != b->priority)
        return a->priority < b->priority;
    return a->number < b->number;
}

static void items_sift_up(struct thrumi_item_entry *heap, size_t at,
                          struct thrumi_item_entry entry)
{
    while (at > 0 && items_before(&entry, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = entry;
}

static void items_sift_down(struct thrumi_item_entry *heap, size_t count,
                            struct thrumi_item_entry entry)
{
    size_t at = 0;
    size_t child;

    while ((child = 2 * at + 1) < count) {
        if (child + 1 < count && items_before(&heap[child + 1], &heap[child]))
            child++;
        if (!items_before(&heap[child], &entry))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = entry;
}

static bool items_grow_heap(struct thrumi_items *items, size_t capacity)
{
    struct thrumi_item_entry *heap =
        thrumi_alloc_array(capacity, sizeof(*heap));

    if (heap == NULL)
        return false;
    for (size_t i = 0; i < items->count; i++)
        heap[i] = items->of.heap[i];
    thrumi_free(items->of.heap);
    items->of.heap = heap;
    return true;
}

static void *items_pop_heap(struct thrumi_items *items)
{
    struct thrumi_item_entry *heap = items->of.heap;
    void *item = heap[0].item;

    items->count--;
    if (items->count > 0)
        items_sift_down(heap, items->count, heap[items->count]);
    return item;
}

/* ---- both ---- */

bool thrumi_items_grow(struct thrumi_items *items)
{
    size_t capacity = items->capacity * 2;
    bool grown;

    if (items->capacity == 0)
        capacity = ITEMS_SMALL;
    if (capacity < items->capacity)
        return false;
    if (items->order == THRUMI_ITEMS_LOWEST)
        grown = items_grow_heap(items, capacity);
    else
        grown = items_grow_ring(items, capacity);
    if (grown)
        items->capacity = capacity;
    return grown;
}

void thrumi_items_push(struct thrumi_items *items, void *item, int64_t priority)
{
    if (items->order == THRUMI_ITEMS_LOWEST) {
        struct thrumi_item_entry entry = {priority, items->number++, item};

        items_sift_up(items->of.heap, items->count, entry);
    } else {
        *items_place(items, items->count) = item;
    }
    items->count++;
}

static void *items_pop_ring(struct thrumi_items *items)
{
    void *item;

    items->count--;
    if (items->order == THRUMI_ITEMS_NEWEST)
        return *items_place(items, items->count);
    item = *items_place(items, 0);
    items->head = (items->head + 1) & (items->capacity - 1);
    return item;
}

void *thrumi_items_pop(struct thrumi_items *items)
{
    void *item = items->order == THRUMI_ITEMS_LOWEST ? items_pop_heap(items)
                                                     : items_pop_ring(items);

    if (thrumi_unlikely(items->count == 0 && items->capacity > ITEMS_LARGE))
        thrumi_items_fini(items);
    return item;
}

void *thrumi_items_next(const struct thrumi_items *items)
{
    switch (items->order) {
    case THRUMI_ITEMS_LOWEST:
        return items->of.heap[0].item;
    case THRUMI_ITEMS_NEWEST:
        return *items_place(items, items->count - 1);
    case THRUMI_ITEMS_OLDEST:
    default:
        return *items_place(items, 0);
    }
}
