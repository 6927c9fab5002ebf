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
#include "hub/green_pool.h"
#include "hub/hub.h"
#include "hub/stop.h"
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

/* A task that is to end after some time is killed then. */
struct green_limit {
    struct thrumi_stop stop; /* without a greenlet: a timer alone */
    struct thrumi_context *context;
    uint16_t generation; /* of the process */
    bool expired;
};

static void green_limit_fire(struct thrumi_hub *hub, struct thrumi_stop *stop)
{
    struct green_limit *limit =
        thrumi_container_of(stop, struct green_limit, stop);

    (void)hub;
    limit->expired = true;
    thrumi_hub_cancel_context(limit->context);
}

/* Also when the function has ended its thread; in a forked child the timers are
 * others. */
static void green_limit_end(struct green_limit *limit)
{
    struct thrumi_hub *hub = thrumi_hub_current();

    if (limit->stop.hub == hub && limit->generation == hub->generation)
        thrumi_hub_stop_timer(hub, &limit->stop);
}

static int64_t green_run_ns(const struct thrumi_body *body)
{
    const thrum_future *task = body->future;

    return task == NULL || task->extra.task == NULL ? 0
                                                    : task->extra.task->run_ns;
}

static __attribute__((noinline)) void *
green_call_limited(struct thrumi_context *context, struct thrumi_body *body,
                   thrum_fn *fn, void *arg)
{
    struct thrumi_hub *hub = thrumi_hub_of(thrumi_self()->scheduler);
    __attribute__((cleanup(green_limit_end))) struct green_limit limit = {
        {.hub = hub, .fire = green_limit_fire},
        context,
        hub->generation,
        false};
    void *value;

    thrumi_hub_start_timer(hub, &limit.stop, thrum_in_ns(green_run_ns(body)),
                           false);
    value = fn(arg);
    green_calm(context, body);
    if (limit.expired && value == NULL && body->error == NULL)
        body->error =
            thrumi_error_new(THRUM_EEXPIRED, "it has run for too long");
    return value;
}

/* How a strand calls the function of its outermost body. */
static void *green_call(struct thrumi_context *context,
                        struct thrumi_body *body, thrum_fn *fn, void *arg)
{
    struct thrumi_strand *strand =
        thrumi_container_of(context, struct thrumi_strand, context);
    void *value;

    strand->body = body;
    if (thrumi_unlikely(green_run_ns(body) > 0))
        value = green_call_limited(context, body, fn, arg);
    else
        value = fn(arg);
    thrumi_strand_clean_up(strand);
    if (thrumi_unlikely(body->spawned > 0))
        thrumi_hub_join(thrumi_self()->scheduler, body);
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
        thrumi_hub_left_home(home);
}

static struct thrumi_body *green_home_of(const thrum_future *task)
{
    return task->extra.task == NULL ? NULL : task->extra.task->home;
}

/* What frees the argument runs in the midst of a switch: as in a callback,
 * nothing may wait there. */
static __attribute__((noinline)) void green_drop_task(thrum_future *task,
                                                      int code)
{
    struct thrumi_context *context = thrumi_context_running();
    const char *outer = context->callback_frame;
    struct thrumi_body *outer_body = context->callback_body;

    context->callback_frame = __builtin_frame_address(0);
    context->callback_body = context->body;
    thrumi_task_drop(task, code);
    context->callback_frame = outer;
    context->callback_body = outer_body;
}

void thrumi_green_drop(struct thrumi_hub *hub, thrum_future *task, int code)
{
    struct thrumi_body *home = NULL;
    thrum_executor *executor = task->executor;
    unsigned place = task->place;

    if (thrumi_future_phase(task) != THRUMI_VALUE &&
        thrumi_future_phase(task) != THRUMI_ERROR)
        home = green_home_of(task);
    green_drop_task(task, code);
    green_settled(hub, task, home);
    if (thrumi_unlikely(place != 0))
        thrumi_green_pool_dropped(executor, place, code == THRUM_ECANCELLED);
}

/* What the strand had of the task before. */
static void green_wash(struct thrumi_strand *strand)
{
    strand->delivered = false;
    strand->cancelled = false;
    strand->stuck = false;
    strand->name[0] = '\0';
    strand->handle->value = NULL; /* its program's context */
    strand->home = NULL;
    strand->context.guards = NULL;
    strand->context.cancelled = false;
    strand->context.interruptible = false;
}

/* Takes what a task has beside its function. */
static void green_take_extra(struct thrumi_strand *strand,
                             const struct thrumi_task_extra *extra)
{
    strand->home = extra->home;
    if (extra->name != NULL)
        thrumi_strand_set_name(strand, extra->name);
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
    thrumi_list_append(&hub->greens, &strand->link);
    hub->strands++;
    *ret = strand;
    return 0;
}

/* A strand for a task, if it cannot have the one that has nothing to do: one of
 * the idle, or a new one. */
static __attribute__((noinline)) int green_strand(struct thrumi_hub *hub,
                                                  size_t stack_size,
                                                  struct thrumi_strand **ret)
{
    struct thrumi_strand *strand = hub->idle;

    if (stack_size != 0 || strand == NULL)
        return green_new(hub, stack_size, ret);
    hub->idle = strand->idle;
    hub->idle_count--;
    *ret = strand;
    return 0;
}

/* A strand keeps its greenlet for the next task, unless somebody else has taken
 * a reference of it. */
static __attribute__((noinline)) int
green_dress_anew(struct thrumi_hub *hub, struct thrumi_strand *strand)
{
    struct thrum_greenlet *greenlet = thrumi_record_alloc();

    if (greenlet == NULL)
        return -ENOMEM;
    thrumi_greenlet_dress(hub->loom, strand, greenlet);
    return 0;
}

/* Puts a strand to the idle ones; false: there are enough. */
static bool green_rest(struct thrumi_hub *hub, struct thrumi_strand *strand)
{
    if (hub->ending || hub->idle_count >= GREEN_MOST_IDLE || strand->own_size)
        return false;
    strand->idle = hub->idle;
    hub->idle = strand;
    hub->idle_count++;
    return true;
}

/* One that could not be dressed waits for better times. */
static void green_put_back(struct thrumi_hub *hub, struct thrumi_strand *strand)
{
    if (green_rest(hub, strand))
        return;
    thrumi_green_gone(hub->loom, strand);
    thrumi_strand_free(strand);
}

/* The strand on which the task begins. */
static int green_prepare(struct thrumi_hub *hub,
                         const struct thrumi_task_extra *extra,
                         struct thrumi_strand **strand)
{
    size_t stack_size = extra == NULL ? 0 : extra->stack_size;
    struct thrumi_strand *given = *strand;
    int rc = 0;

    if (given == NULL || stack_size != 0 || given->own_size)
        rc = green_strand(hub, stack_size, strand);
    if (thrumi_unlikely(rc != 0))
        return rc;
    if (thrumi_likely((*strand)->handle != NULL))
        return 0;
    rc = green_dress_anew(hub, *strand);
    if (rc != 0 && *strand != given)
        green_put_back(hub, *strand);
    return rc;
}

struct thrumi_strand *thrumi_green_begin(struct thrumi_hub *hub,
                                         thrum_future *task,
                                         struct thrumi_strand *free_strand)
{
    const struct thrumi_task_extra *extra = task->extra.task;
    struct thrumi_strand *strand = free_strand;
    int rc;

    if (thrumi_unlikely(!thrumi_future_startable(task) || hub->ending)) {
        thrumi_green_drop(hub, task, THRUM_ECANCELLED);
        return NULL;
    }
    rc = green_prepare(hub, extra, &strand);
    if (thrumi_unlikely(rc != 0)) {
        thrumi_green_drop(hub, task, rc);
        return NULL;
    }
    green_wash(strand);
    if (thrumi_unlikely(extra != NULL))
        green_take_extra(strand, extra);
    /* release: pairs with the acquires of those who walk over strands */
    atomic_store_explicit(&strand->kind, THRUMI_STRAND_GREENLET,
                          memory_order_release);
    hub->loom->current = (struct thrum_greenlet *)strand->handle;
    hub->beginning = task;
    thrumi_count(&hub->watch.spawned, 1);
    THRUMI_PROBE3(hub__begin, hub, strand, task->fn);
    return strand;
}

/* ---- running ---- */

/* In a forked child the one that called fork() was the main greenlet. */
static void green_check_fork(struct thrumi_hub *hub)
{
    if (thrumi_unlikely(hub->generation != thrumi_fork_generation() ||
                        hub->loom->current == hub->main))
        thrumi_fork_exit();
}

/* Runs one task to its end. */
static void green_do(struct thrumi_hub *hub, struct thrumi_strand *strand,
                     thrum_future *task)
{
    struct thrumi_loom *loom = hub->loom;
    struct thrumi_timing timing;
    unsigned phase = THRUMI_CANCELLED;

    thrum_hub_runs = 1;
    if (thrumi_unlikely(task->place != 0))
        phase = thrumi_green_pool_run(task, &strand->context);
    else if (thrumi_likely(thrumi_future_start(task)))
        phase = thrumi_task_execute(task, &strand->context, true, &timing);
    else
        thrum_future_unref(task); /* cancelled just now */
    green_check_fork(hub);
    thrumi_count(&hub->watch.ended, 1);
    THRUMI_PROBE3(hub__end, hub, strand, phase);
    thrum_hub_runs = 0;
    thrumi_strand_hide(strand, loom);
    if (thrumi_unlikely(!thrumi_handle_is_sole(strand->handle)))
        thrumi_greenlet_undress(loom, loom->current, phase);
    loom->current = hub->main; /* until somebody goes on */
    green_settled(hub, task, strand->home);
}

void thrumi_green_gone(struct thrumi_loom *loom, struct thrumi_strand *strand)
{
    thrumi_list_remove(&strand->link);
    loom->hub->strands--;
}

static void green_take_off(struct thrumi_ready_queue *queue, uintptr_t ready)
{
    for (unsigned n = thrumi_ready_length(queue); n > 0; n--) {
        uintptr_t first = thrumi_ready_pop(queue);

        if (first != ready)
            thrumi_ready_push(queue, first);
    }
}

/* The stop of the program's wait lies on a stack that is about to be used for
 * other things. */
void thrumi_green_unwound(struct thrumi_loom *loom)
{
    struct thrumi_hub *hub = loom->hub;
    struct thrumi_stop *stop = hub->main_stop;

    if (stop == NULL || hub->generation != thrumi_fork_generation())
        return;
    hub->main_stop = NULL;
    hub->program->parked = NULL;
    green_take_off(&hub->ready, thrumi_ready_stop(stop));
    if (stop->parking == NULL || stop->parking != hub->awaiting) {
        thrumi_hub_stop_timer(hub, stop);
        return;
    }
    hub->awaited = NULL;
    hub->awaiting = NULL;
}

/* The strand ends, and so does what it was dressed as. */
static struct thrumi_strand *green_end(struct thrumi_hub *hub,
                                       struct thrumi_strand *strand,
                                       struct thrumi_strand *next)
{
    if (strand->handle != NULL) {
        struct thrum_greenlet *current = hub->loom->current;

        thrumi_greenlet_undress(
            hub->loom, (struct thrum_greenlet *)strand->handle, THRUMI_VALUE);
        hub->loom->current = current;
    }
    thrumi_green_gone(hub->loom, strand);
    return next;
}

static struct thrumi_strand *green_run(struct thrumi_strand *strand)
{
    struct thrumi_hub *hub = strand->loom->hub;

    for (;;) {
        thrum_future *task = hub->beginning;
        struct thrumi_strand *next;

        hub->beginning = NULL;
        if (thrumi_unlikely(task == NULL)) /* it is to end */
            return green_end(hub, strand, hub->returns_to);
        green_do(hub, strand, task);
        next = thrumi_hub_next(hub, strand);
        if (next == strand)
            continue;
        if (thrumi_unlikely(!green_rest(hub, strand)))
            return green_end(hub, strand, next);
        thrumi_stop_switch(hub->loom, next);
        if (thrumi_unlikely(hub->loom->dead != NULL))
            thrumi_strand_reap(hub->loom);
    }
}

void thrumi_green_end_idle(struct thrumi_hub *hub)
{
    hub->returns_to = thrumi_strand_current();
    while (hub->idle != NULL) {
        struct thrumi_strand *strand = hub->idle;

        hub->idle = strand->idle;
        thrumi_strand_switch(strand);
    }
    hub->idle_count = 0;
}
