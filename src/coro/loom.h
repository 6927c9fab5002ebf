/* SPDX-License-Identifier: MIT */
/*
 * coro/loom.h - finding the looms of other threads.
 */
#ifndef THRUMI_CORO_LOOM_H
#define THRUMI_CORO_LOOM_H

#include "coro/strand.h"

/* Is that thread still there? */
bool thrumi_loom_exists(uint32_t id);

/* Leaves a handle to its own thread, which destroys it at its next call of
 * this part of the library, or when it ends. False: that thread has ended. */
bool thrumi_loom_drop(uint32_t id, struct thrumi_handle *handle);

/* Destroys what other threads have left. */
void thrumi_loom_collect(struct thrumi_loom *loom);

static inline bool thrumi_loom_has_dropped(struct thrumi_loom *loom)
{
    /* relaxed: a moment later would do as well */
    return atomic_load_explicit(&loom->dropped, memory_order_relaxed) != NULL;
}

/* Calls fn for each strand that is in use, of all threads; stacks do not come
 * or go meanwhile. Stops when fn returns false. */
void thrumi_strand_each(bool (*fn)(struct thrumi_strand *strand, void *arg),
                        void *arg);

#endif /* THRUMI_CORO_LOOM_H */
