/* SPDX-License-Identifier: MIT */
/*
 * hub/select_case.c - what each kind of case is to a select.
 *
 *     put, get      tried under the queue's lock; a node on the queue's list
 *     future        a node on its list of waiters
 *     event         a node on its wait list
 *     descriptor    the future of a greenlet that waits for it (poller.c)
 *     timer         the deadline of the select's wait
 */
#include <errno.h>

#include "hub/select.h"
#include "hub/sync.h"
#include "sys/clock.h"
#include "sys/park.h"
#include "task/future.h"

int thrumi_case_check(const thrum_select_case *of)
{
    switch (of->kind) {
    case THRUM_SELECT_NEVER:
    case THRUM_SELECT_EVENT:
    case THRUM_SELECT_FD:
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

void thrumi_case_init(struct thrumi_select_node *node)
{
    const thrum_select_case *of = node->of;

    node->listens = false;
    node->queue.peeks = false;
    node->queue.rc = 0;
    if (of->kind == THRUM_SELECT_PUT) {
        node->queue.item = of->item;
        node->queue.priority = thrumi_queue_priority(of->on.queue, of->item);
    }
    if (of->kind == THRUM_SELECT_FD)
        node->poller = (struct thrumi_poller){of->on.fd, of->events, NULL, 0};
}

/* ---- looking ---- */

void thrumi_case_look(struct thrumi_select_node *node)
{
    if (node->of->kind == THRUM_SELECT_FD)
        node->poller.result = thrumi_poller_look(&node->poller);
}

static int case_try_get(struct thrumi_select_node *node,
                        struct thrumi_queue_woken *woken)
{
    int rc = thrumi_queue_try_get(node->of->on.queue, &node->queue, woken);

    if (rc == 0)
        node->of->item = node->queue.item;
    return rc;
}

int thrumi_case_try(struct thrumi_select_node *node,
                    struct thrumi_queue_woken *woken)
{
    const thrum_select_case *of = node->of;
    bool ready = false;

    switch (of->kind) {
    case THRUM_SELECT_PUT:
        return thrumi_queue_try_put(of->on.queue, &node->queue, woken);
    case THRUM_SELECT_GET:
        return case_try_get(node, woken);
    case THRUM_SELECT_FD:
        return node->poller.result == 0 ? THRUMI_QUEUE_WAIT
                                        : node->poller.result;
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

/* ---- on lists ---- */

struct thrumi_waitlist *thrumi_case_list(struct thrumi_select_node *node)
{
    thrum_queue *queue = node->of->on.queue;

    return node->of->kind == THRUM_SELECT_PUT ? &queue->putters
                                              : &queue->getters;
}

static void case_future_wake(struct thrumi_waiter *waiter)
{
    struct thrumi_select_node *node = thrumi_container_of(
        waiter, struct thrumi_select_node, queue.wait.waiter);
    struct thrumi_select *select = node->select;
    atomic_uint *fired = &select->fired;

    if (thrumi_claim(&select->claim, node->queue.wait.choice))
        thrumi_parking_wake(&select->parking);
    /* release: pairs with the acquire of the select, which waits for this; the
     * last access */
    atomic_fetch_add_explicit(fired, 1, memory_order_release);
    thrumi_wake_word(fired, 1);
}

static bool case_listen_to(struct thrumi_select_node *node,
                           thrum_future *future)
{
    struct thrumi_waiter *waiter = &node->queue.wait.waiter;

    waiter->wake = case_future_wake;
    return thrumi_future_listen(future, waiter, THRUMI_WAITER);
}

/* Without a greenlet there is nothing to wait for: so says the case. */
static bool case_poll(struct thrumi_select_node *node)
{
    node->queue.rc = thrumi_poller_begin(&node->poller);
    return node->queue.rc == 0 && case_listen_to(node, node->poller.future);
}

bool thrumi_case_listen(struct thrumi_select_node *node)
{
    const thrum_select_case *of = node->of;

    switch (of->kind) {
    case THRUM_SELECT_FUTURE:
        node->listens = case_listen_to(node, of->on.future);
        return node->listens;
    case THRUM_SELECT_EVENT:
        node->listens = thrumi_event_listen(of->on.event, &node->queue.wait);
        return node->listens;
    case THRUM_SELECT_FD:
        node->listens = case_poll(node);
        return node->listens;
    case THRUM_SELECT_NEVER:
    case THRUM_SELECT_PUT:
    case THRUM_SELECT_GET:
    case THRUM_SELECT_TIMER:
    default:
        return true;
    }
}

static void case_leave_queue(struct thrumi_select_node *node)
{
    thrum_queue *queue = node->of->on.queue;

    thrumi_spinlock_lock(&queue->lock);
    thrumi_waitlist_remove(thrumi_case_list(node), &node->queue.wait);
    thrumi_spinlock_unlock(&queue->lock);
}

static bool case_leave_future(struct thrumi_select_node *node,
                              thrum_future *future)
{
    return !thrumi_future_unlisten(future, &node->queue.wait.waiter);
}

bool thrumi_case_leave(struct thrumi_select_node *node)
{
    const thrum_select_case *of = node->of;

    if (thrumi_case_is_of_queue(of))
        case_leave_queue(node);
    if (!node->listens)
        return false;
    if (of->kind == THRUM_SELECT_FUTURE)
        return case_leave_future(node, of->on.future);
    if (of->kind == THRUM_SELECT_FD)
        return case_leave_future(node, node->poller.future);
    thrumi_event_unlisten(of->on.event, &node->queue.wait);
    return false;
}

/* ---- what came of it ---- */

void thrumi_case_served(struct thrumi_select_node *node)
{
    thrum_select_case *of = node->of;

    of->rc = node->queue.rc;
    if (of->kind == THRUM_SELECT_FD && node->poller.future != NULL)
        of->rc = thrumi_poller_result(&node->poller);
    if (of->kind == THRUM_SELECT_GET && of->rc == 0)
        of->item = node->queue.item;
}

void thrumi_case_fini(struct thrumi_select_node *node)
{
    if (node->of->kind == THRUM_SELECT_FD)
        thrumi_poller_end(&node->poller);
}
