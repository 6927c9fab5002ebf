/* SPDX-License-Identifier: MIT */
/*
 * hub/select.c - waiting for the first of several things, whatever they are.
 *
 * A select holds the locks of all its queues at once while it looks whether a
 * case can be done, and while it puts its nodes on their lists. So nobody can
 * give it something while it takes another, and none of its cases becomes ready
 * unseen between the look and the wait; and of two selects that could serve
 * each other the one that comes second finds the other listed.
 *
 * From then on the word `claim` decides: whoever gets it from THRUMI_UNCLAIMED
 * to the number of a case does that case, and wakes. A queue that serves a node
 * does so, with its lock held (task/waitlist.h); likewise an event that is
 * set, and a future that settles; or the select itself, when its wait ends
 * otherwise.
 *
 * Locking: the locks of the queues, in the order of their addresses; nobody
 * else holds two of them. Futures and events are listened to after these were
 * dropped: to listen is to look, too.
 */
#include <thrum/select.h>

#include <errno.h>
#include <limits.h>

#include "base/alloc.h"
#include "hub/queue.h"
#include "hub/sync.h"
#include "sys/clock.h"
#include "sys/park.h"
#include "task/future.h"

#define SELECT_FEW 8 /* cases whose nodes lie on the stack */

struct select_node {
    /* its waiter is also that on a future's list */
    struct thrumi_queue_node queue;
    struct select_wait *select;
    thrum_select_case *of;
    bool listens; /* was put on the list of its future or event */
};

struct select_wait {
    atomic_uint claim; /* case i is i + 1 */
    atomic_uint fired; /* nodes whose future's wake is over */
    struct thrumi_parking parking;
    thrum_time until; /* the deadline, or the first timer */
    int timer;        /* that one's index, or -1 */
    int n;            /* how many cases and nodes there are */
    int queues;       /* how many of them are about queues */
    unsigned start;   /* the case that is looked at first */
    struct select_node *nodes;
    struct select_node **order; /* those of queues, by address */
};

/* ---- getting ready ---- */

static bool select_is_of_queue(const thrum_select_case *of)
{
    return of->kind == THRUM_SELECT_PUT || of->kind == THRUM_SELECT_GET;
}

/* 0, or why this case cannot be waited for. */
static int select_check(const thrum_select_case *of)
{
    switch (of->kind) {
    case THRUM_SELECT_NEVER:
    case THRUM_SELECT_EVENT:
    case THRUM_SELECT_TIMER:
        return 0;
    case THRUM_SELECT_PUT:
    case THRUM_SELECT_GET:
        return thrumi_queue_inherited(of->on.queue) ? -ECHILD : 0;
    case THRUM_SELECT_FUTURE:
        if (!thrumi_future_settled(of->on.future) &&
            of->on.future->generation != thrumi_fork_generation())
            return -ECHILD;
        return 0;
    default:
        return -EINVAL;
    }
}

static int select_check_all(const thrum_select_case *cases, size_t n)
{
    int rc = 0;

    if (n > INT_MAX)
        return -EINVAL;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = select_check(&cases[i]);
    return rc;
}

/* Puts the node among those of queues, where its queue belongs. */
static void select_sort_in(struct select_wait *select, struct select_node *node)
{
    uintptr_t address = (uintptr_t)node->of->on.queue;
    int place = select->queues++;

    while (place > 0 &&
           (uintptr_t)select->order[place - 1]->of->on.queue > address) {
        select->order[place] = select->order[place - 1];
        place--;
    }
    select->order[place] = node;
}

static void select_add(struct select_wait *select, int index,
                       thrum_select_case *of)
{
    struct select_node *node = &select->nodes[index];

    thrumi_waitnode_init_choice(&node->queue.wait, &select->parking,
                                &select->claim, (unsigned)index + 1);
    node->queue.peeks = false;
    node->select = select;
    node->of = of;
    node->listens = false;
    if (of->kind == THRUM_SELECT_TIMER && of->on.time.ns <= select->until.ns) {
        select->until = of->on.time;
        select->timer = index;
    }
    if (of->kind == THRUM_SELECT_PUT) {
        node->queue.item = of->item;
        node->queue.priority = thrumi_queue_priority(of->on.queue, of->item);
    }
    if (select_is_of_queue(of))
        select_sort_in(select, node);
}

/* Which case is looked at first: steps of the golden ratio, so that each has
 * its turn whatever other selects the thread makes in between. */
static unsigned select_next_start(int n)
{
    unsigned turn = thrumi_self()->select_turn += 0x9e3779b9u;

    return (unsigned)(((uint64_t)turn * (unsigned)n) >> 32);
}

/* The executor in whose queue a task lies without which it would wait for ever;
 * NULL if something else might come. */
static thrum_executor *select_pool_of(const thrum_select_case *cases, int n)
{
    thrum_executor *pool = NULL;

    for (int i = 0; i < n; i++) {
        if (cases[i].kind != THRUM_SELECT_FUTURE)
            return NULL;
        if (thrumi_future_startable(cases[i].on.future))
            pool = cases[i].on.future->executor;
    }
    return pool;
}

static void select_init(struct select_wait *select, thrum_select_case *cases,
                        int n, thrum_time deadline)
{
    atomic_init(&select->claim, THRUMI_UNCLAIMED);
    atomic_init(&select->fired, 0);
    thrumi_parking_init(&select->parking);
    thrumi_parking_for(&select->parking, "# cases of a select",
                       (void *)(intptr_t)n);
    select->until = deadline;
    select->timer = -1;
    select->n = n;
    select->queues = 0;
    select->start = select_next_start(n);
    for (int i = 0; i < n; i++)
        select_add(select, i, &cases[i]);
    select->parking.queue = select_pool_of(cases, n);
}

/* ---- all the locks ---- */

/* Is this the first of the nodes of its queue? */
static bool select_is_first(const struct select_wait *select, int place)
{
    return place == 0 || select->order[place]->of->on.queue !=
                             select->order[place - 1]->of->on.queue;
}

static void select_lock(struct select_wait *select)
{
    for (int i = 0; i < select->queues; i++)
        if (select_is_first(select, i))
            thrumi_spinlock_lock(&select->order[i]->of->on.queue->lock);
}

static void select_unlock(struct select_wait *select)
{
    for (int i = 0; i < select->queues; i++)
        if (select_is_first(select, i))
            thrumi_spinlock_unlock(&select->order[i]->of->on.queue->lock);
}

/* ---- looking ---- */

static int select_try_get(struct select_node *node,
                          struct thrumi_queue_woken *woken)
{
    int rc = thrumi_queue_try_get(node->of->on.queue, &node->queue, woken);

    if (rc == 0)
        node->of->item = node->queue.item;
    return rc;
}

/* Does it, if it can be done now: what came of it, or THRUMI_QUEUE_WAIT. */
static int select_try(struct select_node *node,
                      struct thrumi_queue_woken *woken)
{
    const thrum_select_case *of = node->of;
    bool ready = false;

    switch (of->kind) {
    case THRUM_SELECT_PUT:
        return thrumi_queue_try_put(of->on.queue, &node->queue, woken);
    case THRUM_SELECT_GET:
        return select_try_get(node, woken);
    case THRUM_SELECT_FUTURE:
        ready = thrumi_future_settled(of->on.future);
        break;
    case THRUM_SELECT_EVENT:
        ready = thrum_event_is_set(of->on.event);
        break;
    case THRUM_SELECT_TIMER:
        ready = thrumi_time_past(of->on.time);
        break;
    case THRUM_SELECT_NEVER:
    default:
        break;
    }
    return ready ? 0 : THRUMI_QUEUE_WAIT;
}

/* Does the first case that can be done: its index, or -1. The locks are held. */
static int select_try_all(struct select_wait *select,
                          struct thrumi_queue_woken *woken)
{
    unsigned n = (unsigned)select->n;

    for (unsigned i = 0; i < n; i++) {
        unsigned index = (select->start + i) % n;
        int rc = select_try(&select->nodes[index], woken);

        if (rc != THRUMI_QUEUE_WAIT) {
            select->nodes[index].of->rc = rc;
            return (int)index;
        }
    }
    return -1;
}

/* ---- on the lists ---- */

static struct thrumi_waitlist *select_list_of(struct select_node *node)
{
    thrum_queue *queue = node->of->on.queue;

    return node->of->kind == THRUM_SELECT_PUT ? &queue->putters
                                              : &queue->getters;
}

/* The locks are held. */
static void select_list(struct select_wait *select)
{
    for (int i = 0; i < select->n; i++)
        if (select_is_of_queue(select->nodes[i].of))
            thrumi_waitlist_add(select_list_of(&select->nodes[i]),
                                &select->nodes[i].queue.wait);
}

static void select_future_wake(struct thrumi_waiter *waiter)
{
    struct select_node *node =
        thrumi_container_of(waiter, struct select_node, queue.wait.waiter);
    struct select_wait *select = node->select;
    atomic_uint *fired = &select->fired;

    if (thrumi_claim(&select->claim, node->queue.wait.choice))
        thrumi_parking_wake(&select->parking);
    /* release: pairs with the acquire in select_await_fired(); the last
     * access */
    atomic_fetch_add_explicit(fired, 1, memory_order_release);
    thrumi_wake_word(fired, 1);
}

/* Puts the node on the list of its future or event; false when that is ready
 * already. Nodes of other kinds stay where they are. */
static bool select_listen_to(struct select_node *node)
{
    struct thrumi_waitnode *wait = &node->queue.wait;

    switch (node->of->kind) {
    case THRUM_SELECT_FUTURE:
        wait->waiter.wake = select_future_wake;
        node->listens = thrumi_future_listen(node->of->on.future, &wait->waiter,
                                             THRUMI_WAITER);
        return node->listens;
    case THRUM_SELECT_EVENT:
        node->listens = thrumi_event_listen(node->of->on.event, wait);
        return node->listens;
    case THRUM_SELECT_NEVER:
    case THRUM_SELECT_PUT:
    case THRUM_SELECT_GET:
    case THRUM_SELECT_TIMER:
    default:
        return true;
    }
}

/* Does so for all; the first that is ready already claims its case. False: one
 * did, so nobody will wake. */
static bool select_listen(struct select_wait *select)
{
    for (int i = 0; i < select->n; i++)
        if (!select_listen_to(&select->nodes[i]))
            return !thrumi_claim(&select->claim, (unsigned)i + 1);
    return true;
}

/* Futures that had taken nodes off their lists are about to wake them, in a
 * moment: they are waited for, since the nodes are gone then. */
static void select_await_fired(struct select_wait *select, unsigned count)
{
    unsigned fired;

    while ((fired = atomic_load_explicit(&select->fired,
                                         memory_order_acquire)) < count)
        thrumi_park_word(&select->fired, fired, THRUM_FOREVER);
}

/* Takes a node off its queue's list, and what it was given stays in it. */
static void select_leave_queue(struct select_node *node)
{
    thrum_queue *queue = node->of->on.queue;

    thrumi_spinlock_lock(&queue->lock);
    thrumi_waitlist_remove(select_list_of(node), &node->queue.wait);
    thrumi_spinlock_unlock(&queue->lock);
}

/* Takes it off whatever list it is on. True: a future is about to wake it. */
static bool select_leave(struct select_node *node)
{
    struct thrumi_waitnode *wait = &node->queue.wait;

    if (select_is_of_queue(node->of))
        select_leave_queue(node);
    else if (node->listens && node->of->kind == THRUM_SELECT_EVENT)
        thrumi_event_unlisten(node->of->on.event, wait);
    else if (node->listens)
        return !thrumi_future_unlisten(node->of->on.future, &wait->waiter);
    return false;
}

static void select_unlist(struct select_wait *select)
{
    unsigned to_fire = 0;

    for (int i = 0; i < select->n; i++)
        to_fire += select_leave(&select->nodes[i]);
    select_await_fired(select, to_fire);
}

/* ---- waiting ---- */

/* What was claimed, was done. */
static int select_served(struct select_wait *select)
{
    unsigned claim = atomic_load_explicit(&select->claim, memory_order_acquire);
    struct select_node *node = &select->nodes[claim - 1];

    node->of->rc = 0;
    if (select_is_of_queue(node->of))
        node->of->rc = node->queue.rc;
    if (node->of->kind == THRUM_SELECT_GET && node->of->rc == 0)
        node->of->item = node->queue.item;
    return (int)claim - 1;
}

/* The wait has ended with nothing given. */
static int select_gave_up(struct select_wait *select, int rc)
{
    if (rc != -ETIMEDOUT || select->timer < 0 ||
        !thrumi_time_past(select->until))
        return rc;
    select->nodes[select->timer].of->rc = 0;
    return select->timer;
}

/* The nodes are on the lists of the queues, the locks were dropped. */
static int select_park(struct select_wait *select)
{
    int rc = 0;

    if (select_listen(select)) {
        rc = thrumi_parking_wait(&select->parking, select->until);
        if (rc != 0 && !thrumi_claim(&select->claim, THRUMI_GAVE_UP)) {
            thrumi_parking_finish(&select->parking);
            rc = 0;
        }
    }
    select_unlist(select);
    return rc == 0 ? select_served(select) : select_gave_up(select, rc);
}

/* Looks; and if nothing can be done, waits if it may. */
static int select_turn(struct select_wait *select, bool may_wait)
{
    struct thrumi_queue_woken woken = {NULL, &woken.first};
    int index;

    select_lock(select);
    index = select_try_all(select, &woken);
    if (index < 0 && may_wait)
        select_list(select);
    select_unlock(select);
    thrumi_waitnode_wake_all(woken.first);
    if (index < 0)
        index = may_wait ? select_park(select) : -ETIMEDOUT;
    return index;
}

/* Lets a worker of a pool run the tasks that it is about to wait for: true
 * when one ran. */
static bool select_help(struct select_wait *select)
{
    struct thrumi_context *context = thrumi_context_running();

    if (context->help == NULL || thrumi_context_in_callback(context))
        return false;
    for (int i = 0; i < select->n; i++) {
        const thrum_select_case *of = select->nodes[i].of;

        if (of->kind == THRUM_SELECT_FUTURE &&
            thrumi_future_startable(of->on.future) &&
            context->help(context, of->on.future))
            return true;
    }
    return false;
}

static int select_run(struct select_wait *select, thrum_select_case *cases,
                      int n, thrum_time deadline)
{
    int index;

    select_init(select, cases, n, deadline);
    if (deadline.ns <= 0 || thrumi_time_past(deadline))
        return select_turn(select, false);
    if (select->parking.context->help == NULL || n == select->queues)
        return select_turn(select, true);
    do
        index = select_turn(select, false);
    while (index == -ETIMEDOUT && select_help(select));
    return index == -ETIMEDOUT ? select_turn(select, true) : index;
}

/* More cases than there is room for on the stack. */
static int select_many(struct select_wait *select, thrum_select_case *cases,
                       size_t n, thrum_time deadline)
{
    struct {
        struct select_node node;
        struct select_node *place;
    } *memory = thrumi_alloc_array(n, sizeof(*memory));
    int rc;

    if (memory == NULL)
        return -ENOMEM;
    select->nodes = (struct select_node *)memory;
    select->order = (struct select_node **)(select->nodes + n);
    rc = select_run(select, cases, (int)n, deadline);
    thrumi_free(memory);
    return rc;
}

int thrum_select(thrum_select_case *cases, size_t n, thrum_time deadline)
{
    struct select_node nodes[SELECT_FEW];
    struct select_node *order[SELECT_FEW];
    struct select_wait select;
    int rc = select_check_all(cases, n);

    if (rc != 0)
        return rc;
    select.nodes = nodes;
    select.order = order;
    if (n > SELECT_FEW)
        rc = select_many(&select, cases, n, deadline);
    else
        rc = select_run(&select, cases, (int)n, deadline);
    if (rc >= 0 && deadline.ns > 0)
        thrumi_context_spend();
    return rc;
}
