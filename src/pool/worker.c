/* SPDX-License-Identifier: MIT */
/*
 * pool/worker.c - the life of a worker thread.
 *
 *     initializer -> [ find a task -> run it ]* -> nothing to find:
 *         poll for a while -> go to sleep -> woken, search again
 *
 * It looks at its own deque first, newest first, where the caches are warm;
 * every 61st time the lanes come first, so that tasks which breed tasks cannot
 * starve the others (the number is Go's, a prime).
 *
 * A task may end its thread (pthread_exit). The thread's last deed is then to
 * settle what it leaves behind and to see that another takes its place.
 */
#include <errno.h>
#include <limits.h>

#include "base/error.h"
#include "base/fence.h"
#include "base/log.h"
#include "pool/thread_pool.h"
#include "sys/park.h"
#include "task/callback.h"

#define WORKER_LANES_FIRST 61u
#define WORKER_BATCH       32u /* less than a deque's first array */
#define WORKER_DOZE_NS     1000000

/* ---- running ---- */

static void worker_count(struct thrumi_worker *worker, unsigned phase)
{
    struct thrumi_worker_counts *counts = &worker->counts;

    thrumi_count(phase == THRUMI_VALUE   ? &counts->done
                 : phase == THRUMI_ERROR ? &counts->failed
                                         : &counts->cancelled,
                 1);
}

void thrumi_worker_execute(struct thrumi_worker *worker, thrum_future *task,
                           bool owns)
{
    struct thrumi_timing timing = {false, 0, 0};
    int64_t floor = worker->floor;
    unsigned phase;

    worker->floor = thrumi_deque_mark(&worker->deque);
    thrumi_count(&worker->counts.begun, 1);
    phase = thrumi_task_execute(task, &worker->context, owns, &timing);
    worker->floor = floor;
    worker_count(worker, phase);
    if (thrumi_unlikely(timing.timed)) {
        thrumi_histogram_add(&worker->counts.wait, timing.wait_ns);
        thrumi_histogram_add(&worker->counts.run, timing.run_ns);
    }
}

static void worker_run_call(struct thrumi_worker *worker,
                            struct thrumi_slot slot)
{
    worker->floor = thrumi_deque_mark(&worker->deque);
    thrumi_count(&worker->counts.begun, 1);
    worker_count(worker, thrumi_body_run_detached(&worker->context,
                                                  &worker->pool->executor,
                                                  slot.fn, slot.arg));
}

void thrumi_worker_run(struct thrumi_worker *worker, struct thrumi_slot slot)
{
    thrum_future *task = slot.arg;

    if (slot.fn != NULL) {
        worker_run_call(worker, slot);
        return;
    }
    if (thrumi_likely(thrumi_future_start(task))) {
        thrumi_worker_execute(worker, task, true);
        return;
    }
    /* cancelled, and not run by one who waited for it; that one says that it
     * is the runner a moment after it has started it */
    if (thrumi_future_settled(task) &&
        atomic_load_explicit(&task->runner, memory_order_relaxed) == NULL)
        thrumi_count(&worker->counts.cancelled_queued, 1);
    thrum_future_unref(task);
}

/* ---- finding ---- */

bool thrumi_worker_steal(struct thrumi_pool *pool, unsigned *rotor,
                         const struct thrumi_worker *thief,
                         struct thrumi_slot *ret)
{
    unsigned places = atomic_load_explicit(&pool->places, memory_order_acquire);
    bool retry = false;

    for (unsigned i = 0; i < places; i += !retry) {
        unsigned place = (*rotor + i) % places;
        struct thrumi_worker *victim =
            atomic_load_explicit(&pool->workers[place], memory_order_acquire);

        retry = false;
        if (victim == NULL || victim == thief)
            continue;
        if (thrumi_deque_steal(&victim->deque, ret, &retry)) {
            *rotor = place;
            return true;
        }
    }
    return false;
}

/* Takes one from the lanes, and if they are long some more into the own deque,
 * where others can steal them. In reverse, so that the oldest is run first. */
static bool worker_find_lane(struct thrumi_worker *worker,
                             struct thrumi_slot *ret)
{
    struct thrumi_pool *pool = worker->pool;
    struct thrumi_slot slots[WORKER_BATCH];
    bool more =
        pool->admission.limit == 0 && thrumi_deque_length(&worker->deque) == 0;
    unsigned n =
        thrumi_injection_pop(&pool->injection, &worker->rotor, slots,
                             more ? WORKER_BATCH : 1, pool->max_workers);

    if (n == 0)
        return false;
    thrumi_admission_leave(&pool->admission);
    *ret = slots[0];
    if (n == 1)
        return true;
    while (--n > 0) /* an empty deque has room for a batch */
        (void)thrumi_deque_push(&worker->deque, slots[n]);
    /* in between they were nowhere, and somebody may have lain down */
    thrumi_pool_notify(pool);
    return true;
}

static bool worker_find_kind(struct thrumi_worker *worker,
                             enum thrumi_lane_kind kind,
                             struct thrumi_slot *ret)
{
    struct thrumi_pool *pool = worker->pool;

    if (!thrumi_injection_pop_kind(&pool->injection, kind, ret))
        return false;
    thrumi_admission_leave(&pool->admission);
    return true;
}

static bool worker_find_stolen(struct thrumi_worker *worker,
                               struct thrumi_slot *ret)
{
    if (!thrumi_worker_steal(worker->pool, &worker->rotor, worker, ret))
        return false;
    thrumi_count(&worker->counts.stolen, 1);
    return true;
}

static bool worker_find(struct thrumi_worker *worker, struct thrumi_slot *ret)
{
    if (worker_find_kind(worker, THRUMI_LANE_URGENT, ret))
        return true;
    if (thrumi_unlikely(++worker->tick % WORKER_LANES_FIRST == 0) &&
        worker_find_lane(worker, ret))
        return true;
    return thrumi_deque_pop(&worker->deque, 0, ret) ||
           worker_find_lane(worker, ret) || worker_find_stolen(worker, ret) ||
           worker_find_kind(worker, THRUMI_LANE_BACKGROUND, ret);
}

/* ---- searching, sleeping ---- */

/* It has found work: the token goes, and if there is more, so does a wake. */
static void worker_stop_search(struct thrumi_worker *worker)
{
    if (thrumi_likely(!worker->searching))
        return;
    worker->searching = false;
    if (thrumi_idle_stop_search(&worker->pool->idle) &&
        thrumi_pool_has_work(worker->pool))
        thrumi_pool_notify(worker->pool);
}

/* Looks around for a while before it sleeps: a wake-up costs more. */
static bool worker_poll(struct thrumi_worker *worker)
{
    struct thrumi_pool *pool = worker->pool;

    if (!worker->searching)
        worker->searching =
            thrumi_idle_start_search(&pool->idle, pool->spinners);
    if (!worker->searching || pool->spinners == 0)
        return false;
    for (unsigned step = 0; step < THRUMI_SPIN_STEPS; step++) {
        if (thrumi_pool_has_work(pool))
            return true;
        if (atomic_load_explicit(&pool->closing, memory_order_relaxed) != 0)
            return false;
        thrumi_spin(step);
    }
    return false;
}

/* There are more threads than asked for, since one that was blocked is not any
 * more. */
static bool worker_is_surplus(struct thrumi_worker *worker)
{
    return thrumi_pool_active(worker->pool) > worker->pool->max_workers &&
           thrumi_deque_length(&worker->deque) == 0;
}

/* What keeps a worker from lying down. */
static bool worker_must_stay(struct thrumi_worker *worker)
{
    struct thrumi_pool *pool = worker->pool;

    return thrumi_pool_has_work(pool) ||
           atomic_load_explicit(&pool->closing, memory_order_relaxed) != 0 ||
           worker_is_surplus(worker);
}

static thrum_time worker_idle_until(const struct thrumi_pool *pool)
{
    return pool->idle_ns == 0 ? THRUM_FOREVER : thrum_in_ns(pool->idle_ns);
}

/* It looks again once it is on the list: whoever has put a task into a queue
 * since then has seen it there. */
static void worker_sleep(struct thrumi_worker *worker)
{
    struct thrumi_idle *idle = &worker->pool->idle;
    struct thrumi_sleeper *sleeper = &worker->sleeper;
    bool searching = worker->searching;

    worker->searching = false;
    thrumi_idle_list(idle, sleeper, searching);
    if (worker_must_stay(worker)) {
        /* with a token either way: if there is more work than it takes, it
         * wakes the next one; and before it is off the list, so that whoever
         * looks for a sleeper finds a searcher instead */
        thrumi_idle_start_search(idle, UINT_MAX);
        if (!thrumi_idle_unlist(idle, sleeper)) {
            thrumi_idle_await_token(sleeper);
            thrumi_idle_stop_search(idle);
        }
        worker->searching = true;
        return;
    }
    worker->searching = thrumi_idle_sleep(
        idle, sleeper, worker_idle_until(worker->pool), &worker->expired);
}

static void worker_set_retired(struct thrumi_worker *worker, bool retired)
{
    struct thrumi_pool *pool = worker->pool;

    thrumi_mutex_lock(&pool->lock);
    worker->retired = retired;
    atomic_fetch_add_explicit(&pool->alive, retired ? -1u : 1u,
                              memory_order_relaxed);
    thrumi_mutex_unlock(&pool->lock);
}

/* It was idle for too long: true when it is to end. Who submits something now
 * either sees that it is not among the living any more, and starts another, or
 * is seen here. */
static bool worker_expire(struct thrumi_worker *worker)
{
    struct thrumi_pool *pool = worker->pool;

    worker_set_retired(worker, true);
    /* pairs with the fence of the submitter, in wake.c */
    thrumi_fence(&pool->idle.parked);
    if (!thrumi_pool_has_work(pool))
        return true;
    worker_set_retired(worker, false);
    worker->expired = false;
    return false;
}

/* Nothing was found: false when the worker is to end. */
static bool worker_wait(struct thrumi_worker *worker)
{
    struct thrumi_pool *pool = worker->pool;

    if (worker_poll(worker))
        return true;
    if (atomic_load_explicit(&pool->closing, memory_order_acquire) != 0) {
        thrumi_pool_seal(pool);
        return thrumi_pool_has_work(pool);
    }
    worker_sleep(worker);
    return !worker->expired || !worker_expire(worker);
}

/* Takes itself out of the number of the living if that is still too large. */
static bool worker_retire(struct thrumi_worker *worker)
{
    struct thrumi_pool *pool = worker->pool;
    bool retired;

    thrumi_mutex_lock(&pool->lock);
    retired = worker_is_surplus(worker);
    if (retired) {
        atomic_fetch_sub_explicit(&pool->alive, 1, memory_order_relaxed);
        worker->retired = true;
    }
    thrumi_mutex_unlock(&pool->lock);
    return retired;
}

static void worker_loop(struct thrumi_worker *worker)
{
    struct thrumi_slot slot;

    for (;;) {
        if (thrumi_unlikely(worker_is_surplus(worker)) && worker_retire(worker))
            return;
        if (thrumi_likely(worker_find(worker, &slot))) {
            worker_stop_search(worker);
            thrumi_worker_run(worker, slot);
            worker->floor = 0;
            worker->help_depth = 0;
        } else if (!worker_wait(worker)) {
            return;
        }
    }
}

/* ---- beginning and ending ---- */

/* The pool cannot do what it was made for: nothing is left to hope for. */
static void worker_break_pool(struct thrumi_pool *pool, const char *why)
{
    thrumi_log(THRUM_LOG_ERROR, "thread pool %s is broken: %s",
               pool->name_prefix, why);
    thrumi_pool_close(pool, THRUM_EBROKEN);
    thrumi_pool_seal(pool);
    thrumi_pool_drain(pool, THRUM_EBROKEN);
}

/* Runs at the end of the thread, however that comes about. `replace`: another
 * takes its place; if none can be had and it was the last, what is queued would
 * wait for ever. */
static void worker_end(struct thrumi_worker *worker, bool replace)
{
    struct thrumi_pool *pool = worker->pool;

    worker_stop_search(worker);
    if (!thrumi_worker_leave(worker, replace))
        worker_break_pool(pool, "no thread for those that have ended");
    thrumi_pool_release(pool);
}

/* A task or callback has called pthread_exit(). An initializer that does this
 * has failed. */
static void worker_was_ended(void *arg)
{
    struct thrumi_worker *worker = arg;
    bool initialized = worker->initialized;

    thrumi_task_abandon(&worker->context);
    thrumi_callback_resume(&worker->context);
    if (initialized)
        worker_count(worker, THRUMI_ERROR);
    else
        worker_break_pool(worker->pool, "its initializer has ended its thread");
    worker_end(worker, initialized);
}

static int worker_initialize(struct thrumi_worker *worker)
{
    const thrum_thread_pool_options *options = &worker->pool->options;

    if (options->initializer == NULL)
        return 0;
    return options->initializer(options->initializer_arg);
}

void *thrumi_worker_main(void *arg)
{
    struct thrumi_worker *worker = arg;
    int rc;

    thrumi_context_running(); /* so that the thread's end is noticed */
    thrumi_self()->running = &worker->context;
    thrumi_thread_set_name(worker->pool->name_prefix, worker->index);
    worker->stack_low = thrumi_thread_stack().low;
    pthread_cleanup_push(worker_was_ended, worker);
    rc = worker_initialize(worker);
    worker->initialized = rc >= 0;
    if (worker->initialized)
        worker_loop(worker);
    else
        worker_break_pool(worker->pool, "its initializer has failed");
    pthread_cleanup_pop(0);
    worker_end(worker, false);
    return NULL;
}
