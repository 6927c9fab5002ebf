/* SPDX-License-Identifier: MIT */
/*
 * hub/spawn.c - greenlets of a hub: beginning and ending them.
 *
 * A spawned greenlet is a task of its hub's executor, so its handle is a future
 * like any other, and to submit to that executor from another thread is to
 * spawn there.
 *
 * What a task of another executor spawns must not outlive it: it counts in the
 * body of that task, its home, which joins before its future settles.
 */
#include <thrum/green.h>

#include <errno.h>

#include "base/alloc.h"
#include "coro/loom.h"
#include "hub/green_pool.h"
#include "hub/hub.h"
#include "sys/clock.h"
#include "sys/fork.h"
#include "sys/probe.h"
#include "sys/thread.h"
#include "task/guard.h"
#include "task/submit.h"
#include "task/task.h"

/* ---- home ---- */

/* The body of another executor's task that what is spawned here belongs to. */
static struct thrumi_body *spawn_home(struct thrumi_hub *hub)
{
    struct thrumi_loom *loom = hub->loom;
    struct thrumi_strand *strand;

    if (!loom->current->handle.spawned)
        return hub->program->body;
    strand = loom->current->handle.strand;
    return strand->context.pool != NULL ? strand->body : strand->home;
}

/* Counts a task in its home; nothing for those of the main program. */
static int spawn_at_home(struct thrumi_hub *hub, thrum_future *task)
{
    struct thrumi_body *home = spawn_home(hub);
    struct thrumi_task_extra *extra;

    if (thrumi_likely(home == NULL))
        return 0;
    extra = thrumi_task_extra(task);
    if (extra == NULL)
        return -ENOMEM;
    extra->home = home;
    if (home->spawned++ == 0)
        home->joining = NULL;
    return 0;
}

void thrumi_hub_left_home(struct thrumi_body *home)
{
    if (--home->spawned == 0 && home->joining != NULL)
        thrumi_parking_wake(home->joining);
}

void thrumi_hub_join(struct thrumi_scheduler *scheduler,
                     struct thrumi_body *body)
{
    struct thrumi_hub *hub = thrumi_hub_of(scheduler);
    struct thrumi_parking parking;

    if (hub->generation != thrumi_fork_generation())
        return; /* they are the parent's */
    /* one that the program has made may spawn others before this goes on */
    while (body->spawned > 0) {
        thrumi_parking_init(&parking);
        thrumi_parking_for(&parking, "the greenlets that the task has spawned",
                           NULL);
        body->joining = &parking;
        thrumi_parking_finish(&parking);
        body->joining = NULL;
    }
}

/* ---- spawning ---- */

int thrumi_hub_enqueue(void *self, thrum_task *opaque)
{
    struct thrumi_hub *hub = self;
    thrum_future *task = (thrum_future *)opaque;
    int rc;

    if (thrumi_unlikely(thrumi_self()->scheduler != &hub->scheduler))
        return thrumi_hub_send(hub, thrumi_ready_task(task)) ? 0
                                                             : THRUM_ESHUTDOWN;
    if (thrumi_unlikely(hub->ending))
        return THRUM_ESHUTDOWN;
    rc = spawn_at_home(hub, task);
    THRUMI_PROBE3(hub__spawn, hub, task, task->fn);
    if (thrumi_likely(rc == 0))
        thrumi_ready_push(&hub->ready, thrumi_ready_task(task));
    return rc;
}

/* The end of a spawn: the caller's reference, or, when the hub has not taken the
 * task, nothing. */
static inline int spawn_hand_out(thrum_future *task, int rc, thrum_future **ret)
{
    if (thrumi_unlikely(rc != 0))
        thrumi_task_discard(task);
    else if (ret != NULL)
        *ret = task;
    else
        thrum_future_unref(task);
    return rc;
}

int thrum_spawn(thrum_fn *fn, const void *arg, size_t size, thrum_future **ret)
{
    const struct thrumi_call call = {fn, arg, size, NULL};
    struct thrumi_hub *hub = thrumi_hub_get();
    thrum_future *task = NULL;
    int rc;

    if (thrumi_unlikely(fn == NULL))
        return -EINVAL;
    rc = hub == NULL ? -ENOMEM : thrumi_task_new(&hub->executor, &call, &task);
    if (thrumi_unlikely(rc != 0))
        return rc;
    task->detached = ret == NULL;
    return spawn_hand_out(task, thrumi_hub_enqueue(hub, (thrum_task *)task),
                          ret);
}

/* ---- spawning with options ---- */

/* A task that begins later: a stop without a greenlet. */
struct spawn_later {
    struct thrumi_stop stop;
    thrum_future *task;
};

static void spawn_later_fire(struct thrumi_hub *hub, struct thrumi_stop *stop)
{
    struct spawn_later *later =
        thrumi_container_of(stop, struct spawn_later, stop);

    if (hub->ending)
        thrumi_green_drop(hub, later->task, THRUM_ECANCELLED);
    else
        thrumi_ready_push(&hub->ready, thrumi_ready_task(later->task));
    thrumi_free(later);
}

static int spawn_start_later(struct thrumi_hub *hub, thrum_future *task,
                             int64_t delay_ns)
{
    struct spawn_later *later = thrumi_alloc_zero(sizeof(*later));
    int rc;

    if (later == NULL)
        return -ENOMEM;
    rc = spawn_at_home(hub, task);
    if (rc != 0) {
        thrumi_free(later);
        return rc;
    }
    later->task = task;
    later->stop.fire = spawn_later_fire;
    task->later = true;
    thrumi_hub_start_timer(hub, &later->stop, thrum_in_ns(delay_ns), true);
    return 0;
}

/* Sets what only greenlets have. */
static int spawn_set_options(thrum_future *task,
                             const thrum_spawn_options *options)
{
    struct thrumi_task_extra *extra;

    if (options->stack_size == 0)
        return 0;
    extra = thrumi_task_extra(task);
    if (extra == NULL)
        return -ENOMEM;
    extra->stack_size = options->stack_size;
    return 0;
}

int thrumi_spawn_check_stack(size_t size)
{
    if (size == 0)
        return 0;
    return size < thrumi_stack_least() ||
                   thrumi_stack_class_of(size) == THRUMI_STACK_CLASSES
               ? -EINVAL
               : 0;
}

static int spawn_check_options(const thrum_spawn_options *options)
{
    if (options->size < sizeof(*options) || options->delay_ns < 0)
        return -EINVAL;
    return thrumi_spawn_check_stack(options->stack_size);
}

static int spawn_submit(struct thrumi_hub *hub, thrum_future *task,
                        const thrum_spawn_options *options)
{
    int rc = spawn_set_options(task, options);

    if (rc != 0)
        return rc;
    if (hub->ending)
        return THRUM_ESHUTDOWN;
    if (options->delay_ns > 0)
        return spawn_start_later(hub, task, options->delay_ns);
    return thrumi_hub_enqueue(hub, (thrum_task *)task);
}

int thrum_spawn_with(thrum_fn *fn, const void *arg, size_t size,
                     const thrum_spawn_options *options, thrum_future **ret)
{
    thrum_submit_options submit = THRUM_SUBMIT_OPTIONS;
    const struct thrumi_call call = {fn, arg, size, &submit};
    struct thrumi_hub *hub = thrumi_hub_get();
    thrum_future *task;
    int rc;

    if (options == NULL)
        return thrum_spawn(fn, arg, size, ret);
    if (fn == NULL)
        return -EINVAL;
    rc = hub == NULL ? -ENOMEM : spawn_check_options(options);
    if (rc != 0)
        return rc;
    submit.name = options->name;
    submit.free_arg = options->free_arg;
    rc = thrumi_task_new(&hub->executor, &call, &task);
    if (rc != 0)
        return rc;
    task->detached = ret == NULL;
    return spawn_hand_out(task, spawn_submit(hub, task, options), ret);
}

/* ---- ending ---- */

void thrumi_hub_cancel(thrum_future *task)
{
    if (thrum_future_cancel(task) ||
        thrumi_future_phase(task) != THRUMI_RUNNING)
        return;
    thrumi_hub_cancel_context(
        atomic_load_explicit(&task->runner, memory_order_relaxed));
}

/* A kill that comes from another thread. */
struct spawn_kill {
    struct thrumi_errand errand;
    thrum_future *task; /* referenced */
};

/* Is it this hub that the task is on? The place of one that has ended is
 * another's. */
static bool spawn_is_here(struct thrumi_hub *hub, const thrum_future *task)
{
    return task->generation == hub->generation &&
           (task->executor == &hub->executor ||
            thrumi_green_pool_hub(task) == hub);
}

static void spawn_kill_run(struct thrumi_hub *hub, struct thrumi_errand *errand)
{
    struct spawn_kill *kill =
        thrumi_container_of(errand, struct spawn_kill, errand);

    if (spawn_is_here(hub, kill->task))
        thrumi_hub_cancel(kill->task);
    thrum_future_unref(kill->task);
    thrumi_free(kill);
}

static int spawn_send_kill(struct thrumi_hub *hub, thrum_future *task)
{
    struct spawn_kill *kill = thrumi_alloc_zero(sizeof(*kill));

    if (kill == NULL)
        return -ENOMEM;
    kill->errand.run = spawn_kill_run;
    kill->task = thrum_future_ref(task);
    if (thrumi_hub_send(hub, thrumi_ready_errand(&kill->errand)))
        return 0;
    thrum_future_unref(task); /* it has settled, with its thread */
    thrumi_free(kill);
    return 0;
}

int thrumi_hub_ask_on(struct thrumi_hub *hub, thrum_future *task)
{
    /* relaxed: a hint, no data comes with it */
    atomic_store_explicit(&task->cancel_requested, true, memory_order_relaxed);
    if (hub == NULL || task->generation != thrumi_fork_generation())
        return 0; /* it ends, and the task with it; or both are the parent's */
    if (thrumi_self()->scheduler != &hub->scheduler)
        return spawn_send_kill(hub, task);
    thrumi_hub_cancel(task);
    return 0;
}

/* Does the task run here? Then it cannot be waited for. */
static bool spawn_is_own(thrum_future *task)
{
    return thrumi_future_phase(task) == THRUMI_RUNNING &&
           atomic_load_explicit(&task->runner, memory_order_relaxed) ==
               thrumi_context_carrier(thrumi_context_running());
}

int thrumi_hub_kill_on(struct thrumi_hub *hub, thrum_future *task,
                       thrum_time deadline)
{
    int rc = thrumi_hub_ask_on(hub, task);

    if (rc != 0)
        return rc;
    if (spawn_is_own(task))
        return thrumi_guard_deliver(thrumi_context_running());
    return thrumi_future_wait(task, deadline);
}

int thrumi_hub_kill(void *self, thrum_future *task, thrum_time deadline)
{
    return thrumi_hub_kill_on(self, task, deadline);
}

int thrumi_hub_ask(void *self, thrum_future *task)
{
    return thrumi_hub_ask_on(self, task);
}

/* ---- many ---- */

int thrum_join_all(thrum_future *const *futures, size_t n, thrum_time deadline)
{
    int done = thrum_wait(futures, n, THRUM_ALL_COMPLETED, deadline);

    if (done < 0)
        return done;
    for (size_t i = 0; i < n; i++)
        if (!thrumi_future_settled(futures[i]))
            return -ETIMEDOUT;
    return 0;
}

int thrum_kill_all(thrum_future *const *futures, size_t n, thrum_time deadline)
{
    int failed = 0;

    for (size_t i = 0; i < n; i++) {
        int rc = thrum_future_kill(futures[i], THRUM_NOW);

        if (rc != 0 && rc != -ETIMEDOUT && failed == 0)
            failed = rc; /* the others are killed all the same */
    }
    return failed != 0 ? failed : thrum_join_all(futures, n, deadline);
}

/* ---- giving the turn away ---- */

int thrum_pass(void)
{
    struct thrumi_context *context = thrumi_context_running();
    struct thrumi_hub *hub = thrumi_hub_current();

    if (thrumi_context_in_callback(context))
        return THRUM_ECONTEXT;
    if (hub == NULL)
        thrumi_thread_yield();
    else
        thrumi_hub_pass(hub);
    if (thrumi_likely(!thrumi_context_guarded(context)))
        return 0;
    return thrumi_guard_check(context, hub == NULL ? 0 : hub->now);
}

int thrum_sleep(thrum_time deadline)
{
    int rc = thrumi_parking_sleep(deadline);

    return rc == -ETIMEDOUT && thrumi_time_past(deadline) ? 0 : rc;
}

thrum_greenlet *thrum_future_greenlet(thrum_future *future)
{
    struct thrumi_hub *hub = thrumi_hub_current();
    struct thrumi_context *context;

    if (hub == NULL || !spawn_is_here(hub, future) ||
        thrumi_future_phase(future) != THRUMI_RUNNING)
        return NULL;
    context = atomic_load_explicit(&future->runner, memory_order_relaxed);
    return (thrum_greenlet *)thrumi_container_of(context, struct thrumi_strand,
                                                 context)
        ->handle;
}
