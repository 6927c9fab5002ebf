/* SPDX-License-Identifier: MIT */
/*
 * hub/event.c - something that has happened, or not yet.
 *
 * The state is one bit: set. It is never set while there are waiters: a set
 * takes them all and changes the state in one step, so that those who come
 * after a clear are not among them.
 *
 * Both set and clear are read-modify-writes, also where they change nothing:
 * who clears sees what was written before the set that he undoes.
 */
#include "hub/sync.h"

#define EVENT_SET (unsigned)THRUMI_SYNC_ONE

static struct thrumi_sync *event_sync(thrum_event *event)
{
    return thrumi_sync_of(&event->sync);
}

void thrum_event_init(thrum_event *event)
{
    *event = (thrum_event)THRUM_EVENT_INIT;
}

void thrum_event_fini(thrum_event *event)
{
    thrumi_sync_fini(event_sync(event), "thrum_event_fini");
}

bool thrum_event_is_set(const thrum_event *event)
{
    const struct thrumi_sync *sync = (const void *)&event->sync;

    /* acquire: pairs with the release of the set */
    return (atomic_load_explicit(&sync->word, memory_order_acquire) &
            EVENT_SET) != 0;
}

static __attribute__((noinline)) void event_set_slow(struct thrumi_sync *sync)
{
    struct thrumi_waitnode *all;

    thrumi_sync_enter(sync);
    all = thrumi_waitlist_take_all(&sync->waiters);
    thrumi_sync_leave(sync, EVENT_SET);
    thrumi_waitnode_wake_all(all);
}

/* Changes the state if the word has no flags. */
static bool event_change(struct thrumi_sync *sync, unsigned state)
{
    unsigned word = atomic_load_explicit(&sync->word, memory_order_relaxed);

    while ((word & THRUMI_SYNC_FLAGS) == 0)
        /* release: pairs with the acquires of those who see it set; acquire:
           with the release of the set that is undone */
        if (atomic_compare_exchange_weak_explicit(&sync->word, &word, state,
                                                  memory_order_acq_rel,
                                                  memory_order_relaxed))
            return true;
    return false;
}

void thrum_event_set(thrum_event *event)
{
    struct thrumi_sync *sync = event_sync(event);

    if (!event_change(sync, EVENT_SET))
        event_set_slow(sync);
}

void thrum_event_clear(thrum_event *event)
{
    struct thrumi_sync *sync = event_sync(event);

    if (event_change(sync, 0))
        return;
    thrumi_sync_enter(sync);
    thrumi_sync_leave(sync, 0);
}

static __attribute__((noinline)) int event_wait_slow(thrum_event *event,
                                                     thrum_time deadline)
{
    struct thrumi_sync *sync = event_sync(event);
    struct thrumi_sync_waiter waiter;

    thrumi_sync_waiter_init(&waiter, "event", event);
    if (thrumi_sync_enter(sync) == 0)
        return thrumi_sync_wait(sync, &waiter, 0, deadline);
    thrumi_sync_leave(sync, EVENT_SET);
    return 0;
}

int thrum_event_wait(thrum_event *event, thrum_time deadline)
{
    thrumi_sync_spend(deadline);
    return thrum_event_is_set(event) ? 0 : event_wait_slow(event, deadline);
}

bool thrumi_event_listen(thrum_event *event, struct thrumi_waitnode *node)
{
    struct thrumi_sync *sync = event_sync(event);
    unsigned state = thrumi_sync_enter(sync);

    if (state == 0)
        thrumi_waitlist_add(&sync->waiters, node);
    thrumi_sync_leave(sync, state);
    return state == 0;
}

void thrumi_event_unlisten(thrum_event *event, struct thrumi_waitnode *node)
{
    struct thrumi_sync *sync = event_sync(event);
    unsigned state = thrumi_sync_enter(sync);

    thrumi_waitlist_remove(&sync->waiters, node);
    thrumi_sync_leave(sync, state);
}
