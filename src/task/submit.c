/* SPDX-License-Identifier: MIT */
/*
 * task/submit.c - the ways into an executor.
 */
#include "task/submit.h"

#include <errno.h>
#include <limits.h>

#include "task/executor.h"
#include "task/task.h"

/* What can be refused before anything is made. */
static int submit_check(const thrum_executor *executor, thrum_fn *fn,
                        size_t size)
{
    if (thrumi_unlikely(executor == NULL || fn == NULL))
        return -EINVAL;
    if (thrumi_unlikely(size == 0 && !executor->ops.shares_memory))
        return THRUM_ENOTSHARED;
    return thrumi_executor_check(executor);
}

static int submit_check_options(const thrum_executor *executor,
                                const thrum_submit_options *options)
{
    if (options->size < sizeof(*options) || options->start_ns < 0 ||
        options->run_ns < 0)
        return -EINVAL;
    return options->run_ns > 0 && !executor->fast.limits_run ? -ENOTSUP : 0;
}

/* The tasks of a user's executor keep its memory: nothing else is sure to. */
int thrumi_submit_enqueue(thrum_executor *executor, thrum_future *task)
{
    int rc;

    if (!executor->own)
        thrumi_executor_hold(executor);
    rc = executor->ops.enqueue(executor->self, (thrum_task *)task);
    if (thrumi_likely(rc >= 0))
        return 0;
    if (!executor->own)
        thrumi_executor_release(executor);
    return rc;
}

static int submit_task(thrum_executor *executor, const struct thrumi_call *call,
                       thrum_future **ret)
{
    thrum_future *task;
    int rc = thrumi_task_new(executor, call, &task);

    if (thrumi_unlikely(rc != 0))
        return rc;
    if (ret == NULL)
        task->detached = true;
    rc = thrumi_submit_enqueue(executor, task);
    if (thrumi_unlikely(rc != 0)) {
        thrumi_task_discard(task);
        return rc;
    }
    if (ret != NULL)
        *ret = task;
    else
        thrum_future_unref(task);
    return 0;
}

int thrum_executor_submit(thrum_executor *executor, thrum_fn *fn,
                          const void *arg, size_t size, thrum_future **ret)
{
    const struct thrumi_call call = {fn, arg, size, NULL};
    void *pointer = (void *)(uintptr_t)arg;
    int rc = submit_check(executor, fn, size);

    if (thrumi_unlikely(rc != 0))
        return rc;
    if (ret == NULL && size == 0 && executor->fast.post != NULL) {
        rc = executor->fast.post(executor->self, fn, &pointer, 1);
        return rc < 0 ? rc : 0;
    }
    return submit_task(executor, &call, ret);
}

int thrum_executor_submit_with(thrum_executor *executor, thrum_fn *fn,
                               const void *arg, size_t size,
                               const thrum_submit_options *options,
                               thrum_future **ret)
{
    const struct thrumi_call call = {fn, arg, size, options};
    int rc = submit_check(executor, fn, size);

    if (rc == 0 && options != NULL)
        rc = submit_check_options(executor, options);
    if (rc != 0)
        return rc;
    return submit_task(executor, &call, ret);
}

/* ---- many at once ---- */

/* One after the other, for executors that know no better. */
static int submit_each(thrum_executor *executor, thrum_fn *fn,
                       void *const *args, size_t n, thrum_future **ret)
{
    for (size_t i = 0; i < n; i++) {
        const struct thrumi_call call = {fn, args[i], 0, NULL};
        int rc = submit_task(executor, &call, ret == NULL ? NULL : &ret[i]);

        if (rc != 0)
            return i > 0 ? (int)i : rc;
    }
    return (int)n;
}

/* How many tasks could be made. */
static size_t submit_make(thrum_executor *executor, thrum_fn *fn,
                          void *const *args, size_t n, thrum_future **ret)
{
    struct thrumi_call call = {fn, NULL, 0, NULL};
    size_t made;

    for (made = 0; made < n; made++) {
        call.arg = args[made];
        if (thrumi_task_new(executor, &call, &ret[made]) != 0)
            break;
    }
    return made;
}

static int submit_futures(thrum_executor *executor, thrum_fn *fn,
                          void *const *args, size_t n, thrum_future **ret)
{
    size_t made = submit_make(executor, fn, args, n, ret);
    int accepted;

    if (made == 0)
        return -ENOMEM;
    accepted = executor->fast.enqueue_many(executor->self,
                                           (thrum_task *const *)ret, made);
    for (size_t i = accepted < 0 ? 0 : (size_t)accepted; i < made; i++) {
        thrumi_task_discard(ret[i]);
        ret[i] = NULL;
    }
    return accepted;
}

int thrum_executor_submit_many(thrum_executor *executor, thrum_fn *fn,
                               void *const *args, size_t n,
                               thrum_future **ret_futures)
{
    int rc = submit_check(executor, fn, 0);

    if (rc != 0)
        return rc;
    if (n > INT_MAX || (n > 0 && args == NULL))
        return -EINVAL;
    if (n == 0)
        return 0;
    if (ret_futures == NULL && executor->fast.post != NULL)
        return executor->fast.post(executor->self, fn, args, n);
    if (ret_futures != NULL && executor->fast.enqueue_many != NULL)
        return submit_futures(executor, fn, args, n, ret_futures);
    return submit_each(executor, fn, args, n, ret_futures);
}
