/* SPDX-License-Identifier: MIT */
/*
 * task/then.c - a task that starts when a future has settled.
 *
 * The new task is made at once, pending, so that it can be waited for and
 * cancelled. It is handed to its executor by a waiter on the source's list.
 * Until then it is held: nobody who waits for it may start it.
 * What the two need is in one struct with two owners: the list, until the
 * source has settled, and the task, until it has run or was cancelled.
 */
#include <errno.h>

#include "base/alloc.h"
#include "sys/fork.h"
#include "task/executor.h"
#include "task/future.h"
#include "task/submit.h"
#include "task/task.h"

struct then {
    struct thrumi_waiter waiter; /* on the source's list */
    atomic_uint refs;
    thrum_future *source;
    thrum_future *task;       /* with the queue's reference */
    thrum_executor *executor; /* NULL: runs as a callback does */
    thrum_then_fn *fn;
    void *arg;
};

static void then_unref(void *arg)
{
    struct then *then = arg;

    if (atomic_fetch_sub_explicit(&then->refs, 1, memory_order_acq_rel) != 1)
        return;
    thrum_future_unref(then->source);
    if (then->executor != NULL)
        thrum_executor_unref(then->executor);
    thrumi_free(then);
}

/* The task's function. */
static void *then_run(void *arg)
{
    struct then *then = arg;

    return then->fn(then->source, then->arg);
}

/* Runs it here and now, as a callback. */
static void then_call(thrum_future *source, void *arg)
{
    (void)source;
    thrumi_task_run(arg);
}

/* The source has settled: hands the task on. */
static void then_wake(struct thrumi_waiter *waiter)
{
    struct then *then = thrumi_container_of(waiter, struct then, waiter);
    thrum_future *task = then->task;
    int rc = 0;

    /* release: whoever may start it now sees that the source has settled */
    atomic_fetch_and_explicit(&task->state, ~(unsigned)THRUMI_HELD,
                              memory_order_release);
    if (then->executor == NULL)
        rc = thrum_future_add_done_callback(then->source, then_call, task);
    else
        rc = thrumi_submit_enqueue(then->executor, task);
    if (rc != 0)
        thrumi_task_drop(task, rc);
    then_unref(then);
}

static struct then *then_new(thrum_future *source, thrum_executor *executor,
                             thrum_then_fn *fn, void *arg)
{
    struct then *then = thrumi_alloc_zero(sizeof(*then));

    if (then == NULL)
        return NULL;
    then->waiter.wake = then_wake;
    atomic_init(&then->refs, 2);
    then->source = thrum_future_ref(source);
    then->executor = executor == NULL ? NULL : thrum_executor_ref(executor);
    then->fn = fn;
    then->arg = arg;
    return then;
}

static int then_new_task(struct then *then)
{
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    const struct thrumi_call call = {then_run, then, 0, &options};

    options.free_arg = then_unref;
    return thrumi_task_new(then->executor, &call, &then->task);
}

int thrum_future_then(thrum_future *future, thrum_executor *executor,
                      thrum_then_fn *fn, void *arg, thrum_future **ret)
{
    struct then *then;
    thrum_future *task;

    if (future == NULL || fn == NULL)
        return -EINVAL;
    if (executor != NULL && !executor->ops.shares_memory)
        return THRUM_ENOTSHARED;
    if (!thrumi_future_settled(future) &&
        future->generation != thrumi_fork_generation())
        return -ECHILD;
    then = then_new(future, executor, fn, arg);
    if (then == NULL)
        return -ENOMEM;
    if (then_new_task(then) != 0) {
        then_unref(then);
        then_unref(then);
        return -ENOMEM;
    }
    task = then->task;
    atomic_fetch_or_explicit(&task->state, THRUMI_HELD, memory_order_relaxed);
    if (ret != NULL)
        *ret = task;
    else
        task->detached = true;
    if (!thrumi_future_listen(future, &then->waiter, THRUMI_CALLBACK))
        then_wake(&then->waiter);
    if (ret == NULL)
        thrum_future_unref(task);
    return 0;
}
