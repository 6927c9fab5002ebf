/* SPDX-License-Identifier: MIT */
/*
 * base/alloc.c - the library's memory.
 *
 * One allocator for the process, set before first use: memory that was taken
 * from one must not be given back to another, so the first allocation closes
 * the door.
 */
#include "base/alloc.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <thrum/base.h>

static struct {
    thrum_allocator hook; /* alloc NULL: malloc and free */
    atomic_bool used;
} alloc_state;

int thrum_set_allocator(const thrum_allocator *allocator)
{
    const thrum_allocator none = {sizeof(none), NULL, NULL, NULL};

    if (allocator == NULL)
        allocator = &none;
    else if (allocator->size < sizeof(*allocator) || allocator->alloc == NULL ||
             allocator->free == NULL)
        return -EINVAL;
    if (atomic_load_explicit(&alloc_state.used, memory_order_relaxed))
        return -EBUSY;
    alloc_state.hook = *allocator;
    return 0;
}

void *thrumi_alloc(size_t bytes)
{
    if (!atomic_load_explicit(&alloc_state.used, memory_order_relaxed))
        atomic_store_explicit(&alloc_state.used, true, memory_order_relaxed);
    if (alloc_state.hook.alloc != NULL)
        return alloc_state.hook.alloc(bytes, alloc_state.hook.arg);
    return malloc(bytes);
}

void *thrumi_alloc_zero(size_t bytes)
{
    void *memory = thrumi_alloc(bytes);

    if (memory != NULL)
        memset(memory, 0, bytes);
    return memory;
}

void *thrumi_alloc_array(size_t count, size_t bytes)
{
    size_t product;

    if (__builtin_mul_overflow(count, bytes, &product))
        return NULL;
    return thrumi_alloc(product);
}

void thrumi_free(void *memory)
{
    if (memory == NULL)
        return;
    if (alloc_state.hook.free != NULL)
        alloc_state.hook.free(memory, alloc_state.hook.arg);
    else
        free(memory);
}

char *thrumi_strdup(const char *text)
{
    size_t bytes;
    char *copy;

    if (text == NULL)
        return NULL;
    bytes = strlen(text) + 1;
    copy = thrumi_alloc(bytes);
    if (copy != NULL)
        memcpy(copy, text, bytes);
    return copy;
}
