/* SPDX-License-Identifier: MIT */
/*
 * hub/lock.h - the lock, for those who give it back and want it again.
 */
#ifndef THRUMI_HUB_LOCK_H
#define THRUMI_HUB_LOCK_H

#include "hub/sync.h"

/* Acquires it, however long that takes: no deadline, no cancellation. */
void thrumi_lock_take(thrum_lock *lock);

/* Gives the lock to a node, which is woken when it has it: at once if it is
 * free, or in its turn. */
void thrumi_lock_give(thrum_lock *lock, struct thrumi_waitnode *node);

/* What an rlock's owner is: a greenlet, or a thread. */
static inline struct thrumi_context *thrumi_lock_owner(void)
{
    return thrumi_context_carrier(thrumi_context_running());
}

#endif /* THRUMI_HUB_LOCK_H */
