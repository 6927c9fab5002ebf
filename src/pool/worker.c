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

#include "base/alloc.h"
#include "base/error.h"
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
         * wakes the next one */
        if (thrumi_idle_unlist(idle, sleeper))
            thrumi_idle_start_search(idle, UINT_MAX);
        else
            thrumi_idle_await_token(sleeper);
        worker->searching = true;
        return;
    }
    worker->searching = thrumi_idle_sleep(idle, sleeper);
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
    return true;
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
static void worker_break_pool(struct thrumi_worker *worker, const char *why)
{
    thrumi_log(THRUM_LOG_ERROR, "thread pool %s is broken: %s",
               worker->pool->name_prefix, why);
    thrumi_pool_close(worker->pool, THRUM_EBROKEN);
    thrumi_pool_seal(worker->pool);
    thrumi_pool_drain(worker->pool, THRUM_EBROKEN);
}

/* The last of the living tells those who wait for the end. */
static void worker_leave(struct thrumi_worker *worker)
{
    struct thrumi_pool *pool = worker->pool;

    thrumi_mutex_lock(&pool->lock);
    if (!worker->retired)
        atomic_fetch_sub_explicit(&pool->alive, 1, memory_order_relaxed);
    if (worker->dying) /* after that: it must not make another surplus */
        atomic_fetch_sub_explicit(&pool->blocked, 1, memory_order_seq_cst);
    worker->state = THRUMI_WORKER_ENDED;
    if (pool->orphaned) {
        pthread_detach(worker->thread);
        worker->state = THRUMI_WORKER_NONE;
    }
    if (atomic_load_explicit(&pool->alive, memory_order_relaxed) == 0)
        thrumi_pool_ended(pool);
    thrumi_mutex_unlock(&pool->lock);
}

/* Runs at the end of the thread, however that comes about. */
static void worker_end(void *arg)
{
    struct thrumi_worker *worker = arg;
    struct thrumi_pool *pool = worker->pool;

    worker_stop_search(worker);
    worker_leave(worker);
    thrumi_self()->running = &thrumi_self()->thread;
    thrumi_pool_release(pool);
}

/* Stops counting among the living, which another may do in its place. */
static void worker_resign(struct thrumi_worker *worker)
{
    thrumi_mutex_lock(&worker->pool->lock);
    atomic_fetch_sub_explicit(&worker->pool->alive, 1, memory_order_relaxed);
    worker->retired = true;
    thrumi_mutex_unlock(&worker->pool->lock);
}

/* A task or callback has called pthread_exit(). Another thread takes its
 * place; if none can be had and it was the last, what is queued would wait for
 * ever. An initializer that does this has failed. */
static void worker_was_ended(void *arg)
{
    struct thrumi_worker *worker = arg;
    struct thrumi_pool *pool = worker->pool;

    thrumi_task_abandon(&worker->context);
    thrumi_callback_resume(&worker->context);
    worker_resign(worker);
    if (!worker->initialized) {
        worker_break_pool(worker, "its initializer has ended its thread");
    } else {
        worker_count(worker, THRUMI_ERROR);
        if (thrumi_worker_start(pool, false) != 0 &&
            atomic_load_explicit(&pool->alive, memory_order_relaxed) == 0)
            worker_break_pool(worker, "no thread for those that have ended");
    }
    worker_end(worker);
}

static int worker_initialize(struct thrumi_worker *worker)
{
    const thrum_thread_pool_options *options = &worker->pool->options;

    if (options->initializer == NULL)
        return 0;
    return options->initializer(options->initializer_arg);
}

static void *worker_main(void *arg)
{
    struct thrumi_worker *worker = arg;
    int rc;

    thrumi_context_running(); /* so that the thread's end is noticed */
    thrumi_self()->running = &worker->context;
    thrumi_thread_set_name(worker->pool->name_prefix, worker->index);
    worker->stack_low = thrumi_thread_stack_low();
    pthread_cleanup_push(worker_was_ended, worker);
    rc = worker_initialize(worker);
    worker->initialized = rc >= 0;
    if (worker->initialized)
        worker_loop(worker);
    else
        worker_break_pool(worker, "its initializer has failed");
    pthread_cleanup_pop(0);
    worker_end(worker);
    return NULL;
}

/* Makes the worker of a place that never had one. */
static struct thrumi_worker *worker_new(struct thrumi_pool *pool,
                                        unsigned place)
{
    struct thrumi_worker *worker = thrumi_alloc_zero(sizeof(*worker));

    if (worker == NULL)
        return NULL;
    if (!thrumi_deque_init(&worker->deque)) {
        thrumi_free(worker);
        return NULL;
    }
    worker->pool = pool;
    worker->index = place;
    thrumi_sleeper_init(&worker->sleeper);
    /* release: pairs with the acquires of those who steal */
    atomic_store_explicit(&pool->workers[place], worker, memory_order_release);
    if (place >= atomic_load_explicit(&pool->places, memory_order_relaxed))
        atomic_store_explicit(&pool->places, place + 1, memory_order_release);
    return worker;
}

/* A place without a thread; joins the one that had it. The lock is held. */
static struct thrumi_worker *worker_take_place(struct thrumi_pool *pool)
{
    for (unsigned i = 0; i < pool->max_threads; i++) {
        struct thrumi_worker *worker =
            atomic_load_explicit(&pool->workers[i], memory_order_relaxed);

        if (worker == NULL)
            return worker_new(pool, i);
        if (worker->state == THRUMI_WORKER_ENDED) {
            /* it has nothing left to do but to return */
            pthread_join(worker->thread, NULL);
            worker->state = THRUMI_WORKER_NONE;
        }
        if (worker->state == THRUMI_WORKER_NONE)
            return worker;
    }
    return NULL;
}

static int worker_start_thread(struct thrumi_pool *pool,
                               struct thrumi_worker *worker)
{
    const struct thrumi_thread_options options = {
        pool->options.stack_size, pool->affinity, pool->options.affinity_count,
        &pool->mask};
    int rc;

    thrumi_executor_hold(&pool->executor);
    atomic_fetch_add_explicit(&pool->alive, 1, memory_order_relaxed);
    worker->state = THRUMI_WORKER_ALIVE;
    rc = thrumi_thread_start(&worker->thread, &options, worker_main, worker);
    if (rc == 0)
        return 0;
    worker->state = THRUMI_WORKER_NONE;
    atomic_fetch_sub_explicit(&pool->alive, 1, memory_order_relaxed);
    thrumi_executor_release(&pool->executor);
    return rc == -ENOMEM ? -ENOMEM : -EAGAIN;
}

int thrumi_worker_start_locked(struct thrumi_pool *pool, bool searching)
{
    struct thrumi_worker *worker = NULL;

    if (thrumi_pool_active(pool) < pool->max_workers)
        worker = worker_take_place(pool);
    if (worker == NULL)
        return -EAGAIN;
    thrumi_context_init(&worker->context);
    worker->context.help = thrumi_worker_help;
    worker->context.park = thrumi_worker_park;
    worker->searching = searching;
    worker->retired = false;
    worker->dying = false;
    return worker_start_thread(pool, worker);
}

int thrumi_worker_start(struct thrumi_pool *pool, bool searching)
{
    int rc;

    thrumi_mutex_lock(&pool->lock);
    rc = thrumi_worker_start_locked(pool, searching);
    thrumi_mutex_unlock(&pool->lock);
    return rc;
}
