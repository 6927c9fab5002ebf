/* SPDX-License-Identifier: MIT */
/*
 * task/waitgraph.c - finding waits that could never end.
 *
 *     future --runner--> context --awaits--> future --runner--> ...
 *
 * A running future has one runner, a context awaits one future at most, so the
 * graph is a set of chains and a cycle is found by following one. Only waits
 * without a deadline are edges: the others end by themselves.
 *
 * Locking: one lock for the process, a leaf. It guards `awaits` of every
 * context, and keeps the contexts that a walk looks at alive: whoever frees one
 * passes the barrier first. Futures on the chain live because the ones that
 * await them hold them until they have left. Taken only by waits that park.
 *
 * A task that was helped runs on the stack of the one that waits, which cannot
 * go on before it ends: such a pair counts as one.
 */
#include "task/waitgraph.h"

#include <errno.h>

#include "sys/mutex.h"
#include "task/future.h"

static struct thrumi_global_mutex waitgraph;

/* The last future of the chain that begins with this one: it is not running,
 * or runs and waits for nothing. `*ret_cycle`: the chain leads to a task that
 * runs in this context. */
static thrum_future *waitgraph_follow(thrum_future *future,
                                      struct thrumi_context *context,
                                      bool *ret_cycle)
{
    *ret_cycle = false;
    while (thrumi_future_phase(future) == THRUMI_RUNNING) {
        struct thrumi_context *runner =
            atomic_load_explicit(&future->runner, memory_order_relaxed);
        thrum_future *next = NULL;

        *ret_cycle = runner == context;
        if (!*ret_cycle && runner != NULL)
            next = atomic_load_explicit(&runner->awaits, memory_order_relaxed);
        if (next == NULL)
            break;
        future = next;
    }
    return future;
}

int thrumi_waitgraph_enter(struct thrumi_context *context, thrum_future *future,
                           thrum_executor **ret_queue)
{
    thrum_future *last;
    bool cycle;

    thrumi_global_mutex_lock(&waitgraph);
    last = waitgraph_follow(future, context, &cycle);
    if (!cycle)
        atomic_store_explicit(&context->awaits, future, memory_order_relaxed);
    if (thrumi_future_startable(last))
        *ret_queue = last->executor;
    thrumi_global_mutex_unlock(&waitgraph);
    return cycle ? -EDEADLK : 0;
}

void thrumi_waitgraph_leave(struct thrumi_context *context)
{
    thrumi_global_mutex_lock(&waitgraph);
    atomic_store_explicit(&context->awaits, NULL, memory_order_relaxed);
    thrumi_global_mutex_unlock(&waitgraph);
}

void thrumi_waitgraph_barrier(void)
{
    thrumi_global_mutex_lock(&waitgraph);
    thrumi_global_mutex_unlock(&waitgraph);
}
