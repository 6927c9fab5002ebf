/* SPDX-License-Identifier: MIT */
/*
 * coro/freeze.c - stopping all switches of the process for a while.
 *
 * A dump reads stacks that belong to other threads. Whoever switches clears the
 * place where the target stopped and then looks at the frozen word; whoever
 * dumps sets the word and then looks at the place. Each needs a fence between
 * the two, and the switch can afford none. So the one who dumps has the kernel
 * run a fence on every thread, with membarrier(2): either the switch saw the
 * word and waits, or the dump sees that the strand runs.
 *
 * Memory-order partners: the word here and ctx.pc in strand_claim().
 *
 * Locking: freeze_lock, held from freeze to thaw; nothing is locked under it
 * but the stacks.
 */
#include "coro/freeze.h"

#include "coro/strand.h"
#include "sys/allbarrier.h"
#include "sys/mutex.h"
#include "sys/park.h"

static struct thrumi_global_mutex freeze_lock;

bool thrumi_strands_freeze(void)
{
    thrumi_global_mutex_lock(&freeze_lock);
    atomic_store_explicit(&thrumi_strands_frozen, 1, memory_order_seq_cst);
    return thrumi_all_barrier();
}

void thrumi_strands_thaw(void)
{
    /* release: pairs with the acquire of those who wait */
    atomic_store_explicit(&thrumi_strands_frozen, 0, memory_order_release);
    thrumi_wake_word(&thrumi_strands_frozen, INT_MAX);
    thrumi_global_mutex_unlock(&freeze_lock);
}

void thrumi_strand_thaw_wait(void)
{
    while (atomic_load_explicit(&thrumi_strands_frozen, memory_order_acquire) !=
           0)
        thrumi_park_word(&thrumi_strands_frozen, 1, THRUM_FOREVER);
}
