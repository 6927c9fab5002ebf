/* SPDX-License-Identifier: MIT */
/*
 * hub/green_pool.c - how tasks come into a green pool, and run.
 *
 * From outside a task goes through the bounded queue's admission; one that a
 * task of the pool submits does not, since it might wait for itself. Both lie in
 * the pool's queues until a hub takes them.
 *
 * The limit counts tasks that were taken and have not ended, but for those that
 * wait for what is in the pool's own queue: these have lent their places.
 */
#include "hub/green_pool.h"

#include <errno.h>

/* ---- taking ---- */

static bool green_pool_has_room(const struct thrumi_green_pool *pool)
{
    return pool->options.limit == 0 ||
           pool->live < (unsigned)pool->options.limit + pool->lent;
}

thrum_future *thrumi_green_pool_pop(struct thrumi_green_pool *pool)
{
    for (unsigned i = 0; i < THRUMI_GREEN_QUEUES; i++) {
        uintptr_t ready = thrumi_ready_pop(&pool->queues[i]);

        if (ready != 0)
            return thrumi_ready_of(ready);
    }
    return NULL;
}

static struct thrumi_hub *green_pool_hub_of(struct thrumi_green_place *place)
{
    /* acquire: pairs with the release in thrumi_green_place_open() */
    return atomic_load_explicit(&place->hub, memory_order_acquire);
}

static bool green_pool_place_is_full(const struct thrumi_green_place *place)
{
    return place->pool->spread && place->served;
}

/* A place that has a hub which does not know yet that there is something; the
 * one with the fewest tasks. */
static struct thrumi_green_place *
green_pool_hungry(struct thrumi_green_pool *pool)
{
    struct thrumi_green_place *best = NULL;

    for (unsigned i = 0; i < pool->place_count; i++) {
        struct thrumi_green_place *place = &pool->places[i];

        if (place->feeding || green_pool_hub_of(place) == NULL ||
            green_pool_place_is_full(place))
            continue;
        if (best == NULL || place->live < best->live)
            best = place;
    }
    return best;
}

/* Sends the feed. False: the hub has ended. */
static bool green_pool_send(struct thrumi_hub *hub, struct thrumi_errand *feed)
{
    if (thrumi_self()->scheduler != &hub->scheduler)
        return thrumi_hub_send(hub, thrumi_ready_errand(feed));
    thrumi_ready_push(&hub->ready, thrumi_ready_errand(feed));
    return true;
}

void thrumi_green_pool_feed(struct thrumi_green_pool *pool)
{
    struct thrumi_green_place *place;

    if (thrumi_green_pool_empty(pool) || !green_pool_has_room(pool))
        return;
    place = green_pool_hungry(pool);
    if (place == NULL)
        return;
    place->feeding = true;
    thrumi_executor_hold(&pool->executor);
    if (green_pool_send(green_pool_hub_of(place), &place->feed))
        return;
    place->feeding = false;
    thrumi_executor_release(&pool->executor);
}

/* The hub takes a task, and comes again if there is more. */
void thrumi_green_pool_take(struct thrumi_hub *hub,
                            struct thrumi_errand *errand)
{
    struct thrumi_green_place *place =
        thrumi_container_of(errand, struct thrumi_green_place, feed);
    struct thrumi_green_pool *pool = place->pool;
    thrum_future *task = NULL;
    bool again;

    thrumi_mutex_lock(&pool->lock);
    if (green_pool_hub_of(place) == hub && green_pool_has_room(pool) &&
        !green_pool_place_is_full(place))
        task = thrumi_green_pool_pop(pool);
    if (task != NULL) {
        task->place = (uint16_t)(place->index + 1);
        place->live++;
        place->served = true;
        pool->live++;
    }
    again = task != NULL && !thrumi_green_pool_empty(pool) &&
            green_pool_has_room(pool) && !green_pool_place_is_full(place);
    place->feeding = again;
    if (again)
        thrumi_ready_push(&hub->ready, thrumi_ready_errand(errand));
    else
        thrumi_green_pool_feed(pool);
    thrumi_green_pool_unlock(pool);
    if (task != NULL)
        thrumi_admission_leave(&pool->admission);
    if (!again)
        thrumi_executor_release(&pool->executor);
    hub->taken = task;
}

/* ---- running ---- */

/* One that was taken is over. */
static void green_pool_leave(struct thrumi_green_place *place)
{
    struct thrumi_green_pool *pool = place->pool;

    thrumi_executor_hold(&pool->executor); /* it may be the end of it */
    thrumi_mutex_lock(&pool->lock);
    if (place->live > 0) { /* else its hub has ended, and was told so */
        place->live--;
        pool->live--;
    }
    thrumi_green_pool_feed(pool);
    thrumi_green_pool_unlock(pool);
    thrumi_executor_release(&pool->executor);
}

/* What is to be done when a task is over, however that comes about: a call of
 * pthread_exit() unwinds the greenlet. */
struct green_pool_run {
    struct thrumi_green_place *place;
    struct thrumi_context *context;
    struct thrumi_timing timing;
    unsigned phase; /* what it came to */
    bool returned;  /* else the thread ends */
};

static void green_pool_count(struct thrumi_green_counts *counts, unsigned phase)
{
    thrumi_count(phase == THRUMI_VALUE   ? &counts->done
                 : phase == THRUMI_ERROR ? &counts->failed
                                         : &counts->cancelled,
                 1);
}

/* The thread ends on the stack of a task: its main greenlet, which sleeps, is
 * not to be woken any more. The task is still under way, so nobody has. */
static void green_pool_forsake(struct thrumi_green_place *place)
{
    thrumi_mutex_lock(&place->pool->lock);
    place->sleeper = NULL;
    thrumi_mutex_unlock(&place->pool->lock);
}

static void green_pool_ran(struct green_pool_run *run)
{
    struct thrumi_green_counts *counts = &run->place->counts;

    if (thrumi_executor_check(&run->place->pool->executor) != 0)
        return; /* a forked child */
    if (thrumi_unlikely(!run->returned))
        green_pool_forsake(run->place);
    run->context->pool = NULL;
    green_pool_count(counts, run->phase);
    if (thrumi_unlikely(run->timing.timed)) {
        thrumi_histogram_add(&counts->wait, run->timing.wait_ns);
        thrumi_histogram_add(&counts->run, run->timing.run_ns);
    }
    green_pool_leave(run->place);
}

static unsigned green_pool_execute(struct thrumi_green_place *place,
                                   thrum_future *task,
                                   struct thrumi_context *context)
{
    __attribute__((cleanup(green_pool_ran))) struct green_pool_run run = {
        place, context, {false, 0, 0}, THRUMI_ERROR, false};

    thrumi_count(&place->counts.begun, 1);
    context->pool = &place->pool->executor;
    run.phase = thrumi_task_execute(task, context, true, &run.timing);
    run.returned = true;
    return run.phase;
}

static struct thrumi_green_pool *green_pool_of(const thrum_executor *executor)
{
    return executor->self;
}

unsigned thrumi_green_pool_run(thrum_future *task,
                               struct thrumi_context *context)
{
    thrum_executor *executor = task->executor;
    unsigned place = task->place;

    if (thrumi_likely(thrumi_future_start(task)))
        return green_pool_execute(&green_pool_of(executor)->places[place - 1],
                                  task, context);
    thrum_future_unref(task); /* cancelled just now */
    thrumi_green_pool_dropped(executor, place, true);
    return THRUMI_CANCELLED;
}

void thrumi_green_pool_dropped(thrum_executor *executor, unsigned place,
                               bool cancelled)
{
    struct thrumi_green_place *at = &green_pool_of(executor)->places[place - 1];

    thrumi_count(cancelled ? &at->counts.cancelled_queued
                           : &at->counts.failed_queued,
                 1);
    green_pool_leave(at);
}

struct thrumi_hub *thrumi_green_pool_hub(const thrum_future *task)
{
    if (task->place == 0)
        return NULL;
    return green_pool_hub_of(
        &green_pool_of(task->executor)->places[task->place - 1]);
}

void thrumi_green_pool_lend(thrum_executor *executor)
{
    struct thrumi_green_pool *pool = green_pool_of(executor);

    thrumi_mutex_lock(&pool->lock);
    pool->lent++;
    thrumi_green_pool_feed(pool);
    thrumi_mutex_unlock(&pool->lock);
}

void thrumi_green_pool_lent(thrum_executor *executor)
{
    struct thrumi_green_pool *pool = green_pool_of(executor);

    thrumi_mutex_lock(&pool->lock);
    pool->lent--;
    thrumi_mutex_unlock(&pool->lock);
}

int thrumi_green_pool_kill(void *self, thrum_future *task, thrum_time deadline)
{
    struct thrumi_hub *hub = thrumi_green_pool_hub(task);

    (void)self;
    if (task->place == 0)
        return -ENOTSUP; /* it runs in its submitter */
    return thrumi_hub_kill_on(hub, task, deadline);
}

int thrumi_green_pool_ask(void *self, thrum_future *task)
{
    (void)self;
    return thrumi_hub_ask_on(thrumi_green_pool_hub(task), task);
}

/* ---- coming in ---- */

bool thrumi_green_pool_inside(const struct thrumi_green_pool *pool)
{
    for (struct thrumi_context *context = thrumi_context_running();
         context != NULL; context = context->carrier)
        if (context->pool == &pool->executor)
            return true;
    return false;
}

/* The queue is full and the caller runs it. */
static int green_pool_run_outside(struct thrumi_green_pool *pool,
                                  thrum_future *task)
{
    unsigned phase;

    thrum_future_ref(task);
    thrumi_task_run(task);
    phase = thrumi_future_phase(task);
    thrum_future_unref(task);
    atomic_fetch_add_explicit(phase == THRUMI_VALUE ? &pool->outside_done
                              : phase == THRUMI_ERROR
                                  ? &pool->outside_failed
                                  : &pool->outside_cancelled,
                              1, memory_order_relaxed);
    return 0;
}

/* How many tasks nobody has taken. */
static unsigned green_pool_queued(const struct thrumi_green_pool *pool)
{
    return pool->queues[THRUMI_GREEN_URGENT].length +
           pool->queues[THRUMI_GREEN_NORMAL].length +
           pool->queues[THRUMI_GREEN_BACKGROUND].length;
}

/* A place without a thread, when there are more tasks than threads that have
 * nothing to do; or NULL. */
static struct thrumi_green_place *
green_pool_lacks(struct thrumi_green_pool *pool)
{
    struct thrumi_green_place *none = NULL;
    unsigned free = 0;

    if (pool->alive == pool->place_count)
        return NULL;
    for (unsigned i = 0; i < pool->place_count; i++) {
        struct thrumi_green_place *place = &pool->places[i];

        if (place->state != THRUMI_GREEN_RUNS)
            none = none == NULL ? place : none;
        else
            free += place->live == 0 && !green_pool_place_is_full(place);
    }
    return free > green_pool_queued(pool) ? NULL : none;
}

/* Sees to a thread for one more task. Only the first must start. */
static int green_pool_need_thread(struct thrumi_green_pool *pool)
{
    struct thrumi_green_place *place;
    int rc;

    if (pool->options.threads == 0)
        return 0;
    place = green_pool_lacks(pool);
    if (place == NULL)
        return 0;
    rc = thrumi_green_thread_start(place);
    return pool->alive > 0 && !pool->spread ? 0 : rc;
}

static struct thrumi_ready_queue *
green_pool_queue(struct thrumi_green_pool *pool, const thrum_future *task)
{
    int priority = thrumi_task_priority(task);

    return &pool->queues[priority == 0  ? THRUMI_GREEN_NORMAL
                         : priority > 0 ? THRUMI_GREEN_URGENT
                                        : THRUMI_GREEN_BACKGROUND];
}

static int green_pool_push(struct thrumi_green_pool *pool, thrum_future *task)
{
    int rc;

    thrumi_mutex_lock(&pool->lock);
    rc = atomic_load_explicit(&pool->closing, memory_order_relaxed);
    if (rc == 0)
        rc = green_pool_need_thread(pool);
    if (rc == 0) {
        thrumi_ready_push(green_pool_queue(pool, task),
                          thrumi_ready_task(task));
        pool->submitted++;
        thrumi_green_pool_feed(pool);
    }
    thrumi_mutex_unlock(&pool->lock);
    return rc;
}

static int green_pool_set_stack(const struct thrumi_green_pool *pool,
                                thrum_future *task)
{
    struct thrumi_task_extra *extra;

    if (thrumi_likely(pool->options.stack_size == 0))
        return 0;
    extra = thrumi_task_extra(task);
    if (extra == NULL)
        return -ENOMEM;
    extra->stack_size = pool->options.stack_size;
    return 0;
}

int thrumi_green_pool_enqueue(void *self, thrum_task *opaque)
{
    struct thrumi_green_pool *pool = self;
    thrum_future *task = (thrum_future *)opaque;
    int rc = atomic_load_explicit(&pool->closing, memory_order_acquire);

    if (rc == 0)
        rc = green_pool_set_stack(pool, task);
    if (rc != 0)
        return rc;
    if (pool->admission.limit != 0 && thrumi_green_pool_inside(pool))
        thrumi_admission_enter(&pool->admission);
    else
        rc =
            thrumi_admission_admit(&pool->admission, pool->options.queue_policy,
                                   pool->options.block_ns);
    if (rc == 1)
        return green_pool_run_outside(pool, task);
    if (rc != 0)
        return rc;
    rc = green_pool_push(pool, task);
    if (rc != 0)
        thrumi_admission_leave(&pool->admission);
    return rc;
}

void thrumi_green_pool_spread(thrum_executor *executor)
{
    green_pool_of(executor)->spread = true;
}
