/* SPDX-License-Identifier: MIT */
/*
 * hub/rwlock.c - many readers or one writer, in the order in which they came.
 *
 * The state is either one bit, a writer has it, or how many readers do. While
 * somebody waits nobody passes him, so a stream of readers does not keep a
 * writer out, nor a stream of writers a reader: whoever comes is put on the
 * list, and what is at its head is let in when it can be, all of the readers
 * there together.
 */
#include <errno.h>

#include "hub/sync.h"

#define RWLOCK_WRITER (unsigned)THRUMI_SYNC_ONE
#define RWLOCK_READER (unsigned)(THRUMI_SYNC_ONE * 2)

/* Nobody may be let in past others, nor while the list is being changed. */
#define RWLOCK_CLOSED (unsigned)THRUMI_SYNC_FLAGS

struct rwlock_waiter {
    struct thrumi_sync_waiter waiter;
    bool writes;
};

static struct thrumi_sync *rwlock_sync(thrum_rwlock *lock)
{
    return thrumi_sync_of(&lock->sync);
}

static bool rwlock_writes(const struct thrumi_waitnode *node)
{
    return thrumi_container_of(node, struct rwlock_waiter, waiter.node)->writes;
}

void thrum_rwlock_init(thrum_rwlock *lock)
{
    *lock = (thrum_rwlock)THRUM_RWLOCK_INIT;
}

void thrum_rwlock_fini(thrum_rwlock *lock)
{
    thrumi_sync_fini(rwlock_sync(lock), "thrum_rwlock_fini");
}

/* Can one more be let in? */
static bool rwlock_admits(unsigned state, bool writes)
{
    return writes ? state == 0 : (state & RWLOCK_WRITER) == 0;
}

static unsigned rwlock_admitted(unsigned state, bool writes)
{
    return writes ? RWLOCK_WRITER : state + RWLOCK_READER;
}

/* Lets those in who can be, and leaves. */
static void rwlock_open(struct thrumi_sync *sync, unsigned state)
{
    struct thrumi_waitnode *first = NULL;
    struct thrumi_waitnode **end = &first;
    struct thrumi_waitnode *node;

    while ((node = thrumi_waitlist_first(&sync->waiters)) != NULL &&
           rwlock_admits(state, rwlock_writes(node))) {
        state = rwlock_admitted(state, rwlock_writes(node));
        *end = thrumi_waitlist_take(&sync->waiters);
        end = &node->after;
    }
    thrumi_sync_leave(sync, state);
    thrumi_waitnode_wake_all(first);
}

/* One that gives up may have stood before others who can be let in now. */
static int rwlock_park(struct thrumi_sync *sync, struct rwlock_waiter *self,
                       unsigned state, thrum_time deadline)
{
    int rc = thrumi_sync_park(sync, &self->waiter, state, deadline);
    bool removed;

    if (rc == 0)
        return 0;
    state = thrumi_sync_enter(sync);
    removed = thrumi_waitlist_remove(&sync->waiters, &self->waiter.node);
    rwlock_open(sync, state);
    if (removed)
        return rc;
    thrumi_parking_finish(&self->waiter.parking);
    return 0;
}

static __attribute__((noinline)) int
rwlock_acquire_slow(thrum_rwlock *lock, bool writes, thrum_time deadline)
{
    struct thrumi_sync *sync = rwlock_sync(lock);
    struct rwlock_waiter self = {.writes = writes};
    unsigned state;

    thrumi_sync_waiter_init(
        &self.waiter, writes ? "rwlock, to write" : "rwlock, to read", lock);
    state = thrumi_sync_enter(sync);
    if (thrumi_waitlist_empty(&sync->waiters) && rwlock_admits(state, writes)) {
        thrumi_sync_leave(sync, rwlock_admitted(state, writes));
        return 0;
    }
    if (deadline.ns <= 0) {
        thrumi_sync_leave(sync, state);
        return -ETIMEDOUT;
    }
    return rwlock_park(sync, &self, state, deadline);
}

int thrum_rwlock_acquire_read(thrum_rwlock *lock, thrum_time deadline)
{
    struct thrumi_sync *sync = rwlock_sync(lock);
    unsigned word;

    thrumi_sync_spend(deadline);
    word = atomic_load_explicit(&sync->word, memory_order_relaxed);
    while ((word & (RWLOCK_CLOSED | RWLOCK_WRITER)) == 0)
        /* acquire: pairs with the release of a writer */
        if (atomic_compare_exchange_weak_explicit(
                &sync->word, &word, word + RWLOCK_READER, memory_order_acquire,
                memory_order_relaxed))
            return 0;
    return rwlock_acquire_slow(lock, false, deadline);
}

int thrum_rwlock_acquire_write(thrum_rwlock *lock, thrum_time deadline)
{
    struct thrumi_sync *sync = rwlock_sync(lock);
    unsigned unlocked = 0;

    thrumi_sync_spend(deadline);
    /* acquire: pairs with the releases of those who had it */
    if (atomic_compare_exchange_strong_explicit(
            &sync->word, &unlocked, RWLOCK_WRITER, memory_order_acquire,
            memory_order_relaxed))
        return 0;
    return rwlock_acquire_slow(lock, true, deadline);
}

/* What is left when one of those who have it is gone. */
static unsigned rwlock_released(unsigned state)
{
    if (state == 0)
        thrumi_sync_misused("thrum_rwlock_release", "the lock is not held");
    return state == RWLOCK_WRITER ? 0 : state - RWLOCK_READER;
}

void thrum_rwlock_release(thrum_rwlock *lock)
{
    struct thrumi_sync *sync = rwlock_sync(lock);
    unsigned word = atomic_load_explicit(&sync->word, memory_order_relaxed);

    while ((word & RWLOCK_CLOSED) == 0)
        /* release: pairs with the acquires of those who come next */
        if (atomic_compare_exchange_weak_explicit(
                &sync->word, &word, rwlock_released(word), memory_order_release,
                memory_order_relaxed))
            return;
    rwlock_open(sync, rwlock_released(thrumi_sync_enter(sync)));
}
