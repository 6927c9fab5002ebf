/* SPDX-License-Identifier: MIT */
/*
 * task/map_chunk.h - several items of a map in one task.
 */
#ifndef THRUMI_TASK_MAP_CHUNK_H
#define THRUMI_TASK_MAP_CHUNK_H

#include <thrum/executor.h>

#include "task/body.h"

struct thrumi_map_chunk;

/* Makes an empty chunk for up to `capacity` items; NULL without memory. It is
 * shared by the map and the task: each drops it once. */
struct thrumi_map_chunk *thrumi_map_chunk_new(thrum_fn *fn, size_t capacity);
void thrumi_map_chunk_unref(void *chunk);

/* Adds an item, copied if it has a size; 0 or -ENOMEM. */
int thrumi_map_chunk_add(struct thrumi_map_chunk *chunk, void *item,
                         size_t size);
size_t thrumi_map_chunk_length(const struct thrumi_map_chunk *chunk);
thrum_fn *thrumi_map_chunk_fn(const struct thrumi_map_chunk *chunk);
/* Item `i`, and the size of its copy. */
const void *thrumi_map_chunk_item(const struct thrumi_map_chunk *chunk,
                                  size_t i, size_t *ret_size);
/* Where what item `i` came to is written by who has it from elsewhere. */
struct thrumi_outcome *thrumi_map_chunk_result(struct thrumi_map_chunk *chunk,
                                               size_t i);

/* The task's function: calls fn with each item, each a body of its own. */
void *thrumi_map_chunk_run(void *chunk);

/* What item `i` came to, once the task has a value. */
const struct thrumi_outcome *
thrumi_map_chunk_outcome(const struct thrumi_map_chunk *chunk, size_t i);

#endif /* THRUMI_TASK_MAP_CHUNK_H */
