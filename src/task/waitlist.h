/* SPDX-License-Identifier: MIT */
/*
 * task/waitlist.h - those who wait for one thing: first come, first served.
 *
 * A list belongs to an object, whose lock guards it. Its nodes lie on the
 * stacks of those who wait, so that waiting takes no memory. All zero is an
 * empty list.
 *
 *     struct thrumi_parking parking;
 *     struct thrumi_waitnode node;
 *
 *     thrumi_mutex_lock(&object->lock);
 *     ... it is not there: wait for it ...
 *     thrumi_parking_init(&parking);
 *     thrumi_waitnode_init(&node, &parking);
 *     thrumi_waitlist_add(&object->getters, &node);
 *     return thrumi_waitlist_park(&object->getters, &node, &object->lock,
 *                                 deadline);
 *
 * and who has it to give:
 *
 *     thrumi_mutex_lock(&object->lock);
 *     node = thrumi_waitlist_take(&object->getters);
 *     ... if there is one: it is the node's; write it beside the node ...
 *     thrumi_mutex_unlock(&object->lock);
 *     if (node != NULL)
 *         thrumi_waitnode_wake(node);
 *
 * Taking a node off the list is the hand-over: from then on it is owed one
 * wake, whatever has become of the wait meanwhile, and its stack stays. So who
 * gives writes what he gives into the struct that has the node in it, under
 * the lock; and a wait that failed, but finds its node taken, has succeeded.
 *
 * Waiting for several things. A select has a node on each of several lists, one
 * parking for all, and a word that says which of them was first:
 *
 *     atomic_uint claim;                                     THRUMI_UNCLAIMED
 *     thrumi_waitnode_init_choice(&node[i], &parking, &claim, i + 1);
 *
 * A node is taken only by who gets the word from THRUMI_UNCLAIMED to the node's
 * choice; the nodes of others are dropped from the lists on the way, unseen.
 * The select, when it was woken or gives up:
 *
 *   - if its wait failed, it tries to claim the word for itself, as
 *     thrumi_claim(&claim, THRUMI_GAVE_UP). If that fails, somebody has given
 *     it something, and thrumi_parking_finish() waits for his wake;
 *   - then it takes each of its nodes off its list, under that list's lock
 *     (thrumi_waitlist_remove(), whose answer says nothing here): nobody looks
 *     at a node or at the word without holding the lock of a list on which the
 *     node is, except for who has claimed it, until his wake.
 *
 * Who is about to wait for several things must not be given one while he takes
 * another. Either he has all their locks, taken in the order of their
 * addresses, while he looks whether one of them is ready and puts his nodes on
 * all of the lists; or he claims his own word before he takes what he found
 * ready after the first of his nodes was on a list.
 */
#ifndef THRUMI_TASK_WAITLIST_H
#define THRUMI_TASK_WAITLIST_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/list.h"
#include "sys/mutex.h"
#include "task/context.h"

enum {
    THRUMI_UNCLAIMED = 0,
    THRUMI_GAVE_UP = ~0u, /* by the one that waits */
};

struct thrumi_waitnode {
    struct thrumi_waiter waiter; /* wakes the parking, unless it is changed */
    struct thrumi_parking *parking;
    atomic_uint *claim; /* shared with others of one select, or NULL */
    unsigned choice;    /* what the claim becomes when this one is taken */
    struct thrumi_waitnode *after; /* of several that were taken at once */
};

struct thrumi_waitlist {
    struct thrumi_link *first; /* the oldest of a ring, or NULL */
};

/* Of a wait for one thing. */
void thrumi_waitnode_init(struct thrumi_waitnode *node,
                          struct thrumi_parking *parking);
/* Of a wait for several: `choice` is neither of the two above. */
void thrumi_waitnode_init_choice(struct thrumi_waitnode *node,
                                 struct thrumi_parking *parking,
                                 atomic_uint *claim, unsigned choice);

/* Gets an unclaimed word to `choice`; false if somebody was faster. */
bool thrumi_claim(atomic_uint *claim, unsigned choice);

/* ---- with the list's lock held ---- */

static inline bool thrumi_waitlist_empty(const struct thrumi_waitlist *list)
{
    return list->first == NULL;
}

/* The oldest, or NULL. It stays on the list; one that is part of a select may
 * not be there any more when it is to be taken. */
static inline struct thrumi_waitnode *
thrumi_waitlist_first(const struct thrumi_waitlist *list)
{
    return list->first == NULL
               ? NULL
               : thrumi_container_of(list->first, struct thrumi_waitnode,
                                     waiter.link);
}

/* Puts it at the end. */
void thrumi_waitlist_add(struct thrumi_waitlist *list,
                         struct thrumi_waitnode *node);
/* Takes the oldest that nobody else has claimed; it is to be woken. NULL: there
 * is none, and the list is empty. */
struct thrumi_waitnode *thrumi_waitlist_take(struct thrumi_waitlist *list);
/* Takes all of them, for thrumi_waitnode_wake_all(); NULL: there was none. */
struct thrumi_waitnode *thrumi_waitlist_take_all(struct thrumi_waitlist *list);
/* Takes one off that gives up. False: it was taken before, so a wake for it is
 * on its way. */
bool thrumi_waitlist_remove(struct thrumi_waitlist *list,
                            struct thrumi_waitnode *node);

/* ---- without it ---- */

/* Wakes one that was taken; it is gone when this returns. */
void thrumi_waitnode_wake(struct thrumi_waitnode *node);
/* Wakes those that were taken at once, the oldest first. NULL: nobody. */
void thrumi_waitnode_wake_all(struct thrumi_waitnode *first);

/* Drops the lock, which guards the list that the node was put on, and waits: 0
 * when the node was taken, else what the wait says and the node is off the
 * list. Not for the nodes of a select. */
int thrumi_waitlist_park(struct thrumi_waitlist *list,
                         struct thrumi_waitnode *node,
                         struct thrumi_mutex *lock, thrum_time deadline);

/* The whole of it, for who looks again at what he waits for: puts a node of its
 * own on the list, parks, and has the lock again when it returns. `what` and `on`
 * are for thrumi_parking_for(). */
int thrumi_waitlist_wait(struct thrumi_waitlist *list,
                         struct thrumi_mutex *lock, const char *what,
                         const void *on, thrum_time deadline);

#endif /* THRUMI_TASK_WAITLIST_H */
