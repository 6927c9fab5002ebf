/* SPDX-License-Identifier: MIT */
/*
 * hub/once.c - a function that is to succeed once.
 *
 * The state says whether it runs, or has succeeded. One that fails hands its
 * turn to the oldest that waits, who then calls the function himself; so does
 * one that does not come back, because its thread ends or an exception passes.
 */
#include <errno.h>

#include "hub/lock.h"

#define ONCE_RUNNING (unsigned)THRUMI_SYNC_ONE
#define ONCE_DONE    (unsigned)(THRUMI_SYNC_ONE * 2)

struct once {
    struct thrumi_sync sync;
    struct thrumi_context *owner; /* who calls it; guarded by the busy bit */
};

struct once_waiter {
    struct thrumi_sync_waiter waiter;
    struct thrumi_context *self;
    bool turn; /* it is to call the function */
};

_Static_assert(sizeof(struct once) == sizeof(thrum_once),
               "programs have room for it");

static struct once *once_of(thrum_once *once)
{
    return (struct once *)(void *)once;
}

void thrum_once_init(thrum_once *once)
{
    *once = (thrum_once)THRUM_ONCE_INIT;
}

void thrum_once_fini(thrum_once *once)
{
    thrumi_sync_fini(&once_of(once)->sync, "thrum_once_fini");
}

bool thrum_once_is_done(const thrum_once *once)
{
    const struct thrumi_sync *sync = (const void *)&once->sync;

    /* acquire: pairs with the release of the leave in once_succeed() */
    return (atomic_load_explicit(&sync->word, memory_order_acquire) &
            ONCE_DONE) != 0;
}

static void once_succeed(struct thrumi_sync *sync)
{
    struct thrumi_waitnode *all;

    thrumi_sync_enter(sync);
    all = thrumi_waitlist_take_all(&sync->waiters);
    thrumi_sync_leave(sync, ONCE_DONE);
    thrumi_waitnode_wake_all(all);
}

/* Gives the turn to the oldest who waits. */
static void once_fail(struct once *once)
{
    struct thrumi_waitnode *node;

    thrumi_sync_enter(&once->sync);
    node = thrumi_waitlist_first(&once->sync.waiters);
    once->owner = NULL;
    if (node != NULL) {
        struct once_waiter *next =
            thrumi_container_of(node, struct once_waiter, waiter.node);

        once->owner = next->self;
        next->turn = true;
    }
    thrumi_sync_hand_over(&once->sync, ONCE_RUNNING, 0);
}

/* At the end of the frame that calls the function, however that is left. */
static void once_left(struct once **running)
{
    if (*running != NULL)
        once_fail(*running);
}

static int once_run(struct once *once, int (*fn)(void *arg), void *arg)
{
    __attribute__((cleanup(once_left))) struct once *running = once;
    int rc = fn(arg);

    running = NULL;
    if (rc == 0)
        once_succeed(&once->sync);
    else
        once_fail(once);
    return rc;
}

/* 0, done; 1, it is the caller's turn; or a code. The word is busy. */
static int once_wait(struct once *once, unsigned state,
                     struct once_waiter *waiter, thrum_time deadline)
{
    int rc;

    if (state == ONCE_RUNNING && once->owner != waiter->self) {
        rc = thrumi_sync_wait(&once->sync, &waiter->waiter, state, deadline);
        return rc == 0 ? waiter->turn : rc;
    }
    if (state == 0)
        once->owner = waiter->self;
    thrumi_sync_leave(&once->sync, state == 0 ? ONCE_RUNNING : state);
    return state == 0 ? 1 : state == ONCE_DONE ? 0 : -EDEADLK;
}

int thrum_once_call(thrum_once *object, int (*fn)(void *arg), void *arg,
                    thrum_time deadline)
{
    struct once *once = once_of(object);
    struct once_waiter waiter = {.turn = false};
    int rc;

    if (thrumi_likely(thrum_once_is_done(object)))
        return 0;
    waiter.self = thrumi_lock_owner();
    thrumi_sync_waiter_init(&waiter.waiter, "once", object);
    rc = once_wait(once, thrumi_sync_enter(&once->sync), &waiter, deadline);
    return rc == 1 ? once_run(once, fn, arg) : rc;
}
