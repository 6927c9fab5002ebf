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
 * set, a future that settles, and that of a greenlet that waits for a
 * descriptor; or the select itself, when its wait ends otherwise.
 *
 * Locking: the locks of the queues, in the order of their addresses; nobody
 * else holds two of them. Futures and events are listened to after these were
 * dropped: to listen is to look, too.
 */
#include "hub/select.h"

#include <errno.h>
#include <limits.h>

#include <thrum/error.h>

#include "base/alloc.h"
#include "hub/hub.h"
#include "sys/clock.h"
#include "sys/park.h"
#include "task/future.h"

#define SELECT_FEW 8 /* cases whose nodes lie on the stack */

/* ---- getting ready ---- */

static int select_check(const thrum_select_case *cases, size_t n)
{
    int rc = 0;

    if (n > INT_MAX)
        return -EINVAL;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = thrumi_case_check(&cases[i]);
    return rc;
}

/* Puts the node among those of queues, where its queue belongs. */
static void select_sort_in(struct thrumi_select *select,
                           struct thrumi_select_node *node)
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

static void select_add(struct thrumi_select *select, int index,
                       thrum_select_case *of)
{
    struct thrumi_select_node *node = &select->nodes[index];

    thrumi_waitnode_init_choice(&node->queue.wait, &select->parking,
                                &select->claim, (unsigned)index + 1);
    node->select = select;
    node->of = of;
    thrumi_case_init(node);
    if (of->kind == THRUM_SELECT_TIMER && of->on.time.ns <= select->until.ns) {
        select->until = of->on.time;
        select->timer = index;
    }
    select->polled += of->kind == THRUM_SELECT_FD;
    if (thrumi_case_is_of_queue(of))
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

static void select_init(struct thrumi_select *select, thrum_select_case *cases,
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
    select->polled = 0;
    select->start = select_next_start(n);
    for (int i = 0; i < n; i++)
        select_add(select, i, &cases[i]);
    select->parking.queue = select_pool_of(cases, n);
}

/* ---- all the locks ---- */

/* Is this the first of the nodes of its queue? */
static bool select_is_first(const struct thrumi_select *select, int place)
{
    return place == 0 || select->order[place]->of->on.queue !=
                             select->order[place - 1]->of->on.queue;
}

static void select_lock(struct thrumi_select *select)
{
    for (int i = 0; i < select->queues; i++)
        if (select_is_first(select, i))
            thrumi_spinlock_lock(&select->order[i]->of->on.queue->lock);
}

static void select_unlock(struct thrumi_select *select)
{
    for (int i = 0; i < select->queues; i++)
        if (select_is_first(select, i))
            thrumi_spinlock_unlock(&select->order[i]->of->on.queue->lock);
}

/* ---- looking ---- */

/* Descriptors are asked before the locks are taken. */
static void select_look(struct thrumi_select *select)
{
    for (int i = 0; i < select->n && select->polled > 0; i++)
        thrumi_case_look(&select->nodes[i]);
}

/* Does the first case that can be done: its index, or -1. The locks are held. */
static int select_try_all(struct thrumi_select *select,
                          struct thrumi_queue_woken *woken)
{
    unsigned n = (unsigned)select->n;

    for (unsigned i = 0; i < n; i++) {
        unsigned index = (select->start + i) % n;
        int rc = thrumi_case_try(&select->nodes[index], woken);

        if (rc != THRUMI_QUEUE_WAIT) {
            select->nodes[index].of->rc = rc;
            return (int)index;
        }
    }
    return -1;
}

/* ---- on the lists ---- */

/* The locks are held. */
static void select_list(struct thrumi_select *select)
{
    for (int i = 0; i < select->n; i++)
        if (thrumi_case_is_of_queue(select->nodes[i].of))
            thrumi_waitlist_add(thrumi_case_list(&select->nodes[i]),
                                &select->nodes[i].queue.wait);
}

/* Puts the other nodes on their lists; the first that is ready already claims
 * its case. False: one did, so nobody will wake. */
static bool select_listen(struct thrumi_select *select)
{
    for (int i = 0; i < select->n; i++)
        if (!thrumi_case_listen(&select->nodes[i]))
            return !thrumi_claim(&select->claim, (unsigned)i + 1);
    return true;
}

/* Futures that had taken nodes off their lists are about to wake them, in a
 * moment: they are waited for, since the nodes are gone then. */
static void select_await_fired(struct thrumi_select *select, unsigned count)
{
    unsigned fired;

    while ((fired = atomic_load_explicit(&select->fired,
                                         memory_order_acquire)) < count)
        thrumi_park_word(&select->fired, fired, THRUM_FOREVER);
}

/* Takes the nodes off; but for that of the queue that has served it, which did
 * so itself, and may be gone if that was its last item. */
static void select_unlist(struct thrumi_select *select)
{
    unsigned claim = atomic_load_explicit(&select->claim, memory_order_acquire);
    unsigned to_fire = 0;

    for (int i = 0; i < select->n; i++)
        if ((unsigned)i + 1 != claim ||
            !thrumi_case_is_of_queue(select->nodes[i].of))
            to_fire += thrumi_case_leave(&select->nodes[i]);
    select_await_fired(select, to_fire);
}

/* ---- waiting ---- */

/* What was claimed, was done. */
static int select_served(struct thrumi_select *select)
{
    unsigned claim = atomic_load_explicit(&select->claim, memory_order_acquire);

    thrumi_case_served(&select->nodes[claim - 1]);
    return (int)claim - 1;
}

/* The wait has ended with nothing given. */
static int select_gave_up(struct thrumi_select *select, int rc)
{
    if (rc != -ETIMEDOUT || select->timer < 0 ||
        !thrumi_time_past(select->until))
        return rc;
    select->nodes[select->timer].of->rc = 0;
    return select->timer;
}

/* The nodes are on the lists of the queues, the locks were dropped. */
static int select_park(struct thrumi_select *select)
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
    rc = rc == 0 ? select_served(select) : select_gave_up(select, rc);
    for (int i = 0; i < select->n && select->polled > 0; i++)
        thrumi_case_fini(&select->nodes[i]);
    return rc;
}

/* Looks; and if nothing can be done, waits if it may. */
static int select_turn(struct thrumi_select *select, bool may_wait)
{
    struct thrumi_queue_woken woken = {NULL, &woken.first};
    bool in_callback = thrumi_context_in_callback(select->parking.context);
    bool waits = false;
    int index;

    select_look(select);
    select_lock(select);
    index = select_try_all(select, &woken);
    waits = index < 0 && may_wait && !in_callback;
    if (waits)
        select_list(select);
    select_unlock(select);
    thrumi_waitnode_wake_all(woken.first);
    if (waits)
        return select_park(select);
    if (index < 0)
        index = may_wait ? THRUM_ECONTEXT : -ETIMEDOUT;
    return index;
}

/* Lets a worker of a pool run the tasks that it is about to wait for: true
 * when one ran. */
static bool select_help(struct thrumi_select *select)
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

/* Then the thread needs a hub, before it says as what it will park. */
static bool select_is_polled(const thrum_select_case *cases, int n)
{
    int i = 0;

    while (i < n && cases[i].kind != THRUM_SELECT_FD)
        i++;
    return i < n;
}

static int select_run(struct thrumi_select *select, thrum_select_case *cases,
                      int n, thrum_time deadline)
{
    bool may_wait = deadline.ns > 0 && !thrumi_time_past(deadline);
    int index;

    if (may_wait && select_is_polled(cases, n) && thrumi_hub_get() == NULL)
        return -ENOMEM;
    select_init(select, cases, n, deadline);
    if (!may_wait)
        return select_turn(select, false);
    if (select->parking.context->help == NULL || n == select->queues)
        return select_turn(select, true);
    do
        index = select_turn(select, false);
    while (index == -ETIMEDOUT && select_help(select));
    return index == -ETIMEDOUT ? select_turn(select, true) : index;
}

/* More cases than there is room for on the stack. */
static int select_many(struct thrumi_select *select, thrum_select_case *cases,
                       size_t n, thrum_time deadline)
{
    struct {
        struct thrumi_select_node node;
        struct thrumi_select_node *place;
    } *memory = thrumi_alloc_array(n, sizeof(*memory));
    int rc;

    if (memory == NULL)
        return -ENOMEM;
    select->nodes = (struct thrumi_select_node *)memory;
    select->order = (struct thrumi_select_node **)(select->nodes + n);
    rc = select_run(select, cases, (int)n, deadline);
    thrumi_free(memory);
    return rc;
}

int thrum_select(thrum_select_case *cases, size_t n, thrum_time deadline)
{
    struct thrumi_select_node nodes[SELECT_FEW];
    struct thrumi_select_node *order[SELECT_FEW];
    struct thrumi_select select;
    int rc = select_check(cases, n);

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
