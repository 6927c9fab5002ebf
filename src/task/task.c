/* SPDX-License-Identifier: MIT */
/*
 * task/task.c - a function, its argument, and the future that it settles.
 */
#include "task/task.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "sys/clock.h"
#include "task/callback.h"
#include "task/executor.h"

/* Is this submit one of those that are timed? */
static bool task_is_timed(const thrum_executor *executor)
{
    struct thrumi_self *self = thrumi_self();

    if (executor == NULL || executor->time_every == 0 ||
        ++self->since_timed < executor->time_every)
        return false;
    self->since_timed = 0;
    return true;
}

static int64_t task_start_by(const thrum_submit_options *options)
{
    if (options == NULL || options->start_ns == 0)
        return 0;
    return thrum_in_ns(options->start_ns).ns;
}

static struct thrumi_task_extra *task_extra_new(const struct thrumi_call *call,
                                                bool timed)
{
    const thrum_submit_options *options = call->options;
    const char *name = options == NULL ? NULL : options->name;
    size_t name_size = name == NULL ? 0 : strlen(name) + 1;
    struct thrumi_task_extra *extra = NULL;
    size_t bytes;

    if (!__builtin_add_overflow(sizeof(*extra) + name_size, call->size, &bytes))
        extra = thrumi_alloc(bytes);
    if (extra == NULL)
        return NULL;
    extra->free_arg = options == NULL ? NULL : options->free_arg;
    extra->priority = options == NULL ? 0 : options->priority;
    extra->start_by = task_start_by(options);
    extra->run_ns = options == NULL ? 0 : options->run_ns;
    extra->queued_at = timed ? thrumi_clock_ns() : 0;
    extra->name = NULL;
    extra->home = NULL;
    extra->stack_size = 0;
    extra->size = call->size;
    extra->link = (struct thrumi_link){NULL, NULL};
    extra->self = NULL;
    extra->place = NULL;
    extra->ticket = 0;
    extra->tries = 0;
    extra->suspected = 0;
    if (call->size > 0)
        memcpy(extra->data, call->arg, call->size);
    if (name != NULL)
        extra->name = memcpy(extra->data + call->size, name, name_size);
    return extra;
}

/* Whoever kills it asks its executor, which nothing else may keep. */
static void task_make_killable(thrum_future *task)
{
    task->killable = true;
    task->holds = !task->executor->stays;
    if (task->holds)
        thrumi_executor_hold(task->executor);
}

struct thrumi_task_extra *thrumi_task_extra(thrum_future *task)
{
    const struct thrumi_call call = {NULL, NULL, 0, NULL};

    if (task->extra.task == NULL)
        task->extra.task = task_extra_new(&call, false);
    return task->extra.task;
}

int thrumi_task_new(thrum_executor *executor, const struct thrumi_call *call,
                    thrum_future **ret)
{
    bool timed = task_is_timed(executor);
    thrum_future *task = thrumi_future_new(2);

    if (thrumi_unlikely(task == NULL))
        return -ENOMEM;
    task->fn = call->fn;
    task->executor = executor;
    task->has_task = true;
    task->value = (void *)(uintptr_t)call->arg;
    if (thrumi_unlikely(call->size > 0 || call->options != NULL || timed)) {
        task->extra.task = task_extra_new(call, timed);
        if (task->extra.task == NULL) {
            thrumi_future_free(task);
            return -ENOMEM;
        }
        if (call->size > 0)
            task->value = task->extra.task->data;
    }
    if (thrumi_unlikely(executor != NULL && executor->fast.kill != NULL))
        task_make_killable(task);
    *ret = task;
    return 0;
}

void thrumi_task_discard(thrum_future *task)
{
    thrumi_future_free(task);
}

void thrumi_task_free_arg(thrum_future *task)
{
    struct thrumi_task_extra *extra = task->extra.task;
    void (*free_arg)(void *);

    if (extra == NULL || extra->free_arg == NULL)
        return;
    free_arg = extra->free_arg;
    extra->free_arg = NULL;
    free_arg(task->value);
}

/* Frees what the task had beside its function, before its result is written
 * to the same place. */
static void task_free_extra(thrum_future *task)
{
    thrumi_task_free_arg(task);
    thrumi_free(task->extra.task);
    task->extra.task = NULL;
}

struct thrumi_task_extra *thrumi_task_take_extra(thrum_future *task)
{
    struct thrumi_task_extra *extra = task->extra.task;

    task->extra.task = NULL;
    return extra;
}

/* Of one that has a copy of its argument. */
void thrumi_task_free_extra(struct thrumi_task_extra *extra)
{
    if (extra->free_arg != NULL)
        extra->free_arg(extra->data);
    thrumi_free(extra);
}

static void task_time(const struct thrumi_task_extra *extra, int64_t begun,
                      struct thrumi_timing *timing)
{
    timing->timed = true;
    timing->wait_ns = begun - extra->queued_at;
    timing->run_ns = thrumi_clock_ns() - begun;
}

/* True: it came too late, and has failed for it. */
static bool task_expired(thrum_future *task, int64_t now)
{
    const struct thrumi_task_extra *extra = task->extra.task;

    if (extra->start_by == 0 || now < extra->start_by)
        return false;
    task_free_extra(task);
    thrumi_future_fail(task,
                       thrumi_error_new(THRUM_EEXPIRED, "not begun in time"));
    return true;
}

/* Writes the result and settles; `owns` as for thrumi_task_execute(). */
static unsigned task_finish(thrum_future *task, struct thrumi_context *context,
                            struct thrumi_body *body, void *value)
{
    struct thrumi_outcome outcome = {THRUMI_VALUE, value, NULL, NULL};
    bool owns = body->owns_task;

    if (thrumi_likely(thrumi_body_plain(body)))
        context->body = body->outer;
    else
        thrumi_body_end(context, body, value, &outcome);
    thrumi_future_set_outcome(task, &outcome);
    if (thrumi_unlikely(thrumi_future_settle_word(task, outcome.phase, owns))) {
        thrumi_future_drain(task, owns);
        if (owns)
            thrum_future_unref(task);
    }
    return outcome.phase;
}

/* The way of a task that has more than a function and a pointer. */
static unsigned task_execute_extra(thrum_future *task,
                                   struct thrumi_context *context,
                                   struct thrumi_body *body,
                                   struct thrumi_timing *timing)
{
    int64_t begun = thrumi_clock_ns();
    void *value;

    if (task_expired(task, begun)) {
        context->body = body->outer;
        if (body->owns_task)
            thrum_future_unref(task);
        return THRUMI_ERROR;
    }
    value = thrumi_body_call(body, task->fn, task->value);
    if (task->extra.task->queued_at != 0)
        task_time(task->extra.task, begun, timing);
    task_free_extra(task);
    return task_finish(task, context, body, value);
}

unsigned thrumi_task_execute(thrum_future *task, struct thrumi_context *context,
                             bool owns, struct thrumi_timing *timing)
{
    THRUMI_BODY body;

    /* relaxed: whoever needs it takes the wait graph's lock, as we do before
     * we wait */
    atomic_store_explicit(&task->runner, thrumi_context_carrier(context),
                          memory_order_relaxed);
    thrumi_body_begin(context, &body, task, task->executor);
    body.owns_task = owns;
    if (thrumi_unlikely(task->extra.task != NULL))
        return task_execute_extra(task, context, &body, timing);
    return task_finish(task, context, &body,
                       thrumi_body_call(&body, task->fn, task->value));
}

void thrumi_task_run(thrum_future *task)
{
    struct thrumi_timing timing;

    if (thrumi_future_start(task))
        thrumi_task_execute(task, thrumi_context_running(), true, &timing);
    else
        thrum_future_unref(task);
}

void thrumi_task_drop(thrum_future *task, int code)
{
    if (code == THRUM_ECANCELLED) {
        thrum_future_cancel(task);
    } else if (thrumi_future_start(task)) {
        task_free_extra(task);
        thrumi_future_fail(task, thrumi_error_new(code, NULL));
    }
    thrum_future_unref(task);
}

void thrumi_body_abandon(struct thrumi_body *body)
{
    thrum_future *task = body->future;
    bool owns = body->owns_task;

    body->context->body = body->outer;
    thrumi_error_free(body->error);
    thrumi_payload_free(body->payload);
    if (task == NULL || body->part)
        return;
    task_free_extra(task);
    thrumi_future_fail(
        task, thrumi_error_new(THRUM_EEXITED, "the task ended its thread"));
    if (owns)
        thrum_future_unref(task);
}

void thrumi_task_abandon(struct thrumi_context *context)
{
    while (context->body != NULL)
        thrumi_body_abandon(context->body);
}

/* ---- for own executors ---- */

void thrum_task_run(thrum_task *task)
{
    thrum_future *future = (thrum_future *)task;
    thrum_executor *executor = future->executor;

    thrumi_task_run(future);
    thrumi_executor_release(executor);
}

void thrum_task_drop(thrum_task *task, int code)
{
    thrum_future *future = (thrum_future *)task;
    thrum_executor *executor = future->executor;

    thrumi_task_drop(future, code);
    thrumi_executor_release(executor);
}

const char *thrum_task_name(const thrum_task *task)
{
    const thrum_future *future = (const thrum_future *)task;

    return future->extra.task == NULL ? NULL : future->extra.task->name;
}
