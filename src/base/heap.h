/* SPDX-License-Identifier: MIT */
/*
 * base/heap.h - what comes first, by an exact key.
 *
 * A heap of four children to a node: an array of keys with pointers to what
 * they belong to, so that to compare is to look at the array alone. What is in
 * it knows its place there, and so can be taken out from the middle.
 *
 * Locking: none; the owner has it.
 */
#ifndef THRUMI_BASE_HEAP_H
#define THRUMI_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lies in what is ordered; zeroed, it is in no heap. */
struct thrumi_heap_node {
    size_t index;  /* its place, counted from 1; 0: in no heap */
    uint64_t came; /* its number, for the order of equal keys */
};

struct thrumi_heap_entry {
    int64_t key;
    struct thrumi_heap_node *node;
};

struct thrumi_heap {
    struct thrumi_heap_entry *entries; /* the first at 0 */
    size_t length;
    size_t capacity;
    uint64_t came; /* how many ever came */
};

void thrumi_heap_init(struct thrumi_heap *heap);
void thrumi_heap_fini(struct thrumi_heap *heap);
/* False when there is no memory. */
bool thrumi_heap_push(struct thrumi_heap *heap, struct thrumi_heap_node *node,
                      int64_t key);
/* Nothing for a node that is in no heap. */
void thrumi_heap_remove(struct thrumi_heap *heap,
                        struct thrumi_heap_node *node);
/* Takes the first off, or returns NULL. Equal keys leave as they came. */
struct thrumi_heap_node *thrumi_heap_pop(struct thrumi_heap *heap);

static inline size_t thrumi_heap_length(const struct thrumi_heap *heap)
{
    return heap->length;
}

/* The one with the smallest key, which stays; or NULL. */
static inline struct thrumi_heap_node *
thrumi_heap_first(const struct thrumi_heap *heap)
{
    return heap->length == 0 ? NULL : heap->entries[0].node;
}

/* Its key; INT64_MAX when there is none. */
static inline int64_t thrumi_heap_first_key(const struct thrumi_heap *heap)
{
    return heap->length == 0 ? INT64_MAX : heap->entries[0].key;
}

static inline bool thrumi_heap_node_listed(const struct thrumi_heap_node *node)
{
    return node->index != 0;
}

/* The key of a node that is in the heap. */
static inline int64_t thrumi_heap_key(const struct thrumi_heap *heap,
                                      const struct thrumi_heap_node *node)
{
    return heap->entries[node->index - 1].key;
}

#endif /* THRUMI_BASE_HEAP_H */
