/* SPDX-License-Identifier: MIT */
/*
 * monkey/lot.c - buckets of those that wait, by address.
 *
 * A signal handler may give a semaphore back, and find its own thread inside of
 * a bucket: so a lock that is not free is left alone, and who waits finds out by
 * itself.
 *
 * Locking: a bucket's lock is held to change its list and to wake, and nothing
 * else is taken under it but what the wake needs.
 */
#include "monkey/lot.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>

#include <thrum/scope.h>

#define LOT_BUCKETS  16u /* a fork takes all; ThreadSanitizer knows 64 locks */
#define LOT_FIRST_NS INT64_C(1000000)
#define LOT_LAST_NS  INT64_C(10000000)
#define LOT_LONG     3600 /* s */

struct lot_bucket {
    pthread_mutex_t lock;
    /* guarded by lock: */
    struct thrumi_link waits; /* of .link, oldest first; next NULL: none yet */
} __attribute__((aligned(64)));

static struct lot_bucket lot_buckets[LOT_BUCKETS] = {
    [0 ... LOT_BUCKETS - 1] = {PTHREAD_MUTEX_INITIALIZER, {NULL, NULL}}};

atomic_uint thrumi_lot_waiting;

static struct lot_bucket *lot_bucket(const void *at)
{
    uint64_t hash = (uintptr_t)at / 8 * UINT64_C(0x9e3779b97f4a7c15);

    return &lot_buckets[hash >> 60];
}

void thrumi_lot_enter(struct thrumi_lot_wait *wait, const void *at)
{
    struct lot_bucket *bucket = lot_bucket(at);

    wait->at = at;
    thrum_event_init(&wait->event);
    pthread_mutex_lock(&bucket->lock);
    if (bucket->waits.next == NULL)
        thrumi_list_init(&bucket->waits);
    thrumi_list_append(&bucket->waits, &wait->link);
    pthread_mutex_unlock(&bucket->lock);
    atomic_fetch_add_explicit(&thrumi_lot_waiting, 1, memory_order_seq_cst);
    thrumi_fence(&thrumi_lot_waiting);
}

bool thrumi_lot_leave(struct thrumi_lot_wait *wait)
{
    struct lot_bucket *bucket = lot_bucket(wait->at);
    bool woken;

    atomic_fetch_sub_explicit(&thrumi_lot_waiting, 1, memory_order_relaxed);
    pthread_mutex_lock(&bucket->lock);
    thrumi_list_remove(&wait->link);
    woken = thrum_event_is_set(&wait->event);
    pthread_mutex_unlock(&bucket->lock);
    thrum_event_fini(&wait->event);
    return woken;
}

static thrum_time lot_earlier(thrum_time a, thrum_time b)
{
    return a.ns < b.ns ? a : b;
}

/* Never without an end: a hub where nothing else is left to wait for would take
 * it for a deadlock, which is to look here as it does with threads. */
int thrumi_lot_wait(struct thrumi_lot_wait *wait, thrum_time deadline)
{
    int rc = -ETIMEDOUT;

    THRUM_SHIELD
    {
        do
            rc = thrum_event_wait(&wait->event,
                                  lot_earlier(deadline, thrum_in_s(LOT_LONG)));
        while (rc != 0 && thrum_now().ns < deadline.ns);
    }
    return rc == 0 ? 0 : -ETIMEDOUT;
}

static bool lot_lock(struct lot_bucket *bucket, unsigned how)
{
    if (how & THRUMI_LOT_SIGNAL)
        return pthread_mutex_trylock(&bucket->lock) == 0;
    return pthread_mutex_lock(&bucket->lock) == 0;
}

void thrumi_lot_wake_some(const void *at, unsigned how)
{
    struct lot_bucket *bucket = lot_bucket(at);
    bool go_on = true;

    if (!lot_lock(bucket, how))
        return;
    for (struct thrumi_link *link = bucket->waits.next;
         link != NULL && link != &bucket->waits && go_on; link = link->next) {
        struct thrumi_lot_wait *wait =
            thrumi_container_of(link, struct thrumi_lot_wait, link);

        if (wait->at != at || thrum_event_is_set(&wait->event))
            continue;
        thrum_event_set(&wait->event);
        go_on = (how & THRUMI_LOT_ALL) != 0;
    }
    pthread_mutex_unlock(&bucket->lock);
}

static int lot_take_waiting(struct thrumi_lot_wait *wait, void *object,
                            int (*try)(void *object), thrum_time deadline)
{
    int64_t pause = LOT_FIRST_NS;

    for (;;) {
        int rc;

        thrum_event_clear(&wait->event);
        rc = try(object);
        if (rc != EBUSY)
            return rc;
        if (deadline.ns <= thrum_now().ns)
            return ETIMEDOUT;
        (void)thrumi_lot_wait(wait, lot_earlier(deadline, thrum_in_ns(pause)));
        pause = pause * 2 < LOT_LAST_NS ? pause * 2 : LOT_LAST_NS;
    }
}

int thrumi_lot_take(void *object, int (*try)(void *object), thrum_time deadline)
{
    struct thrumi_lot_wait wait;
    int rc = try(object);

    if (rc != EBUSY)
        return rc;
    thrumi_lot_enter(&wait, object);
    rc = lot_take_waiting(&wait, object, try, deadline);
    /* it may have been woken when it gave up: the next is to know */
    if (thrumi_lot_leave(&wait) && rc == ETIMEDOUT)
        thrumi_lot_wake(object, 0);
    return rc;
}

/* ---- fork ---- */

void thrumi_lot_before_fork(void)
{
    for (unsigned i = 0; i < LOT_BUCKETS; i++)
        pthread_mutex_lock(&lot_buckets[i].lock);
}

void thrumi_lot_after_fork(bool child)
{
    for (unsigned i = 0; i < LOT_BUCKETS; i++) {
        if (child)
            thrumi_list_init(&lot_buckets[i].waits);
        pthread_mutex_unlock(&lot_buckets[i].lock);
    }
    if (child)
        atomic_store_explicit(&thrumi_lot_waiting, 0, memory_order_relaxed);
}
