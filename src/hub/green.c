/* SPDX-License-Identifier: MIT */
/*
 * hub/green.c - the strands that run a hub's tasks.
 *
 * A task gets a strand when it begins, not when it is spawned. A strand whose
 * task has ended looks for the next itself: is that a task that has not begun,
 * it runs it at once, on the same stack, with no switch between; else it goes
 * to the few that are kept idle, or ends.
 */
#include <thrum/green.h>

#include <errno.h>

#include "base/error.h"
#include "hub/hub.h"
#include "sys/fork.h"
#include "sys/probe.h"
#include "task/record.h"
#include "task/task.h"

#define GREEN_MOST_IDLE 16u /* strands kept for the next tasks */

/* ---- the body ---- */

/* What a body that was cancelled raises as that is no error. */
static void green_calm(struct thrumi_context *context, struct thrumi_body *body)
{
    if (!context->cancelled || body->error == NULL ||
        body->error->code != -ECANCELED)
        return;
    thrumi_error_free(body->error);
    body->error = NULL;
    body->told_cancelled = true;
}

/* How a strand calls the function of its outermost body. */
static void *green_call(struct thrumi_context *context,
                        struct thrumi_body *body, thrum_fn *fn, void *arg)
{
    struct thrumi_strand *strand =
        thrumi_container_of(context, struct thrumi_strand, context);
    void *value;

    strand->body = body;
    value = fn(arg);
    if (thrumi_unlikely(strand->defers != NULL))
        thrumi_defer_run(strand);
    strand->body = NULL;
    green_calm(context, body);
    return value;
}

/* ---- beginning ---- */

/* The task may be gone, and is only compared. */
static void green_settled(struct thrumi_hub *hub, const thrum_future *task,
                          struct thrumi_body *home)
{
    if (hub->awaited == task)
        thrumi_hub_awake(hub);
    if (thrumi_unlikely(home != NULL))
        thrumi_hub_left_home(hub, home);
}

static struct thrumi_body *green_home_of(const thrum_future *task)
{
    return task->extra.task == NULL ? NULL : task->extra.task->home;
}

void thrumi_green_drop(struct thrumi_hub *hub, thrum_future *task, int code)
{
    struct thrumi_body *home = NULL;

    if (thrumi_future_phase(task) != THRUMI_VALUE &&
        thrumi_future_phase(task) != THRUMI_ERROR)
        home = green_home_of(task);
    thrumi_task_drop(task, code);
    green_settled(hub, task, home);
}

/* What the strand had of the task before. */
static void green_wash(struct thrumi_strand *strand)
{
    strand->delivered = false;
    strand->cancelled = false;
    strand->stuck = false;
    strand->name[0] = '\0';
    strand->context.guards = NULL;
    strand->context.cancelled = false;
}

static struct thrumi_strand *green_run(struct thrumi_strand *strand);

static int green_new(struct thrumi_hub *hub, size_t stack_size,
                     struct thrumi_strand **ret)
{
    thrum_stack_options options = THRUM_STACK_OPTIONS;
    const struct thrumi_strand_plan plan = {NULL, NULL, 0,
                                            stack_size == 0 ? NULL : &options,
                                            THRUMI_STRAND_GREENLET};
    struct thrumi_strand *strand;
    int rc;

    options.stack_size = stack_size;
    rc = thrumi_strand_new(&plan, &strand);
    if (rc != 0)
        return rc;
    strand->run = green_run;
    strand->context.call = green_call;
    strand->own_size = stack_size != 0;
    thrumi_strand_adopt(strand, hub->loom);
    *ret = strand;
    return 0;
}

/* A strand for a task: the one that has nothing to do, one of the idle, or a
 * new one. */
static int green_strand(struct thrumi_hub *hub, size_t stack_size,
                        struct thrumi_strand *free_strand,
                        struct thrumi_strand **ret)
{
    struct thrumi_link *link;

    *ret = free_strand;
    if (stack_size != 0 || (free_strand != NULL && free_strand->own_size))
        return green_new(hub, stack_size, ret);
    if (free_strand != NULL)
        return 0;
    link = thrumi_list_pop(&hub->idle);
    if (link == NULL)
        return green_new(hub, 0, ret);
    hub->idle_count--;
    *ret = thrumi_container_of(link, struct thrumi_strand, link);
    return 0;
}

/* Gives the task a strand, dressed as its greenlet. */
static int green_prepare(struct thrumi_hub *hub, thrum_future *task,
                         struct thrumi_strand *free_strand,
                         struct thrumi_strand **ret)
{
    const struct thrumi_task_extra *extra = task->extra.task;
    struct thrum_greenlet *greenlet = thrumi_record_alloc();
    struct thrumi_strand *strand = NULL;
    int rc = -ENOMEM;

    if (thrumi_likely(greenlet != NULL))
        rc = green_strand(hub, extra == NULL ? 0 : extra->stack_size,
                          free_strand, &strand);
    if (thrumi_unlikely(rc != 0)) {
        if (greenlet != NULL)
            thrumi_record_free(greenlet);
        return rc;
    }
    thrumi_greenlet_dress(hub->loom, strand, greenlet);
    green_wash(strand);
    strand->home = extra == NULL ? NULL : extra->home;
    if (thrumi_unlikely(extra != NULL && extra->name != NULL))
        thrumi_strand_set_name(strand, extra->name);
    thrumi_list_append(&hub->greens, &strand->link);
    hub->loom->current = greenlet;
    *ret = strand;
    return 0;
}

struct thrumi_strand *thrumi_green_begin(struct thrumi_hub *hub,
                                         thrum_future *task,
                                         struct thrumi_strand *free_strand)
{
    struct thrumi_strand *strand;
    int rc;

    if (thrumi_unlikely(!thrumi_future_startable(task) || hub->ending)) {
        thrumi_green_drop(hub, task, THRUM_ECANCELLED);
        return NULL;
    }
    rc = green_prepare(hub, task, free_strand, &strand);
    if (thrumi_unlikely(rc != 0)) {
        thrumi_green_drop(hub, task, rc);
        return NULL;
    }
    hub->beginning = task;
    thrumi_count(&hub->watch.spawned, 1);
    THRUMI_PROBE3(hub__begin, hub, strand, task->fn);
    return strand;
}

/* ---- running ---- */

/* In a forked child the one that called fork() was the main greenlet. */
static void green_check_fork(struct thrumi_hub *hub)
{
    if (thrumi_unlikely(hub->generation != thrumi_fork_generation()) ||
        thrumi_unlikely(hub->loom->current == hub->main))
        thrumi_fork_exit();
}

/* Runs one task to its end. */
static void green_do(struct thrumi_hub *hub, struct thrumi_strand *strand,
                     thrum_future *task)
{
    struct thrumi_body *home = strand->home;
    struct thrumi_timing timing;
    unsigned phase = THRUMI_CANCELLED;

    if (thrumi_likely(thrumi_future_start(task)))
        phase = thrumi_task_execute(task, &strand->context, true, &timing);
    else
        thrum_future_unref(task); /* cancelled just now */
    green_check_fork(hub);
    thrumi_list_remove(&strand->link);
    thrumi_count(&hub->watch.ended, 1);
    THRUMI_PROBE3(hub__end, hub, strand, phase);
    thrumi_greenlet_undress(hub->loom, hub->loom->current, phase);
    hub->loom->current = hub->main; /* until somebody goes on */
    green_settled(hub, task, home);
}

/* Puts a strand to the idle ones; false: there are enough. */
static bool green_rest(struct thrumi_hub *hub, struct thrumi_strand *strand)
{
    if (hub->ending || hub->idle_count >= GREEN_MOST_IDLE || strand->own_size)
        return false;
    thrumi_list_prepend(&hub->idle, &strand->link);
    hub->idle_count++;
    return true;
}

static struct thrumi_strand *green_run(struct thrumi_strand *strand)
{
    struct thrumi_hub *hub = strand->loom->hub;

    for (;;) {
        thrum_future *task = hub->beginning;
        struct thrumi_strand *next;

        hub->beginning = NULL;
        if (task == NULL)
            return hub->returns_to; /* it is to end */
        green_do(hub, strand, task);
        next = thrumi_hub_next(hub, strand);
        if (next == strand)
            continue;
        if (!green_rest(hub, strand))
            return next;
        thrumi_strand_switch(next);
    }
}

void thrumi_green_end_idle(struct thrumi_hub *hub)
{
    struct thrumi_link *link;

    hub->returns_to = thrumi_strand_current();
    while ((link = thrumi_list_pop(&hub->idle)) != NULL)
        thrumi_strand_switch(
            thrumi_container_of(link, struct thrumi_strand, link));
    hub->idle_count = 0;
}
