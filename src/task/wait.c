/* SPDX-License-Identifier: MIT */
/*
 * task/wait.c - waiting for several futures.
 *
 * For all of them, each is waited for in turn: that needs no memory, helps
 * each, and finds cycles. For the first of them, a node is put on the list of
 * each, and the first node woken wakes the one that waits; then the nodes are
 * taken off again (F37). A node whose future settles just then is being woken
 * by somebody else: the wait ends when that has happened too, since the nodes
 * are its own.
 */
#include <errno.h>

#include "base/alloc.h"
#include "sys/clock.h"
#include "sys/fork.h"
#include "sys/park.h"
#include "task/distinct.h"
#include "task/future.h"

struct wait_any {
    struct thrumi_parking parking;
    atomic_uint woke;  /* whether the parking was woken */
    atomic_uint fired; /* nodes whose wake is over */
    bool exception;    /* only errors end it */
    atomic_uint left;  /* nodes that have not fired; the last ends it too */
};

struct wait_node {
    struct thrumi_waiter waiter;
    struct wait_any *wait;
    thrum_future *future;
    bool listed;
};

static bool wait_is_over(thrum_future *future, thrum_wait_mode mode)
{
    unsigned phase = thrumi_future_phase(future);

    if (mode == THRUM_FIRST_EXCEPTION)
        return phase == THRUMI_ERROR;
    return phase >= THRUMI_VALUE;
}

static void wait_node_wake(struct thrumi_waiter *waiter)
{
    struct wait_node *node =
        thrumi_container_of(waiter, struct wait_node, waiter);
    struct wait_any *wait = node->wait;
    atomic_uint *fired = &wait->fired;
    bool last =
        atomic_fetch_sub_explicit(&wait->left, 1, memory_order_acq_rel) == 1;
    bool ends = !wait->exception || last ||
                thrumi_future_phase(node->future) == THRUMI_ERROR;

    if (ends &&
        atomic_exchange_explicit(&wait->woke, 1, memory_order_acq_rel) == 0)
        thrumi_parking_wake(&wait->parking);
    /* release: pairs with the acquire in wait_unlist(); the last access */
    atomic_fetch_add_explicit(fired, 1, memory_order_release);
    thrumi_wake_word(fired, 1);
}

static int wait_count_done(thrum_future *const *futures, int n)
{
    int done = 0;

    for (int i = 0; i < n; i++)
        done += thrumi_future_settled(futures[i]);
    return done;
}

/* Takes the nodes off, and waits for those that are being woken. */
static void wait_unlist(struct wait_any *wait, struct wait_node *nodes, int n)
{
    unsigned to_fire = 0;
    unsigned fired;

    for (int i = 0; i < n; i++)
        if (nodes[i].listed &&
            !thrumi_future_unlisten(nodes[i].future, &nodes[i].waiter))
            to_fire++;
    while ((fired = atomic_load_explicit(&wait->fired, memory_order_acquire)) <
           to_fire)
        thrumi_park_word(&wait->fired, fired, THRUM_FOREVER);
}

/* Puts the nodes on their futures' lists; false if that showed that the wait
 * is over. `left` counts one more, so that it cannot end before it began. */
static bool wait_list(struct wait_any *wait, struct wait_node *nodes, int n,
                      thrum_wait_mode mode)
{
    bool over = false;

    for (int i = 0; i < n; i++) {
        nodes[i].listed = thrumi_future_listen(nodes[i].future,
                                               &nodes[i].waiter, THRUMI_WAITER);
        if (nodes[i].listed)
            continue;
        atomic_fetch_sub_explicit(&wait->left, 1, memory_order_acq_rel);
        over |= wait_is_over(nodes[i].future, mode);
    }
    over |=
        atomic_fetch_sub_explicit(&wait->left, 1, memory_order_acq_rel) == 1;
    return !over;
}

static void wait_init(struct wait_any *wait, struct wait_node *nodes,
                      thrum_future *const *futures, int n)
{
    thrumi_parking_init(&wait->parking);
    thrumi_parking_for(&wait->parking, "# futures", (void *)(intptr_t)n);
    atomic_init(&wait->woke, 0);
    atomic_init(&wait->fired, 0);
    atomic_init(&wait->left, (unsigned)n + 1);
    for (int i = 0; i < n; i++) {
        nodes[i].waiter.link.next = NULL;
        nodes[i].waiter.wake = wait_node_wake;
        nodes[i].wait = wait;
        nodes[i].future = futures[i];
        nodes[i].listed = false;
        if (thrumi_future_startable(futures[i]) ||
            thrumi_future_shares_pool(futures[i], wait->parking.context))
            wait->parking.queue = futures[i]->executor;
    }
}

static int wait_park_any(thrum_future *const *futures, int n,
                         thrum_wait_mode mode, thrum_time deadline)
{
    struct wait_node *nodes = thrumi_alloc_array((size_t)n, sizeof(*nodes));
    struct wait_any wait;
    int rc = 0;

    if (nodes == NULL)
        return -ENOMEM;
    wait_init(&wait, nodes, futures, n);
    wait.exception = mode == THRUM_FIRST_EXCEPTION;
    if (wait_list(&wait, nodes, n, mode))
        rc = thrumi_parking_wait(&wait.parking, deadline);
    wait_unlist(&wait, nodes, n);
    /* somebody may be about to wake the parking, which is ours */
    if (atomic_load_explicit(&wait.woke, memory_order_acquire) != 0)
        thrumi_parking_finish(&wait.parking);
    thrumi_free(nodes);
    return rc;
}

/* Lets a worker run what it is about to wait for, one after the other, until
 * the wait is over. True: it is. */
static bool wait_help(thrum_future *const *futures, int n, thrum_wait_mode mode)
{
    struct thrumi_context *context = thrumi_context_running();

    for (int i = 0; i < n; i++) {
        if (context->help != NULL && !thrumi_context_in_callback(context) &&
            thrumi_future_startable(futures[i]))
            context->help(context, futures[i]);
        if (wait_is_over(futures[i], mode))
            return true;
    }
    return false;
}

static int wait_for_any(thrum_future *const *futures, int n,
                        thrum_wait_mode mode, thrum_time deadline)
{
    for (int i = 0; i < n; i++)
        if (wait_is_over(futures[i], mode))
            return 0;
    if (wait_count_done(futures, n) == n)
        return 0;
    if (deadline.ns <= 0 || thrumi_time_past(deadline))
        return -ETIMEDOUT;
    if (n == 1)
        return thrumi_future_wait(futures[0], deadline);
    if (wait_help(futures, n, mode))
        return 0;
    return wait_park_any(futures, n, mode, deadline);
}

static int wait_for_all(thrum_future *const *futures, int n,
                        thrum_time deadline)
{
    int rc = 0;

    for (int i = 0; i < n && rc == 0; i++)
        rc = thrumi_future_wait(futures[i], deadline);
    return rc;
}

static int wait_distinct(thrum_future *const *futures, int n,
                         thrum_wait_mode mode, thrum_time deadline)
{
    int rc = 0;

    for (int i = 0; i < n; i++)
        if (!thrumi_future_settled(futures[i]) &&
            futures[i]->generation != thrumi_fork_generation())
            return -ECHILD;
    if (mode == THRUM_ALL_COMPLETED)
        rc = wait_for_all(futures, n, deadline);
    else
        rc = wait_for_any(futures, n, mode, deadline);
    if (rc != 0 && rc != -ETIMEDOUT)
        return rc;
    return wait_count_done(futures, n);
}

int thrum_wait(thrum_future *const *futures, size_t n, thrum_wait_mode mode,
               thrum_time deadline)
{
    thrum_future **distinct;
    int count;
    int rc;

    if (mode < THRUM_FIRST_COMPLETED || mode > THRUM_ALL_COMPLETED)
        return -EINVAL;
    count = thrumi_distinct(futures, n, &distinct);
    if (count < 0)
        return count;
    rc = wait_distinct(distinct, count, mode, deadline);
    thrumi_free(distinct);
    return rc;
}
