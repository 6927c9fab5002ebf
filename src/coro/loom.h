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

/* Is there anything to be done before the next switch? */
static inline bool thrumi_loom_attention(struct thrumi_loom *loom)
{
    /* relaxed: a moment later would do as well */
    return atomic_load_explicit(&loom->attention, memory_order_relaxed) != 0;
}

/* All looms of the process, under the list's lock. */
void thrumi_looms_lock(void);
void thrumi_looms_unlock(void);
void thrumi_looms_each(void (*fn)(struct thrumi_loom *loom));

/* Calls fn for each strand that is in use, of all threads; stacks do not come
 * or go meanwhile. Stops when fn returns false. */
void thrumi_strand_each(bool (*fn)(struct thrumi_strand *strand, void *arg),
                        void *arg);

#endif /* THRUMI_CORO_LOOM_H */
