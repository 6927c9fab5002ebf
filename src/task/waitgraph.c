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

static bool waitgraph_leads_to(thrum_future *future,
                               struct thrumi_context *context)
{
    while (future != NULL && thrumi_future_phase(future) == THRUMI_RUNNING) {
        struct thrumi_context *runner =
            atomic_load_explicit(&future->runner, memory_order_relaxed);

        if (runner == context)
            return true;
        if (runner == NULL)
            return false;
        future = atomic_load_explicit(&runner->awaits, memory_order_relaxed);
    }
    return false;
}

int thrumi_waitgraph_enter(struct thrumi_context *context, thrum_future *future)
{
    int rc = 0;

    thrumi_global_mutex_lock(&waitgraph);
    if (waitgraph_leads_to(future, context))
        rc = -EDEADLK;
    else
        atomic_store_explicit(&context->awaits, future, memory_order_relaxed);
    thrumi_global_mutex_unlock(&waitgraph);
    return rc;
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
