/* SPDX-License-Identifier: MIT */
/*
 * task/map_packed.h - several items of a map in one task, as bytes, for an
 * executor that does not share our memory.
 */
#ifndef THRUMI_TASK_MAP_PACKED_H
#define THRUMI_TASK_MAP_PACKED_H

#include "task/map_chunk.h"

/* The bytes of a chunk's items, their count in `*ret_size`; to be freed with
 * thrumi_free(). NULL without memory. */
void *thrumi_map_packed_new(const struct thrumi_map_chunk *chunk,
                            size_t *ret_size);
/* The function of the items; the first bytes are its address. */
thrum_fn *thrumi_map_packed_fn(const void *packed);

/* The function of a task whose argument is packed. Executors know by it that
 * the function in there is the one to be called, wherever that lies there. */
void *thrumi_map_packed_entry(void *packed);
/* Calls fn with each item, each a body of its own. What they came to is the
 * result, as bytes. */
void *thrumi_map_packed_run(thrum_fn *fn, const void *packed, size_t size);

/* Writes into the chunk what its items came to; those that the bytes do not tell
 * of stay cancelled. */
void thrumi_map_packed_read(struct thrumi_map_chunk *chunk, const void *result,
                            size_t size);

#endif /* THRUMI_TASK_MAP_PACKED_H */
