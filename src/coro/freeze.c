/* SPDX-License-Identifier: MIT */
/*
 * coro/freeze.c - stopping all switches of the process for a while.
 *
 * A dump reads stacks that belong to other threads. Whoever switches clears the
 * place where the target stopped and then looks at its loom's attention; whoever
 * dumps sets a bit there, on every loom, and then looks at the place. Each needs
 * a fence between the two, and the switch can afford none. So the one who dumps
 * has the kernel run a fence on every thread, with membarrier(2): either the
 * switch saw the bit and waits, or the dump sees that the strand runs.
 *
 * Whoever frees a strand does the same with its kind, so that what a dump has
 * found stays there until it is over.
 *
 * Memory-order partners: the bits here and ctx.pc in thrumi_strand_claim().
 *
 * Locking: freeze_lock, held from freeze to thaw, and the list of looms, so that
 * no thread begins with this meanwhile; then the lock of the stacks.
 */
#include "coro/freeze.h"

#include "coro/loom.h"
#include "sys/allbarrier.h"
#include "sys/mutex.h"
#include "sys/park.h"

static struct thrumi_global_mutex freeze_lock;

static void freeze_set(struct thrumi_loom *loom)
{
    atomic_fetch_or_explicit(&loom->attention, THRUMI_FROZEN,
                             memory_order_seq_cst);
}

static void freeze_clear(struct thrumi_loom *loom)
{
    /* release: pairs with the acquire of the one who waits */
    atomic_fetch_and_explicit(&loom->attention, ~(unsigned)THRUMI_FROZEN,
                              memory_order_release);
    thrumi_wake_word(&loom->attention, INT_MAX);
}

bool thrumi_strands_freeze(void)
{
    thrumi_global_mutex_lock(&freeze_lock);
    thrumi_looms_lock();
    thrumi_looms_each(freeze_set);
    return thrumi_all_barrier();
}

void thrumi_strands_thaw(void)
{
    thrumi_looms_each(freeze_clear);
    thrumi_looms_unlock();
    thrumi_global_mutex_unlock(&freeze_lock);
}

void thrumi_loom_thaw_wait(struct thrumi_loom *loom)
{
    unsigned seen;

    while (
        ((seen = atomic_load_explicit(&loom->attention, memory_order_acquire)) &
         THRUMI_FROZEN) != 0)
        thrumi_park_word(&loom->attention, seen, THRUM_FOREVER);
}
