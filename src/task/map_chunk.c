/* SPDX-License-Identifier: MIT */
/*
 * task/map_chunk.c - several items of a map in one task.
 *
 * Each item has its own outcome, so an error is that item's alone (F60). A
 * chunk that is told to stop leaves its other items cancelled.
 */
#include "task/map_chunk.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "task/future.h"

struct map_chunk_item {
    void *arg;
    size_t size;                   /* of the copy; 0: it is none */
    struct thrumi_outcome outcome; /* phase 0: not run */
};

struct thrumi_map_chunk {
    atomic_uint refs; /* the map's and the task's */
    thrum_fn *fn;
    size_t length;
    struct map_chunk_item items[];
};

struct thrumi_map_chunk *thrumi_map_chunk_new(thrum_fn *fn, size_t capacity)
{
    struct thrumi_map_chunk *chunk = NULL;
    size_t bytes;

    if (!__builtin_mul_overflow(capacity, sizeof(chunk->items[0]), &bytes) &&
        bytes <= SIZE_MAX - sizeof(*chunk))
        chunk = thrumi_alloc(sizeof(*chunk) + bytes);
    if (chunk == NULL)
        return NULL;
    atomic_init(&chunk->refs, 2);
    chunk->fn = fn;
    chunk->length = 0;
    return chunk;
}

void thrumi_map_chunk_unref(void *arg)
{
    struct thrumi_map_chunk *chunk = arg;

    if (atomic_fetch_sub_explicit(&chunk->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < chunk->length; i++) {
        if (chunk->items[i].size > 0)
            thrumi_free(chunk->items[i].arg);
        thrumi_outcome_free(&chunk->items[i].outcome);
    }
    thrumi_free(chunk);
}

int thrumi_map_chunk_add(struct thrumi_map_chunk *chunk, void *arg, size_t size)
{
    struct map_chunk_item *item = &chunk->items[chunk->length];

    item->arg = arg;
    item->size = size;
    item->outcome = (struct thrumi_outcome){THRUMI_CANCELLED, NULL, NULL, NULL};
    if (size > 0) {
        item->arg = thrumi_alloc(size);
        if (item->arg == NULL)
            return -ENOMEM;
        memcpy(item->arg, arg, size);
    }
    chunk->length++;
    return 0;
}

size_t thrumi_map_chunk_length(const struct thrumi_map_chunk *chunk)
{
    return chunk->length;
}

/* The body of an item has the chunk's future, so that thrum_cancelled() asks
 * the right one. */
static void map_chunk_run_item(struct thrumi_map_chunk *chunk,
                               struct map_chunk_item *item)
{
    struct thrumi_context *context = thrumi_context_running();
    struct thrumi_body *outer = context->body;
    THRUMI_BODY body;
    void *value;

    thrumi_body_begin(context, &body, outer->future, outer->executor);
    body.part = true;
    value = chunk->fn(item->arg);
    thrumi_body_end(context, &body, value, &item->outcome);
}

void *thrumi_map_chunk_run(void *arg)
{
    struct thrumi_map_chunk *chunk = arg;
    thrum_future *future = thrumi_context_running()->body->future;

    for (size_t i = 0; i < chunk->length; i++) {
        if (i > 0 && future != NULL &&
            atomic_load_explicit(&future->cancel_requested,
                                 memory_order_relaxed))
            break;
        map_chunk_run_item(chunk, &chunk->items[i]);
    }
    return chunk;
}

const struct thrumi_outcome *
thrumi_map_chunk_outcome(const struct thrumi_map_chunk *chunk, size_t i)
{
    return &chunk->items[i].outcome;
}

thrum_fn *thrumi_map_chunk_fn(const struct thrumi_map_chunk *chunk)
{
    return chunk->fn;
}

const void *thrumi_map_chunk_item(const struct thrumi_map_chunk *chunk,
                                  size_t i, size_t *ret_size)
{
    *ret_size = chunk->items[i].size;
    return chunk->items[i].arg;
}

struct thrumi_outcome *thrumi_map_chunk_result(struct thrumi_map_chunk *chunk,
                                               size_t i)
{
    return &chunk->items[i].outcome;
}
