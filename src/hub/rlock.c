/* SPDX-License-Identifier: MIT */
/*
 * hub/rlock.c - a lock that its owner may acquire again.
 *
 * A lock, who has it, and how often. Only its owner finds himself in `owner`,
 * so that may be looked at without holding it.
 */
#include <errno.h>

#include "hub/lock.h"

struct rlock {
    thrum_lock lock;
    _Atomic(struct thrumi_context *) owner;
    unsigned depth; /* the owner's */
};

_Static_assert(sizeof(struct rlock) == sizeof(thrum_rlock),
               "programs have room for it");

static struct rlock *rlock_of(thrum_rlock *lock)
{
    return (struct rlock *)(void *)lock;
}

static bool rlock_mine(struct rlock *lock, const struct thrumi_context *me)
{
    return atomic_load_explicit(&lock->owner, memory_order_relaxed) == me;
}

static void rlock_own(struct rlock *lock, struct thrumi_context *owner,
                      unsigned depth)
{
    atomic_store_explicit(&lock->owner, owner, memory_order_relaxed);
    lock->depth = depth;
}

void thrum_rlock_init(thrum_rlock *lock)
{
    *lock = (thrum_rlock)THRUM_RLOCK_INIT;
}

void thrum_rlock_fini(thrum_rlock *lock)
{
    thrumi_sync_fini(thrumi_sync_of(&lock->lock.sync), "thrum_rlock_fini");
}

int thrum_rlock_acquire(thrum_rlock *rlock, thrum_time deadline)
{
    struct rlock *lock = rlock_of(rlock);
    struct thrumi_context *me = thrumi_lock_owner();
    int rc;

    if (rlock_mine(lock, me)) {
        lock->depth++;
        return 0;
    }
    rc = thrum_lock_acquire(&lock->lock, deadline);
    if (rc == 0)
        rlock_own(lock, me, 1);
    return rc;
}

int thrum_rlock_release(thrum_rlock *rlock)
{
    struct rlock *lock = rlock_of(rlock);

    if (!rlock_mine(lock, thrumi_lock_owner()))
        return -EPERM;
    if (--lock->depth > 0)
        return 0;
    rlock_own(lock, NULL, 0);
    thrum_lock_release(&lock->lock);
    return 0;
}

int thrum_condition_wait_rlock(thrum_condition *condition, thrum_rlock *rlock,
                               thrum_time deadline)
{
    struct rlock *lock = rlock_of(rlock);
    struct thrumi_context *me = thrumi_lock_owner();
    unsigned depth;
    int rc;

    if (!rlock_mine(lock, me))
        return -EPERM;
    depth = lock->depth;
    rlock_own(lock, NULL, 0);
    rc = thrum_condition_wait(condition, &lock->lock, deadline);
    rlock_own(lock, me, depth);
    return rc;
}
