/* SPDX-License-Identifier: MIT */
/*
 * coro/trace.c - telling a program of its switches.
 *
 * The hook runs in the greenlet that the switch has led to, and may switch
 * itself: meanwhile it is not called (L27). If it fails it is taken away.
 */
#include "coro/greenlet.h"

/* The quick switch does not look for a hook. */
static void trace_set(struct thrumi_loom *loom, thrum_greenlet_trace_fn *fn)
{
    loom->trace = fn;
    if (fn != NULL)
        atomic_fetch_or_explicit(&loom->attention, THRUMI_TRACED,
                                 memory_order_relaxed);
    else
        atomic_fetch_and_explicit(&loom->attention, ~(unsigned)THRUMI_TRACED,
                                  memory_order_relaxed);
}

thrum_greenlet_trace_fn *thrum_greenlet_set_trace(thrum_greenlet_trace_fn *fn,
                                                  void *arg, void **ret_old_arg)
{
    struct thrumi_loom *loom = thrumi_loom_get();
    thrum_greenlet_trace_fn *old;

    if (loom == NULL)
        return NULL;
    old = loom->trace;
    if (ret_old_arg != NULL)
        *ret_old_arg = loom->trace_arg;
    loom->trace_arg = arg;
    trace_set(loom, fn);
    return old;
}

int thrumi_trace(struct thrumi_loom *loom, thrum_greenlet_event event,
                 struct thrum_greenlet *origin)
{
    int rc;

    if (loom->in_trace || loom->trace == NULL)
        return 0;
    loom->in_trace = true;
    rc = loom->trace(event, origin, loom->current, loom->trace_arg);
    loom->in_trace = false;
    if (rc >= 0)
        return 0;
    trace_set(loom, NULL);
    return rc;
}
