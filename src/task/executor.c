/* SPDX-License-Identifier: MIT */
/*
 * task/executor.c - what all executors have in common.
 *
 * Two counts: `refs` are users, and when the last is gone the executor ends;
 * `holds` keep the memory, so that a task that still runs can ask for the
 * executor it runs on. All users together are one hold.
 */
#include "task/executor.h"

#include <errno.h>

#include "base/alloc.h"
#include "sys/fork.h"
#include "task/body.h"

static void executor_free(thrum_executor *executor)
{
    thrumi_free(executor);
}

void thrumi_executor_init(thrum_executor *executor,
                          const thrum_executor_ops *ops, void *self)
{
    static const struct thrumi_executor_fast nothing;

    atomic_init(&executor->refs, 1);
    atomic_init(&executor->holds, 1);
    executor->generation = thrumi_fork_generation();
    executor->own = false;
    executor->stays = false;
    executor->time_every = 0;
    executor->ops = *ops;
    executor->fast = nothing;
    executor->free_fn = executor_free;
    executor->self = self;
}

int thrum_executor_new(const thrum_executor_ops *ops, void *self,
                       thrum_executor **ret)
{
    thrum_executor *executor;

    if (ops == NULL || ops->size < sizeof(*ops) || ops->enqueue == NULL)
        return -EINVAL;
    executor = thrumi_alloc(sizeof(*executor));
    if (executor == NULL)
        return -ENOMEM;
    thrumi_executor_init(executor, ops, self);
    *ret = executor;
    return 0;
}

int thrumi_executor_check(const thrum_executor *executor)
{
    return executor->generation == thrumi_fork_generation() ? 0 : -ECHILD;
}

thrum_executor *thrum_executor_ref(thrum_executor *executor)
{
    atomic_fetch_add_explicit(&executor->refs, 1, memory_order_relaxed);
    return executor;
}

void thrum_executor_unref(thrum_executor *executor)
{
    /* acq_rel: what the others did with it is over before it ends */
    if (atomic_fetch_sub_explicit(&executor->refs, 1, memory_order_acq_rel) !=
        1)
        return;
    if (thrumi_executor_check(executor) != 0)
        return; /* the parent's: its threads and locks are not here */
    if (executor->ops.destroy != NULL)
        executor->ops.destroy(executor->self);
    thrumi_executor_release(executor);
}

void thrumi_executor_hold(thrum_executor *executor)
{
    atomic_fetch_add_explicit(&executor->holds, 1, memory_order_relaxed);
}

void thrumi_executor_release(thrum_executor *executor)
{
    if (atomic_fetch_sub_explicit(&executor->holds, 1, memory_order_acq_rel) ==
        1)
        executor->free_fn(executor);
}

int thrum_executor_shutdown(thrum_executor *executor, unsigned flags,
                            thrum_time deadline)
{
    int rc;

    if (executor == NULL || (flags & ~(THRUM_WAIT | THRUM_CANCEL_FUTURES)) != 0)
        return -EINVAL;
    rc = thrumi_executor_check(executor);
    if (rc != 0 || executor->ops.shutdown == NULL)
        return rc;
    return executor->ops.shutdown(executor->self, flags, deadline);
}

int thrum_executor_request_shutdown(thrum_executor *executor)
{
    if (executor == NULL)
        return -EINVAL;
    if (executor->ops.request_shutdown == NULL)
        return -ENOTSUP;
    return executor->ops.request_shutdown(executor->self);
}

int thrum_executor_stats(thrum_executor *executor, thrum_stats *stats)
{
    static const thrum_stats none = THRUM_STATS;
    int rc;

    if (executor == NULL || stats == NULL || stats->size < sizeof(*stats))
        return -EINVAL;
    rc = thrumi_executor_check(executor);
    if (rc != 0)
        return rc;
    if (executor->ops.stats == NULL)
        return -ENOTSUP;
    *stats = none;
    return executor->ops.stats(executor->self, stats);
}

thrum_executor *thrum_executor_current(void)
{
    struct thrumi_body *body = thrumi_context_running()->body;

    return body == NULL ? NULL : body->executor;
}
