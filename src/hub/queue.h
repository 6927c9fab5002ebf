/* SPDX-License-Identifier: MIT */
/*
 * hub/queue.h - a queue from inside, for a wait at several.
 */
#ifndef THRUMI_HUB_QUEUE_H
#define THRUMI_HUB_QUEUE_H

#include <limits.h>

#include <thrum/queue.h>

#include "hub/items.h"
#include "sys/fork.h"
#include "sys/spinlock.h"
#include "task/waitlist.h"

/* Somebody who wants to put or to get, and perhaps waits for it. */
struct thrumi_queue_node {
    struct thrumi_waitnode wait;
    bool peeks;       /* the item is to stay in the queue */
    int rc;           /* what came of it, if it was taken off a list */
    void *item;       /* to put, or got */
    int64_t priority; /* of what is put */
};

struct thrum_queue {
    struct thrumi_spinlock lock;
    uint16_t generation; /* of the process that made it, see sys/fork.h */
    bool channel;
    bool closed;                    /* guarded by lock from here on: */
    struct thrumi_items items;      /* none in a channel */
    size_t limit;                   /* SIZE_MAX: none */
    size_t unfinished;              /* items put and not done */
    struct thrumi_waitlist getters; /* all three: thrumi_queue_node.wait */
    struct thrumi_waitlist putters;
    struct thrumi_waitlist joiners;
    int64_t (*priority)(const void *item, void *arg); /* NULL: has none */
    void *priority_arg;
    void (*free_item)(void *item);
};

/* Those who were served, the first of them first, to be woken when no lock is
 * held any more. */
struct thrumi_queue_woken {
    struct thrumi_waitnode *first;
    struct thrumi_waitnode **end; /* where the next is to be put */
};

/* What a try says that would have to wait. */
#define THRUMI_QUEUE_WAIT INT_MIN

/* Tries what the node is for, with the lock held. Returns THRUMI_QUEUE_WAIT, or
 * what came of it. Those who were served by it join `woken`. */
typedef int thrumi_queue_try(thrum_queue *queue, struct thrumi_queue_node *node,
                             struct thrumi_queue_woken *woken);
thrumi_queue_try thrumi_queue_try_put; /* 0, THRUM_ECLOSED, -ENOMEM */
thrumi_queue_try thrumi_queue_try_get; /* 0, THRUM_ECLOSED */

static inline int64_t thrumi_queue_priority(thrum_queue *queue,
                                            const void *item)
{
    if (thrumi_likely(queue->priority == NULL))
        return 0;
    return queue->priority(item, queue->priority_arg);
}

static inline bool thrumi_queue_inherited(const thrum_queue *queue)
{
    return queue->generation != thrumi_fork_generation();
}

#endif /* THRUMI_HUB_QUEUE_H */
