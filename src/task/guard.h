/* SPDX-License-Identifier: MIT */
/*
 * task/guard.h - what bounds the waits of a block: deadlines and shields.
 *
 * A guard lies on the stack of the block that it bounds, and on a list of the
 * context that runs there. A wait asks them from the innermost outwards: the
 * earliest deadline counts; a shield hides all that is outside of it, and the
 * cancellation of the context too.
 *
 * A generator waits as part of whatever pulls it, so its carrier's guards count
 * as those outside of its own.
 */
#ifndef THRUMI_TASK_GUARD_H
#define THRUMI_TASK_GUARD_H

#include <thrum/scope.h>

#include "task/context.h"

/* What bounds a wait. */
struct thrumi_bound {
    thrum_time deadline;
    bool masked;     /* by a shield: it cannot be cancelled */
    thrum_guard *by; /* whose deadline it is; NULL: the call's own */
};

/* Is there anything to ask? */
static inline bool thrumi_context_guarded(const struct thrumi_context *context)
{
    return context->guards != NULL || context->cancelled ||
           context->carrier != NULL;
}

/* Bounds a wait. 0, or why it is not to begin: -ECANCELED, which then has been
 * delivered, after the others had a turn. */
int thrumi_guard_bind(struct thrumi_context *context,
                      struct thrumi_bound *bound);

/* Is the context cancelled, or its time over at `now`? For calls that do not
 * wait. 0, -ECANCELED, -ETIMEDOUT. */
int thrumi_guard_check(struct thrumi_context *context, int64_t now);

/* The call's deadline, or that of the guards if that is earlier. */
thrum_time thrumi_guard_deadline(struct thrumi_context *context,
                                 thrum_time deadline);

/* Tells the innermost body that runs in the context: -ECANCELED. */
int thrumi_guard_deliver(struct thrumi_context *context);

#endif /* THRUMI_TASK_GUARD_H */
