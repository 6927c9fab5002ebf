/* SPDX-License-Identifier: MIT */
/*
 * task/future_set.c - futures that are given back as they settle.
 *
 * A member is on one of two lists: pending ones, whose waiter is on their
 * future's list, and ready ones, in the order in which they settled. So adding
 * one and getting the next are O(1), however many there are.
 *
 * The descriptor is made when it is asked for, and then shows whether next
 * would return at once: something is ready, or nothing is there at all.
 *
 * Locking: set.lock, taken without a future's lock held and holding none; the
 * list of those who wait in next is under it too. A wake of a member ends with
 * the unlock, so free waits for those that are under way by taking the lock.
 */
#include "task/future_set.h"

#include <errno.h>

#include "base/alloc.h"
#include "sys/clock.h"
#include "sys/fork.h"
#include "sys/park.h"
#include "sys/wakefd.h"
#include "task/distinct.h"
#include "task/future.h"

struct thrum_future_set {
    struct thrumi_mutex lock;
    /* guarded by lock: */
    struct thrumi_link pending; /* of set_member.link */
    struct thrumi_link ready;
    struct thrumi_link sleepers; /* of set_sleeper.waiter.link */
    size_t size;                 /* of both lists */
    uint16_t generation;         /* of the process that made it */
    int fd;                      /* -1: never asked for */
    bool fd_readable;
};

struct set_member {
    struct thrumi_waiter waiter; /* on the future's list */
    struct thrumi_link link;     /* on the set's */
    thrum_future_set *set;
    thrum_future *future;
    void *tag;
};

/* Somebody in next. */
struct set_sleeper {
    struct thrumi_link link;
    struct thrumi_parking parking;
};

int thrum_future_set_new(thrum_future_set **ret)
{
    thrum_future_set *set = thrumi_alloc_zero(sizeof(*set));

    if (set == NULL)
        return -ENOMEM;
    thrumi_list_init(&set->pending);
    thrumi_list_init(&set->ready);
    thrumi_list_init(&set->sleepers);
    set->generation = thrumi_fork_generation();
    set->fd = -1;
    *ret = set;
    return 0;
}

/* Brings the descriptor in line with the lists. */
static void set_update_fd(thrum_future_set *set)
{
    bool readable = !thrumi_list_empty(&set->ready) || set->size == 0;

    if (set->fd < 0 || readable == set->fd_readable)
        return;
    thrumi_wakefd_set(set->fd, readable);
    set->fd_readable = readable;
}

/* Takes one of those who wait off their list; to be woken after the unlock. */
static struct set_sleeper *set_take_sleeper(thrum_future_set *set)
{
    struct thrumi_link *link = thrumi_list_pop(&set->sleepers);

    if (link == NULL)
        return NULL;
    return thrumi_container_of(link, struct set_sleeper, link);
}

/* A member's future has settled. The set may be gone after the unlock. */
static void set_member_wake(struct thrumi_waiter *waiter)
{
    struct set_member *member =
        thrumi_container_of(waiter, struct set_member, waiter);
    thrum_future_set *set = member->set;
    struct set_sleeper *sleeper;

    thrumi_mutex_lock(&set->lock);
    thrumi_list_remove(&member->link);
    thrumi_list_append(&set->ready, &member->link);
    set_update_fd(set);
    sleeper = set_take_sleeper(set);
    if (sleeper != NULL) /* it cannot go on before it has the lock */
        thrumi_parking_wake(&sleeper->parking);
    thrumi_mutex_unlock(&set->lock);
}

int thrumi_future_set_add(thrum_future_set *set, thrum_future *future,
                          void *tag)
{
    struct set_member *member;

    if (set == NULL || future == NULL)
        return -EINVAL;
    if (!thrumi_future_settled(future) &&
        future->generation != thrumi_fork_generation())
        return -ECHILD;
    member = thrumi_alloc(sizeof(*member));
    if (member == NULL)
        return -ENOMEM;
    member->waiter.link.next = NULL;
    member->waiter.wake = set_member_wake;
    member->set = set;
    member->future = thrum_future_ref(future);
    member->tag = tag;
    thrumi_mutex_lock(&set->lock);
    thrumi_list_append(&set->pending, &member->link);
    set->size++;
    set_update_fd(set);
    thrumi_mutex_unlock(&set->lock);
    if (!thrumi_future_listen(future, &member->waiter, THRUMI_WAITER))
        set_member_wake(&member->waiter);
    return 0;
}

int thrum_future_set_add(thrum_future_set *set, thrum_future *future)
{
    return thrumi_future_set_add(set, future, NULL);
}

/* Takes the oldest ready one out; NULL: none, or (`*ret_empty`) no member. The
 * lock is held. */
static struct set_member *set_take_ready(thrum_future_set *set, bool *ret_empty)
{
    struct thrumi_link *link = thrumi_list_pop(&set->ready);

    *ret_empty = set->size == 0;
    if (link == NULL)
        return NULL;
    set->size--;
    set_update_fd(set);
    return thrumi_container_of(link, struct set_member, link);
}

/* When the set has become empty, all who wait in next are to know. */
static void set_wake_all_if_empty(thrum_future_set *set)
{
    struct set_sleeper *sleeper;

    if (set->size > 0)
        return;
    while ((sleeper = set_take_sleeper(set)) != NULL)
        thrumi_parking_wake(&sleeper->parking);
}

/* A pending member that this worker may run itself: the first that is not
 * running elsewhere. Referenced; NULL if there is none. */
static thrum_future *set_find_pending(thrum_future_set *set)
{
    thrum_future *found = NULL;

    thrumi_mutex_lock(&set->lock);
    for (struct thrumi_link *link = set->pending.next;
         link != &set->pending && found == NULL; link = link->next) {
        struct set_member *member =
            thrumi_container_of(link, struct set_member, link);

        if (thrumi_future_startable(member->future) ||
            thrumi_future_shares_pool(member->future, thrumi_context_running()))
            found = thrum_future_ref(member->future);
    }
    thrumi_mutex_unlock(&set->lock);
    return found;
}

/* Runs one member here, if that can be; tells whose queue the rest is in. */
static bool set_help(thrum_future_set *set, thrum_executor **ret_queue)
{
    struct thrumi_context *context = thrumi_context_running();
    thrum_future *future;
    bool helped;

    *ret_queue = NULL;
    if ((context->help == NULL &&
         thrumi_context_carrier(context)->pool == NULL) ||
        thrumi_context_in_callback(context))
        return false;
    future = set_find_pending(set);
    if (future == NULL)
        return false;
    *ret_queue = future->executor;
    helped = context->help != NULL && context->help(context, future);
    thrum_future_unref(future);
    return helped;
}

/* Parks on the set's list; the lock is held and is dropped meanwhile. What the
 * wait says is told only if nobody has woken it. */
static int set_park(thrum_future_set *set, thrum_executor *queue,
                    thrum_time deadline)
{
    struct set_sleeper sleeper;
    int rc;

    thrumi_parking_init(&sleeper.parking);
    thrumi_parking_for(&sleeper.parking, "future set", set);
    sleeper.parking.queue = queue;
    thrumi_list_append(&set->sleepers, &sleeper.link);
    thrumi_mutex_unlock(&set->lock);
    rc = thrumi_parking_wait(&sleeper.parking, deadline);
    thrumi_mutex_lock(&set->lock);
    if (rc == 0)
        return 0;
    if (thrumi_link_listed(&sleeper.link)) {
        thrumi_list_remove(&sleeper.link);
        return rc;
    }
    return 0; /* woken under the lock, so that is over */
}

/* The next ready member, waited for; the lock is held. */
static int set_wait_ready(thrum_future_set *set, thrum_time deadline,
                          struct set_member **ret)
{
    thrum_executor *queue = NULL;
    bool help = true;
    bool empty;
    int rc = 0;

    for (;;) {
        *ret = set_take_ready(set, &empty);
        if (*ret != NULL)
            return 0;
        if (empty || rc != 0)
            return empty ? THRUM_ESTOP : rc;
        if (deadline.ns <= 0 || thrumi_time_past(deadline))
            return -ETIMEDOUT;
        if (help) {
            thrumi_mutex_unlock(&set->lock);
            help = set_help(set, &queue);
            thrumi_mutex_lock(&set->lock);
        } else {
            rc = set_park(set, queue, deadline);
        }
    }
}

int thrumi_future_set_next(thrum_future_set *set, thrum_time deadline,
                           thrum_future **ret, void **ret_tag)
{
    struct set_member *member;
    int rc;

    if (set->generation != thrumi_fork_generation())
        return -ECHILD;
    thrumi_mutex_lock(&set->lock);
    rc = set_wait_ready(set, deadline, &member);
    set_wake_all_if_empty(set);
    thrumi_mutex_unlock(&set->lock);
    if (rc != 0)
        return rc;
    *ret = member->future;
    *ret_tag = member->tag;
    thrumi_free(member);
    return 0;
}

int thrum_future_set_next(thrum_future_set *set, thrum_time deadline,
                          thrum_future **ret)
{
    void *tag;

    return thrumi_future_set_next(set, deadline, ret, &tag);
}

size_t thrum_future_set_size(thrum_future_set *set)
{
    size_t size;

    thrumi_mutex_lock(&set->lock);
    size = set->size;
    thrumi_mutex_unlock(&set->lock);
    return size;
}

int thrum_future_set_fd(thrum_future_set *set)
{
    int fd;

    thrumi_mutex_lock(&set->lock);
    if (set->fd < 0) {
        fd = thrumi_wakefd_open();
        if (fd >= 0)
            set->fd = fd;
        set_update_fd(set);
    } else {
        fd = set->fd;
    }
    thrumi_mutex_unlock(&set->lock);
    return fd;
}

/* Moves a member whose future nobody will settle any more; or waits until the
 * one who settles it has moved it. */
static void set_unlisten(thrum_future_set *set, struct set_member *member)
{
    thrum_future *future = member->future;
    bool fired = !thrumi_future_unlisten(future, &member->waiter);

    for (unsigned step = 3; fired; step += 4) { /* always yields */
        thrumi_mutex_lock(&set->lock);
        fired = !thrumi_list_empty(&set->pending) &&
                set->pending.next == &member->link;
        thrumi_mutex_unlock(&set->lock);
        if (!fired)
            return;
        thrumi_spin(step);
    }
    thrumi_mutex_lock(&set->lock);
    thrumi_list_remove(&member->link);
    thrumi_list_append(&set->ready, &member->link);
    thrumi_mutex_unlock(&set->lock);
}

/* Takes every pending member off its future, or knows that its wake is under
 * way: such a one is on the ready list once the lock was taken again. */
static void set_unlisten_all(thrum_future_set *set)
{
    struct set_member *member;

    for (;;) {
        struct thrumi_link *link;

        thrumi_mutex_lock(&set->lock);
        link = set->pending.next;
        if (link == &set->pending) {
            thrumi_mutex_unlock(&set->lock);
            return;
        }
        member = thrumi_container_of(link, struct set_member, link);
        thrumi_mutex_unlock(&set->lock);
        set_unlisten(set, member);
    }
}

void thrum_future_set_free(thrum_future_set *set)
{
    struct thrumi_link *link;

    if (set == NULL)
        return;
    set_unlisten_all(set);
    while ((link = thrumi_list_pop(&set->ready)) != NULL) {
        struct set_member *member =
            thrumi_container_of(link, struct set_member, link);

        thrum_future_unref(member->future);
        thrumi_free(member);
    }
    if (set->fd >= 0)
        thrumi_wakefd_close(set->fd);
    thrumi_free(set);
}

int thrum_as_completed(thrum_future *const *futures, size_t n,
                       thrum_future_set **ret)
{
    thrum_future **distinct;
    thrum_future_set *set;
    int count = thrumi_distinct(futures, n, &distinct);
    int rc;

    if (count < 0)
        return count;
    rc = thrum_future_set_new(&set);
    for (int i = 0; i < count && rc == 0; i++) {
        rc = thrum_future_set_add(set, distinct[i]);
        if (rc != 0)
            thrum_future_set_free(set);
    }
    thrumi_free(distinct);
    if (rc == 0)
        *ret = set;
    return rc;
}
