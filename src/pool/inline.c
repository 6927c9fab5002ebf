/* SPDX-License-Identifier: MIT */
/*
 * pool/inline.c - the executor that runs each task at once, in its caller.
 */
#include <thrum/inline.h>

#include <errno.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "task/executor.h"
#include "task/task.h"

struct inline_executor {
    thrum_executor executor; /* first: its memory is the executor's */
    atomic_bool closed;
    _Atomic uint64_t running;
    _Atomic uint64_t done;
    _Atomic uint64_t failed;
    _Atomic uint64_t cancelled;
};

static void inline_count(struct inline_executor *self, unsigned phase)
{
    _Atomic uint64_t *counter = phase == THRUMI_VALUE   ? &self->done
                                : phase == THRUMI_ERROR ? &self->failed
                                                        : &self->cancelled;

    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&self->running, 1, memory_order_relaxed);
}

/* True: a task may begin. The caller's reference, or the body outside, keeps
 * the executor. */
static bool inline_begin(struct inline_executor *self)
{
    if (atomic_load_explicit(&self->closed, memory_order_relaxed))
        return false;
    atomic_fetch_add_explicit(&self->running, 1, memory_order_relaxed);
    return true;
}

static int inline_enqueue(void *arg, thrum_task *opaque)
{
    struct inline_executor *self = arg;
    thrum_future *task = (thrum_future *)opaque;

    if (!inline_begin(self))
        return THRUM_ESHUTDOWN;
    thrumi_executor_hold(&self->executor);
    thrum_future_ref(task);
    thrumi_task_run(task);
    inline_count(self, thrumi_future_phase(task));
    thrum_future_unref(task);
    thrumi_executor_release(&self->executor);
    return 0;
}

static int inline_post(void *arg, thrum_fn *fn, void *const *args, size_t n)
{
    struct inline_executor *self = arg;

    for (size_t i = 0; i < n; i++) {
        if (!inline_begin(self))
            return i > 0 ? (int)i : THRUM_ESHUTDOWN;
        inline_count(self,
                     thrumi_body_run_detached(thrumi_context_running(),
                                              &self->executor, fn, args[i]));
    }
    return (int)n;
}

static int inline_shutdown(void *arg, unsigned flags, thrum_time deadline)
{
    struct inline_executor *self = arg;

    (void)flags; /* nothing is ever queued */
    (void)deadline;
    atomic_store_explicit(&self->closed, true, memory_order_relaxed);
    return 0;
}

static int inline_request_shutdown(void *arg)
{
    return inline_shutdown(arg, 0, THRUM_NOW);
}

static int inline_stats(void *arg, thrum_stats *stats)
{
    struct inline_executor *self = arg;

    stats->running = atomic_load_explicit(&self->running, memory_order_relaxed);
    stats->done = atomic_load_explicit(&self->done, memory_order_relaxed);
    stats->failed = atomic_load_explicit(&self->failed, memory_order_relaxed);
    stats->cancelled =
        atomic_load_explicit(&self->cancelled, memory_order_relaxed);
    return 0;
}

int thrum_inline_new(thrum_executor **ret)
{
    const thrum_executor_ops ops = {
        sizeof(ops), "inline",     inline_enqueue,          inline_shutdown,
        NULL,        inline_stats, inline_request_shutdown, 1,
        true};
    struct inline_executor *self = thrumi_alloc_zero(sizeof(*self));

    if (self == NULL)
        return -ENOMEM;
    thrumi_executor_init(&self->executor, &ops, self);
    self->executor.own = true;
    self->executor.fast.post = inline_post;
    *ret = &self->executor;
    return 0;
}
