/* SPDX-License-Identifier: MIT */
/*
 * base/heap.c - what comes first, by an exact key.
 *
 * The children of the entry at i are at 4 i + 1 to 4 i + 4, and none comes
 * before it. The array doubles when it is full; it is given back when the heap
 * has run empty and it was large. To take something out needs no memory.
 */
#include "base/heap.h"

#include "base/alloc.h"

#define HEAP_WIDTH 4    /* children of an entry */
#define HEAP_SMALL 64   /* entries of the first array */
#define HEAP_LARGE 8192 /* an empty array above this is given back */

void thrumi_heap_init(struct thrumi_heap *heap)
{
    heap->entries = NULL;
    heap->length = 0;
    heap->capacity = 0;
    heap->came = 0;
}

void thrumi_heap_fini(struct thrumi_heap *heap)
{
    thrumi_free(heap->entries);
    heap->entries = NULL;
    heap->length = 0;
    heap->capacity = 0;
}

static bool heap_grow(struct thrumi_heap *heap)
{
    size_t capacity = heap->capacity == 0 ? HEAP_SMALL : heap->capacity * 2;
    struct thrumi_heap_entry *entries =
        thrumi_alloc_array(capacity, sizeof(*entries));

    if (entries == NULL)
        return false;
    for (size_t i = 0; i < heap->length; i++)
        entries[i] = heap->entries[i];
    thrumi_free(heap->entries);
    heap->entries = entries;
    heap->capacity = capacity;
    return true;
}

static bool heap_before(struct thrumi_heap_entry a, struct thrumi_heap_entry b)
{
    if (a.key != b.key)
        return a.key < b.key;
    return a.node->came < b.node->came;
}

static void heap_set(struct thrumi_heap *heap, size_t at,
                     struct thrumi_heap_entry entry)
{
    heap->entries[at] = entry;
    entry.node->index = at + 1;
}

/* Puts the entry into the hole at `at`, or above it. */
static void heap_rise(struct thrumi_heap *heap, size_t at,
                      struct thrumi_heap_entry entry)
{
    while (at > 0) {
        size_t parent = (at - 1) / HEAP_WIDTH;

        if (!heap_before(entry, heap->entries[parent]))
            break;
        heap_set(heap, at, heap->entries[parent]);
        at = parent;
    }
    heap_set(heap, at, entry);
}

/* The first of the children of `at`, or 0 when there is none. */
static size_t heap_child(const struct thrumi_heap *heap, size_t at)
{
    size_t child = at * HEAP_WIDTH + 1;
    size_t end = child + HEAP_WIDTH;
    size_t first = child;

    if (child >= heap->length)
        return 0;
    if (end > heap->length)
        end = heap->length;
    while (++child < end)
        if (heap_before(heap->entries[child], heap->entries[first]))
            first = child;
    return first;
}

/* Puts the entry into the hole at `at`, or below it. */
static void heap_sink(struct thrumi_heap *heap, size_t at,
                      struct thrumi_heap_entry entry)
{
    for (;;) {
        size_t child = heap_child(heap, at);

        if (child == 0 || !heap_before(heap->entries[child], entry))
            break;
        heap_set(heap, at, heap->entries[child]);
        at = child;
    }
    heap_set(heap, at, entry);
}

bool thrumi_heap_push(struct thrumi_heap *heap, struct thrumi_heap_node *node,
                      int64_t key)
{
    if (heap->length == heap->capacity && !heap_grow(heap))
        return false;
    node->came = heap->came++;
    heap_rise(heap, heap->length++, (struct thrumi_heap_entry){key, node});
    return true;
}

/* Fills the hole at `at` with the last entry. */
static void heap_fill(struct thrumi_heap *heap, size_t at)
{
    struct thrumi_heap_entry last = heap->entries[--heap->length];

    if (at == heap->length)
        return;
    if (at > 0 && heap_before(last, heap->entries[(at - 1) / HEAP_WIDTH]))
        heap_rise(heap, at, last);
    else
        heap_sink(heap, at, last);
}

void thrumi_heap_remove(struct thrumi_heap *heap, struct thrumi_heap_node *node)
{
    if (!thrumi_heap_node_listed(node))
        return;
    heap_fill(heap, node->index - 1);
    node->index = 0;
    if (heap->length == 0 && heap->capacity > HEAP_LARGE)
        thrumi_heap_fini(heap);
}

struct thrumi_heap_node *thrumi_heap_pop(struct thrumi_heap *heap)
{
    struct thrumi_heap_node *first = thrumi_heap_first(heap);

    if (first != NULL)
        thrumi_heap_remove(heap, first);
    return first;
}
