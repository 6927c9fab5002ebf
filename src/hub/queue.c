/* SPDX-License-Identifier: MIT */
/*
 * hub/queue.c - items that one puts and another gets.
 *
 * Nobody waits to get while there is an item, and nobody waits to put while
 * there is room. So an item that comes goes straight to whoever has waited
 * longest to get, past the array; and whoever takes an item out of a full queue
 * puts in that of whoever has waited longest to put. Nobody who comes later can
 * be faster, since they find the queue as empty or as full as before.
 *
 * Waiting is one visit to the lock and one park; whoever is woken has its item
 * already, and does not come back for it.
 *
 * Locking: thrum_queue.lock, for a few instructions; the array grows under it.
 * The priority of an item is asked for before. Nobody is woken under it.
 *
 * Not here: waiting at several queues (select.c).
 */
#include "hub/queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <thrum/error.h>

#include "base/alloc.h"
#include "sys/clock.h"

/* ---- making and freeing ---- */

static bool queue_options_valid(const thrum_queue_options *options)
{
    switch (options->kind) {
    case THRUM_QUEUE_FIFO:
    case THRUM_QUEUE_LIFO:
        return true;
    case THRUM_QUEUE_PRIORITY:
        return options->priority != NULL;
    case THRUM_QUEUE_CHANNEL:
        return options->limit == 0;
    default:
        return false;
    }
}

static enum thrumi_items_order queue_order(thrum_queue_kind kind)
{
    if (kind == THRUM_QUEUE_PRIORITY)
        return THRUMI_ITEMS_LOWEST;
    return kind == THRUM_QUEUE_LIFO ? THRUMI_ITEMS_NEWEST : THRUMI_ITEMS_OLDEST;
}

int thrum_queue_new(const thrum_queue_options *options, thrum_queue **ret)
{
    static const thrum_queue_options defaults = THRUM_QUEUE_OPTIONS;
    thrum_queue *queue;

    if (options == NULL)
        options = &defaults;
    if (options->size != sizeof(*options) || !queue_options_valid(options))
        return -EINVAL;
    queue = thrumi_alloc_zero(sizeof(*queue));
    if (queue == NULL)
        return -ENOMEM;
    thrumi_spinlock_init(&queue->lock);
    queue->generation = thrumi_fork_generation();
    queue->channel = options->kind == THRUM_QUEUE_CHANNEL;
    thrumi_items_init(&queue->items, queue_order(options->kind));
    queue->limit = options->limit == 0 ? SIZE_MAX : options->limit;
    if (options->kind == THRUM_QUEUE_PRIORITY)
        queue->priority = options->priority;
    queue->priority_arg = options->priority_arg;
    queue->free_item = options->free_item;
    *ret = queue;
    return 0;
}

/* In a forked child those who waited are not there. */
static void queue_check_unused(thrum_queue *queue)
{
    if (thrumi_queue_inherited(queue) ||
        (thrumi_waitlist_empty(&queue->getters) &&
         thrumi_waitlist_empty(&queue->putters) &&
         thrumi_waitlist_empty(&queue->joiners)))
        return;
    fprintf(stderr, "thrum_queue_free: somebody waits at the queue\n");
    abort();
}

void thrum_queue_free(thrum_queue *queue)
{
    if (queue == NULL)
        return;
    queue_check_unused(queue);
    if (queue->free_item != NULL)
        while (queue->items.count > 0)
            queue->free_item(thrumi_items_pop(&queue->items));
    thrumi_items_fini(&queue->items);
    thrumi_free(queue);
}

/* ---- with the lock held ---- */

/* Serves the one that has waited longest: it is taken off, told what came of
 * its wish, and will be woken. NULL: there is none. */
static struct thrumi_queue_node *queue_serve(struct thrumi_waitlist *list,
                                             int rc,
                                             struct thrumi_queue_woken *woken)
{
    struct thrumi_waitnode *wait = thrumi_waitlist_take(list);
    struct thrumi_queue_node *node;

    if (wait == NULL)
        return NULL;
    *woken->end = wait;
    woken->end = &wait->after;
    node = thrumi_container_of(wait, struct thrumi_queue_node, wait);
    node->rc = rc;
    return node;
}

/* Hands the item to whoever waits for one: also to those who only look, up to
 * the first that takes it. False: nobody has taken it. */
static bool queue_hand_over(thrum_queue *queue, void *item,
                            struct thrumi_queue_woken *woken)
{
    struct thrumi_queue_node *getter;

    while ((getter = queue_serve(&queue->getters, 0, woken)) != NULL) {
        getter->item = item;
        if (!getter->peeks)
            return true;
    }
    return false;
}

int thrumi_queue_try_put(thrum_queue *queue, struct thrumi_queue_node *node,
                         struct thrumi_queue_woken *woken)
{
    if (queue->closed)
        return THRUM_ECLOSED;
    if (queue->items.count >= queue->limit)
        return THRUMI_QUEUE_WAIT;
    if (!queue->channel && !thrumi_items_reserve(&queue->items))
        return -ENOMEM;
    if (!queue_hand_over(queue, node->item, woken)) {
        if (queue->channel)
            return THRUMI_QUEUE_WAIT;
        thrumi_items_push(&queue->items, node->item, node->priority);
    }
    queue->unfinished++;
    return 0;
}

/* The item of whoever has waited longest to put takes the place of one that was
 * got. There is memory for it: the array had just that place too. */
static void queue_refill(thrum_queue *queue, struct thrumi_queue_woken *woken)
{
    struct thrumi_queue_node *putter = queue_serve(&queue->putters, 0, woken);

    if (putter == NULL)
        return;
    thrumi_items_push(&queue->items, putter->item, putter->priority);
    queue->unfinished++;
}

int thrumi_queue_try_get(thrum_queue *queue, struct thrumi_queue_node *node,
                         struct thrumi_queue_woken *woken)
{
    struct thrumi_queue_node *putter;

    if (queue->items.count > 0) {
        if (node->peeks) {
            node->item = thrumi_items_next(&queue->items);
        } else {
            node->item = thrumi_items_pop(&queue->items);
            queue_refill(queue, woken);
        }
        return 0;
    }
    putter = queue_serve(&queue->putters, 0, woken); /* of a channel */
    if (putter == NULL)
        return queue->closed ? THRUM_ECLOSED : THRUMI_QUEUE_WAIT;
    node->item = putter->item;
    queue->unfinished++;
    return 0;
}

/* ---- putting and getting ---- */

static bool queue_is_past(thrum_time deadline)
{
    return deadline.ns <= 0 || thrumi_time_past(deadline);
}

/* What those on the list wait for, in words. */
static const char *queue_wish(const thrum_queue *queue,
                              const struct thrumi_waitlist *list)
{
    if (list == &queue->getters)
        return "item in queue";
    return list == &queue->putters ? "room in queue" : "end of work of queue";
}

/* Takes one off that gives up. False: it was served before. */
static bool queue_withdraw(thrum_queue *queue, struct thrumi_queue_node *node,
                           struct thrumi_waitlist *list)
{
    bool removed;

    thrumi_spinlock_lock(&queue->lock);
    removed = thrumi_waitlist_remove(list, &node->wait);
    thrumi_spinlock_unlock(&queue->lock);
    if (!removed)
        thrumi_parking_finish(node->wait.parking);
    return removed;
}

/* Waits on the list; the lock is held, and dropped. */
static int queue_park(thrum_queue *queue, struct thrumi_queue_node *node,
                      struct thrumi_waitlist *list, thrum_time deadline)
{
    struct thrumi_parking parking;
    int rc;

    thrumi_parking_init(&parking);
    thrumi_parking_for(&parking, queue_wish(queue, list), queue);
    thrumi_waitnode_init(&node->wait, &parking);
    thrumi_waitlist_add(list, &node->wait);
    thrumi_spinlock_unlock(&queue->lock);
    rc = thrumi_parking_wait(&parking, deadline);
    if (rc != 0 && !queue_withdraw(queue, node, list))
        rc = 0;
    return rc == 0 ? node->rc : rc;
}

/* One who never waits must not keep the thread for ever, but for who asked not
 * to give the turn away. */
static inline void queue_spend(thrum_time deadline)
{
    if (deadline.ns > 0)
        thrumi_context_spend();
}

/* Tries, and waits on the list if that is what it says. The lock is held, and
 * dropped. */
static int queue_do_locked(thrum_queue *queue, struct thrumi_queue_node *node,
                           thrumi_queue_try *try, struct thrumi_waitlist *list,
                           thrum_time deadline)
{
    struct thrumi_queue_woken woken = {NULL, &woken.first};
    int rc = try(queue, node, &woken);

    if (rc == THRUMI_QUEUE_WAIT && !queue_is_past(deadline))
        return queue_park(queue, node, list, deadline);
    thrumi_spinlock_unlock(&queue->lock);
    thrumi_waitnode_wake_all(woken.first);
    if (rc == THRUMI_QUEUE_WAIT)
        return -ETIMEDOUT;
    queue_spend(deadline);
    return rc;
}

static int queue_do(thrum_queue *queue, struct thrumi_queue_node *node,
                    thrumi_queue_try *try, struct thrumi_waitlist *list,
                    thrum_time deadline)
{
    if (thrumi_unlikely(thrumi_queue_inherited(queue)))
        return -ECHILD;
    thrumi_spinlock_lock(&queue->lock);
    return queue_do_locked(queue, node, try, list, deadline);
}

/* The quick way of a put, with the lock held: if the first that waits to get
 * waits for just that, the item is its, and it is to be woken. NULL: it is not
 * that easy. */
static inline struct thrumi_parking *queue_hop(thrum_queue *queue, void *item)
{
    struct thrumi_waitnode *first = thrumi_waitlist_first(&queue->getters);
    struct thrumi_queue_node *getter;

    if (first == NULL || first->claim != NULL)
        return NULL;
    getter = thrumi_container_of(first, struct thrumi_queue_node, wait);
    if (getter->peeks)
        return NULL;
    thrumi_waitlist_remove(&queue->getters, first);
    getter->item = item;
    getter->rc = 0;
    queue->unfinished++;
    return first->parking;
}

int thrum_queue_put(thrum_queue *queue, void *item, thrum_time deadline)
{
    struct thrumi_queue_node node;
    struct thrumi_parking *getter;

    if (thrumi_unlikely(thrumi_queue_inherited(queue)))
        return -ECHILD;
    node.item = item;
    node.priority = thrumi_queue_priority(queue, item);
    thrumi_spinlock_lock(&queue->lock);
    getter = queue_hop(queue, item);
    if (getter == NULL)
        return queue_do_locked(queue, &node, thrumi_queue_try_put,
                               &queue->putters, deadline);
    thrumi_spinlock_unlock(&queue->lock);
    thrumi_parking_wake(getter);
    queue_spend(deadline);
    return 0;
}

static int queue_get(thrum_queue *queue, bool peeks, thrum_time deadline,
                     void **ret_item)
{
    struct thrumi_queue_node node;
    int rc;

    node.peeks = peeks;
    rc =
        queue_do(queue, &node, thrumi_queue_try_get, &queue->getters, deadline);
    if (rc == 0)
        *ret_item = node.item;
    return rc;
}

int thrum_queue_get(thrum_queue *queue, thrum_time deadline, void **ret_item)
{
    return queue_get(queue, false, deadline, ret_item);
}

int thrum_queue_peek(thrum_queue *queue, thrum_time deadline, void **ret_item)
{
    if (queue->channel)
        return -ENOTSUP;
    return queue_get(queue, true, deadline, ret_item);
}

/* ---- joining ---- */

static void queue_serve_all(struct thrumi_waitlist *list, int rc,
                            struct thrumi_queue_woken *woken)
{
    while (queue_serve(list, rc, woken) != NULL)
        ;
}

int thrum_queue_task_done(thrum_queue *queue)
{
    struct thrumi_queue_woken woken = {NULL, &woken.first};
    int rc = -EINVAL;

    if (thrumi_queue_inherited(queue))
        return -ECHILD;
    thrumi_spinlock_lock(&queue->lock);
    if (queue->unfinished > 0) {
        rc = 0;
        if (--queue->unfinished == 0)
            queue_serve_all(&queue->joiners, 0, &woken);
    }
    thrumi_spinlock_unlock(&queue->lock);
    thrumi_waitnode_wake_all(woken.first);
    return rc;
}

static int queue_try_join(thrum_queue *queue, struct thrumi_queue_node *node,
                          struct thrumi_queue_woken *woken)
{
    (void)node;
    (void)woken;
    return queue->unfinished == 0 ? 0 : THRUMI_QUEUE_WAIT;
}

int thrum_queue_join(thrum_queue *queue, thrum_time deadline)
{
    struct thrumi_queue_node node;

    return queue_do(queue, &node, queue_try_join, &queue->joiners, deadline);
}

/* ---- closing and looking ---- */

/* Those who wait to get are at an empty queue, and will get nothing. */
void thrum_queue_close(thrum_queue *queue)
{
    struct thrumi_queue_woken woken = {NULL, &woken.first};

    if (thrumi_queue_inherited(queue))
        return;
    thrumi_spinlock_lock(&queue->lock);
    queue->closed = true;
    queue_serve_all(&queue->putters, THRUM_ECLOSED, &woken);
    queue_serve_all(&queue->getters, THRUM_ECLOSED, &woken);
    thrumi_spinlock_unlock(&queue->lock);
    thrumi_waitnode_wake_all(woken.first);
}

bool thrum_queue_closed(thrum_queue *queue)
{
    bool closed;

    if (thrumi_queue_inherited(queue))
        return queue->closed; /* the lock may be held by nobody who is there */
    thrumi_spinlock_lock(&queue->lock);
    closed = queue->closed;
    thrumi_spinlock_unlock(&queue->lock);
    return closed;
}

size_t thrum_queue_len(thrum_queue *queue)
{
    size_t count;

    if (thrumi_queue_inherited(queue))
        return queue->items.count;
    thrumi_spinlock_lock(&queue->lock);
    count = queue->items.count;
    thrumi_spinlock_unlock(&queue->lock);
    return count;
}
