/* SPDX-License-Identifier: MIT */
/*
 * task/cancel.c - three ways to stop a task: before it begins, by asking it,
 * by force.
 */
#include <errno.h>

#include "sys/fork.h"
#include "task/body.h"
#include "task/executor.h"
#include "task/future.h"
#include "task/task.h"

/* From pending to cancelled, with the help of whoever may be about to begin it.
 */
static bool cancel_move(thrum_future *future, bool *ret_busy)
{
    thrum_executor *executor = future->executor;

    if (future->holds && executor->fast.cancel != NULL)
        return executor->fast.cancel(executor->self, future, ret_busy);
    return thrumi_future_move(future, THRUMI_PENDING, THRUMI_CANCELLED,
                              ret_busy);
}

bool thrum_future_cancel(thrum_future *future)
{
    bool busy;

    if (future->generation != thrumi_fork_generation() ||
        !cancel_move(future, &busy))
        return thrumi_future_phase(future) == THRUMI_CANCELLED;
    if (future->has_task)
        thrumi_task_free_arg(future);
    if (busy)
        thrumi_future_drain(future, false);
    return true;
}

int thrum_future_request_cancel(thrum_future *future)
{
    thrum_executor *executor = future->executor;

    /* relaxed: a hint, no data comes with it */
    atomic_store_explicit(&future->cancel_requested, true,
                          memory_order_relaxed);
    if (thrum_future_cancel(future) || thrumi_future_settled(future) ||
        !future->killable || executor->fast.ask == NULL ||
        thrumi_executor_check(executor) != 0)
        return 0;
    return executor->fast.ask(executor->self, future);
}

/* The task may run in another process than the one that asks it. */
static bool cancel_is_asked(const struct thrumi_body *body)
{
    const thrum_executor *executor = body->executor;

    if (atomic_load_explicit(&body->future->cancel_requested,
                             memory_order_relaxed))
        return true;
    return executor != NULL && executor->fast.asked != NULL &&
           executor->fast.asked();
}

bool thrum_cancelled(void)
{
    struct thrumi_body *body = thrumi_context_body(thrumi_context_running());

    if (body == NULL || body->future == NULL || !cancel_is_asked(body))
        return false;
    body->told_cancelled = true;
    return true;
}

int thrum_future_kill(thrum_future *future, thrum_time deadline)
{
    thrum_executor *executor = future->executor;

    if (thrum_future_cancel(future) || thrumi_future_settled(future))
        return 0;
    /* threads cannot be killed, so there is nothing to wait for */
    if (!future->killable || thrumi_executor_check(executor) != 0)
        return -ENOTSUP;
    return executor->fast.kill(executor->self, future, deadline);
}
