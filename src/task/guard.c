/* SPDX-License-Identifier: MIT */
/*
 * task/guard.c - what bounds the waits of a block: deadlines and shields.
 *
 * Nothing is armed when a block begins: the guards are asked by each wait, so a
 * block that never waits costs two stores. Cancelling is a flag of the context
 * that its own thread sets; a wait under way is ended by the scheduler.
 */
#include "task/guard.h"

#include <errno.h>

#include "task/body.h"

/* Takes over the deadlines of one context's guards; true: a shield hides what
 * is outside. */
static bool guard_bind_list(const struct thrumi_context *context,
                            struct thrumi_bound *bound)
{
    for (thrum_guard *guard = context->guards; guard != NULL;
         guard = guard->outer) {
        if (guard->shield)
            return true;
        /* of two that end together the outer one counts: it ends both */
        if (guard->deadline.ns < bound->deadline.ns ||
            (bound->by != NULL && guard->deadline.ns == bound->deadline.ns)) {
            bound->deadline = guard->deadline;
            bound->by = guard;
        }
    }
    return false;
}

/* True: the context is cancelled, and no shield hides it. */
static bool guard_bind_chain(const struct thrumi_context *context,
                             struct thrumi_bound *bound)
{
    for (; context != NULL; context = context->carrier) {
        bound->masked = guard_bind_list(context, bound);
        if (bound->masked)
            return false;
        if (context->cancelled)
            return true;
    }
    return false;
}

int thrumi_guard_deliver(struct thrumi_context *context)
{
    struct thrumi_body *body = thrumi_context_body(context);

    if (body != NULL)
        body->told_cancelled = true;
    return -ECANCELED;
}

int thrumi_guard_bind(struct thrumi_context *context,
                      struct thrumi_bound *bound)
{
    struct thrumi_scheduler *scheduler = thrumi_self()->scheduler;

    if (!guard_bind_chain(context, bound))
        return 0;
    if (scheduler != NULL)
        scheduler->pass(scheduler);
    return thrumi_guard_deliver(context);
}

int thrumi_guard_check(struct thrumi_context *context, int64_t now)
{
    struct thrumi_bound bound = {THRUM_FOREVER, false, NULL};

    if (guard_bind_chain(context, &bound))
        return thrumi_guard_deliver(context);
    if (bound.by == NULL || now < bound.deadline.ns)
        return 0;
    bound.by->expired = true;
    return -ETIMEDOUT;
}

thrum_time thrumi_guard_deadline(struct thrumi_context *context,
                                 thrum_time deadline)
{
    struct thrumi_bound bound = {deadline, false, NULL};

    if (thrumi_context_guarded(context))
        (void)guard_bind_chain(context, &bound);
    return bound.deadline;
}

/* ---- the blocks ---- */

static thrum_guard *guard_begin(thrum_guard *guard, thrum_time deadline,
                                bool shield)
{
    struct thrumi_context *context = thrumi_context_running();

    guard->outer = context->guards;
    guard->context = context;
    guard->deadline = deadline;
    guard->shield = shield;
    guard->expired = false;
    context->guards = guard;
    return guard;
}

thrum_guard *thrum_guard_begin(thrum_guard *guard, thrum_time deadline)
{
    return guard_begin(guard, deadline, false);
}

thrum_guard *thrum_guard_shield(thrum_guard *guard)
{
    return guard_begin(guard, THRUM_FOREVER, true);
}

/* Those inside that were left by a jump are not there any more either. */
void thrum_guard_end(thrum_guard **guard)
{
    struct thrumi_context *context;

    if (*guard == NULL)
        return;
    context = (*guard)->context;
    context->guards = (*guard)->outer;
    *guard = NULL;
}

bool thrum_expired(const thrum_guard *guard)
{
    return guard->expired;
}
