/* SPDX-License-Identifier: MIT */
/*
 * hub/condition.c - to wait, without the lock, until it is worth looking.
 *
 * A waiter's node is on the condition's list, and a notify moves it to the
 * lock's: it wakes up when it has the lock, not before, so that nobody is woken
 * in order to wait again. Which of the two lists it is on is said by `notified`,
 * which the condition's busy bit guards.
 *
 * A wait that ends without a notify takes its node off and acquires the lock,
 * however long that takes; one that finds itself notified waits for the lock
 * that is on its way to it, and has succeeded.
 */
#include <errno.h>

#include "hub/lock.h"

struct condition_waiter {
    struct thrumi_sync_waiter waiter;
    thrum_lock *lock;
    bool notified; /* guarded by the condition's busy bit */
};

static struct thrumi_sync *condition_sync(thrum_condition *condition)
{
    return thrumi_sync_of(&condition->sync);
}

static struct condition_waiter *
condition_waiter_of(struct thrumi_waitnode *node)
{
    return thrumi_container_of(node, struct condition_waiter, waiter.node);
}

void thrum_condition_init(thrum_condition *condition)
{
    *condition = (thrum_condition)THRUM_CONDITION_INIT;
}

void thrum_condition_fini(thrum_condition *condition)
{
    thrumi_sync_fini(condition_sync(condition), "thrum_condition_fini");
}

/* Takes its node off, unless it was notified. */
static bool condition_give_up(struct thrumi_sync *sync,
                              struct condition_waiter *self)
{
    bool notified;

    thrumi_sync_enter(sync);
    notified = self->notified;
    if (!notified)
        thrumi_waitlist_remove(&sync->waiters, &self->waiter.node);
    thrumi_sync_leave(sync, 0);
    return !notified;
}

int thrum_condition_wait(thrum_condition *condition, thrum_lock *lock,
                         thrum_time deadline)
{
    struct thrumi_sync *sync = condition_sync(condition);
    struct condition_waiter self = {.lock = lock, .notified = false};
    int rc;

    thrumi_sync_waiter_init(&self.waiter, "condition", condition);
    if (thrumi_context_in_callback(self.waiter.parking.context))
        return THRUM_ECONTEXT; /* with the lock as it is */
    thrumi_sync_enter(sync);
    thrumi_waitlist_add(&sync->waiters, &self.waiter.node);
    thrumi_sync_leave(sync, 0);
    thrum_lock_release(lock);
    rc = thrumi_parking_wait(&self.waiter.parking, deadline);
    if (rc == 0)
        return 0;
    if (condition_give_up(sync, &self)) {
        thrumi_lock_take(lock);
        return rc;
    }
    thrumi_parking_finish(&self.waiter.parking);
    return 0;
}

/* Does anybody wait? Who has held the lock since they came sees them. */
static bool condition_awaited(thrum_condition *condition)
{
    return atomic_load_explicit(&condition_sync(condition)->word,
                                memory_order_relaxed) != 0;
}

static void condition_notify(thrum_condition *condition, bool all)
{
    struct thrumi_sync *sync = condition_sync(condition);
    struct thrumi_waitnode *node;
    struct thrumi_waitnode *first;

    thrumi_sync_enter(sync);
    first = all ? thrumi_waitlist_take_all(&sync->waiters)
                : thrumi_waitlist_take(&sync->waiters);
    for (node = first; node != NULL; node = node->after)
        condition_waiter_of(node)->notified = true;
    thrumi_sync_leave(sync, 0);
    while (first != NULL) {
        node = first;
        first = first->after; /* it may have the lock, and go */
        thrumi_lock_give(condition_waiter_of(node)->lock, node);
    }
}

void thrum_condition_notify(thrum_condition *condition)
{
    if (condition_awaited(condition))
        condition_notify(condition, false);
}

void thrum_condition_notify_all(thrum_condition *condition)
{
    if (condition_awaited(condition))
        condition_notify(condition, true);
}
