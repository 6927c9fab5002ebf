/* SPDX-License-Identifier: MIT */
/*
 * hub/waitgroup.c - until all of them are done.
 *
 * The state is how many are not done. The last one takes all who wait, in the
 * step that makes it none.
 */
#include "hub/sync.h"

#define WAITGROUP_ONE  (unsigned)THRUMI_SYNC_ONE
#define WAITGROUP_MOST (~0u / WAITGROUP_ONE)

static struct thrumi_sync *waitgroup_sync(thrum_waitgroup *group)
{
    return thrumi_sync_of(&group->sync);
}

void thrum_waitgroup_init(thrum_waitgroup *group)
{
    *group = (thrum_waitgroup)THRUM_WAITGROUP_INIT;
}

void thrum_waitgroup_fini(thrum_waitgroup *group)
{
    thrumi_sync_fini(waitgroup_sync(group), "thrum_waitgroup_fini");
}

unsigned thrum_waitgroup_count(const thrum_waitgroup *group)
{
    const struct thrumi_sync *sync = (const void *)&group->sync;

    /* acquire: pairs with the releases of those who are done */
    return atomic_load_explicit(&sync->word, memory_order_acquire) /
           WAITGROUP_ONE;
}

/* The word with n more; what it says besides stays. */
static unsigned waitgroup_more(unsigned word, unsigned n)
{
    if (n > WAITGROUP_MOST - word / WAITGROUP_ONE)
        thrumi_sync_misused("thrum_waitgroup_add", "too many");
    return word + n * WAITGROUP_ONE;
}

void thrum_waitgroup_add(thrum_waitgroup *group, unsigned n)
{
    struct thrumi_sync *sync = waitgroup_sync(group);
    unsigned word = atomic_load_explicit(&sync->word, memory_order_relaxed);

    while ((word & THRUMI_SYNC_BUSY) == 0)
        if (atomic_compare_exchange_weak_explicit(
                &sync->word, &word, waitgroup_more(word, n),
                memory_order_relaxed, memory_order_relaxed))
            return;
    thrumi_sync_leave(sync, waitgroup_more(thrumi_sync_enter(sync), n));
}

static unsigned waitgroup_less(unsigned word)
{
    if (word < WAITGROUP_ONE)
        thrumi_sync_misused("thrum_waitgroup_done", "more than were added");
    return word - WAITGROUP_ONE;
}

static __attribute__((noinline)) void
waitgroup_done_slow(struct thrumi_sync *sync)
{
    unsigned left = waitgroup_less(thrumi_sync_enter(sync));
    struct thrumi_waitnode *all =
        left == 0 ? thrumi_waitlist_take_all(&sync->waiters) : NULL;

    thrumi_sync_leave(sync, left);
    thrumi_waitnode_wake_all(all);
}

void thrum_waitgroup_done(thrum_waitgroup *group)
{
    struct thrumi_sync *sync = waitgroup_sync(group);
    unsigned word = atomic_load_explicit(&sync->word, memory_order_relaxed);

    /* Not when it is busy, nor when it is the last and somebody waits. */
    while ((word & THRUMI_SYNC_BUSY) == 0 &&
           ((word & THRUMI_SYNC_WAITERS) == 0 || word >= 2 * WAITGROUP_ONE))
        /* release: pairs with the acquire in thrum_waitgroup_count() */
        if (atomic_compare_exchange_weak_explicit(
                &sync->word, &word, waitgroup_less(word), memory_order_release,
                memory_order_relaxed))
            return;
    waitgroup_done_slow(sync);
}

static __attribute__((noinline)) int waitgroup_wait_slow(thrum_waitgroup *group,
                                                         thrum_time deadline)
{
    struct thrumi_sync *sync = waitgroup_sync(group);
    struct thrumi_sync_waiter waiter;
    unsigned left;

    thrumi_sync_waiter_init(&waiter, "waitgroup", group);
    left = thrumi_sync_enter(sync);
    if (left != 0)
        return thrumi_sync_wait(sync, &waiter, left, deadline);
    thrumi_sync_leave(sync, 0);
    return 0;
}

int thrum_waitgroup_wait(thrum_waitgroup *group, thrum_time deadline)
{
    thrumi_sync_spend(deadline);
    return thrum_waitgroup_count(group) == 0
               ? 0
               : waitgroup_wait_slow(group, deadline);
}
