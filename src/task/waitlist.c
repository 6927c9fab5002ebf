/* SPDX-License-Identifier: MIT */
/*
 * task/waitlist.c - those who wait for one thing: first come, first served.
 *
 * The list is a ring without a head, as that of a future is, so that an empty
 * one is all zero and lies anywhere. A node that is not on a list has no next.
 *
 * Locking: none here but where it parks; see the header.
 */
#include "task/waitlist.h"

#include <errno.h>

#include "sys/clock.h"

static void waitnode_wake_parking(struct thrumi_waiter *waiter)
{
    struct thrumi_waitnode *node =
        thrumi_container_of(waiter, struct thrumi_waitnode, waiter);

    thrumi_parking_wake(node->parking);
}

void thrumi_waitnode_init(struct thrumi_waitnode *node,
                          struct thrumi_parking *parking)
{
    thrumi_waitnode_init_choice(node, parking, NULL, 0);
}

void thrumi_waitnode_init_choice(struct thrumi_waitnode *node,
                                 struct thrumi_parking *parking,
                                 atomic_uint *claim, unsigned choice)
{
    node->waiter.link.next = NULL;
    node->waiter.link.prev = NULL;
    node->waiter.wake = waitnode_wake_parking;
    node->parking = parking;
    node->claim = claim;
    node->choice = choice;
    node->after = NULL;
}

bool thrumi_claim(atomic_uint *claim, unsigned choice)
{
    unsigned unclaimed = THRUMI_UNCLAIMED;

    /* acquire: pairs with the release of who was faster */
    return atomic_compare_exchange_strong_explicit(
        claim, &unclaimed, choice, memory_order_acq_rel, memory_order_acquire);
}

void thrumi_waitlist_add(struct thrumi_waitlist *list,
                         struct thrumi_waitnode *node)
{
    struct thrumi_link *link = &node->waiter.link;

    if (list->first != NULL) {
        thrumi_list_append(list->first, link);
        return;
    }
    thrumi_list_init(link);
    list->first = link;
}

static void waitlist_unlink(struct thrumi_waitlist *list,
                            struct thrumi_link *link)
{
    if (link->next == link)
        list->first = NULL;
    else if (list->first == link)
        list->first = link->next;
    thrumi_list_remove(link);
    link->next = NULL; /* also when it was alone */
}

struct thrumi_waitnode *thrumi_waitlist_take(struct thrumi_waitlist *list)
{
    struct thrumi_waitnode *node;

    while ((node = thrumi_waitlist_first(list)) != NULL) {
        waitlist_unlink(list, &node->waiter.link);
        if (node->claim == NULL || thrumi_claim(node->claim, node->choice))
            break;
    }
    return node;
}

struct thrumi_waitnode *thrumi_waitlist_take_all(struct thrumi_waitlist *list)
{
    struct thrumi_waitnode *first = NULL;
    struct thrumi_waitnode **end = &first;
    struct thrumi_waitnode *node;

    while ((node = thrumi_waitlist_take(list)) != NULL) {
        *end = node;
        end = &node->after;
    }
    return first;
}

bool thrumi_waitlist_remove(struct thrumi_waitlist *list,
                            struct thrumi_waitnode *node)
{
    if (!thrumi_link_listed(&node->waiter.link))
        return false;
    waitlist_unlink(list, &node->waiter.link);
    return true;
}

void thrumi_waitnode_wake(struct thrumi_waitnode *node)
{
    node->waiter.wake(&node->waiter);
}

void thrumi_waitnode_wake_all(struct thrumi_waitnode *first)
{
    while (first != NULL) {
        struct thrumi_waitnode *after = first->after;

        thrumi_waitnode_wake(first);
        first = after;
    }
}

int thrumi_waitlist_park(struct thrumi_waitlist *list,
                         struct thrumi_waitnode *node,
                         struct thrumi_mutex *lock, thrum_time deadline)
{
    int rc;
    bool taken;

    thrumi_mutex_unlock(lock);
    rc = thrumi_parking_wait(node->parking, deadline);
    if (rc == 0)
        return 0;
    thrumi_mutex_lock(lock);
    taken = !thrumi_waitlist_remove(list, node);
    thrumi_mutex_unlock(lock);
    if (!taken)
        return rc;
    thrumi_parking_finish(node->parking);
    return 0;
}

int thrumi_waitlist_wait(struct thrumi_waitlist *list,
                         struct thrumi_mutex *lock, const char *what,
                         const void *on, thrum_time deadline)
{
    struct thrumi_parking parking;
    struct thrumi_waitnode node;
    int rc;

    if (thrumi_time_past(deadline))
        return -ETIMEDOUT;
    thrumi_parking_init(&parking);
    thrumi_parking_for(&parking, what, on);
    thrumi_waitnode_init(&node, &parking);
    thrumi_waitlist_add(list, &node);
    rc = thrumi_waitlist_park(list, &node, lock, deadline);
    thrumi_mutex_lock(lock);
    return rc;
}
