/* SPDX-License-Identifier: MIT */
/*
 * task/future.c - one settlement, many waiters.
 *
 * Who waits sets LISTED in the state while it holds the lock, and looks at the
 * phase it got back: unsettled, the waiter is put on the list, and whoever
 * settles the future will see LISTED; settled, nobody would come any more.
 *
 * Settling takes one waiter at a time off the list, under the lock, and wakes
 * it with no lock held, waiters before callbacks, callbacks in the order
 * added. It holds a reference meanwhile, since the first one woken may drop
 * the last other one.
 *
 * Locking: thrum_future.lock is a leaf: no other lock is taken and no user
 * code runs while it is held.
 *
 * Not here: what a task is (task.c), who runs it (pool/), how a context sleeps
 * (context.c).
 */
#include "task/future.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/error.h"
#include "sys/clock.h"
#include "sys/fork.h"
#include "sys/park.h"
#include "task/callback.h"
#include "task/executor.h"
#include "task/guard.h"
#include "task/record.h"
#include "task/waitgraph.h"

_Static_assert(sizeof(void *) != 8 ||
                   sizeof(struct thrum_future) == THRUMI_RECORD_SIZE,
               "a future fills its record");

thrum_future *thrumi_future_new(unsigned refs)
{
    thrum_future *future = thrumi_record_alloc();

    if (future == NULL)
        return NULL;
    atomic_init(&future->state, THRUMI_PENDING | refs * THRUMI_REF);
    thrumi_mutex_init(&future->lock);
    atomic_init(&future->cancel_requested, false);
    future->has_task = false;
    future->detached = false;
    future->killable = false;
    future->holds = false;
    future->later = false;
    future->place = 0;
    future->generation = thrumi_fork_generation();
    future->waiters = NULL;
    future->fn = NULL;
    future->value = NULL;
    future->executor = NULL;
    future->extra.task = NULL;
    atomic_init(&future->runner, NULL);
    return future;
}

/* The last reference is gone. A task that never began still has its options,
 * one that was cancelled while it ran has none. */
void thrumi_future_free(thrum_future *future)
{
    unsigned phase = thrumi_future_phase(future);

    if (phase == THRUMI_VALUE)
        thrumi_payload_free(future->extra.payload);
    else if (phase == THRUMI_ERROR && future->detached)
        thrumi_error_unhandled(future->value);
    else if (phase == THRUMI_ERROR)
        thrumi_error_free(future->value);
    else
        thrumi_free(future->extra.task);
    if (thrumi_unlikely(future->holds))
        thrumi_executor_release(future->executor);
    thrumi_record_free(future);
}

thrum_future *thrum_future_ref(thrum_future *future)
{
    thrumi_fetch_add(&future->state, THRUMI_REF, memory_order_relaxed);
    return future;
}

void thrum_future_unref(thrum_future *future)
{
    unsigned state = atomic_load_explicit(&future->state, memory_order_acquire);

    /* A sole owner needs no read-modify-write: nobody else can take one. */
    if (state < 2 * THRUMI_REF ||
        /* acq_rel: all uses of the others are over before it is freed */
        thrumi_fetch_sub(&future->state, THRUMI_REF, memory_order_acq_rel) <
            2 * THRUMI_REF)
        thrumi_future_free(future);
}

/* ---- the list: a ring, `waiters` is its first ---- */

static void future_insert(thrum_future *future, struct thrumi_link *link,
                          bool first)
{
    if (future->waiters == NULL) {
        thrumi_list_init(link);
        future->waiters = link;
        return;
    }
    thrumi_list_insert(future->waiters, link);
    if (first)
        future->waiters = link;
}

void thrumi_future_unlist(thrum_future *future, struct thrumi_waiter *waiter)
{
    struct thrumi_link *link = &waiter->link;

    if (link->next == link)
        future->waiters = NULL;
    else if (future->waiters == link)
        future->waiters = link->next;
    thrumi_list_remove(link);
    link->next = NULL; /* also when it was alone */
}

bool thrumi_future_listen(thrum_future *future, struct thrumi_waiter *waiter,
                          enum thrumi_listen_order order)
{
    unsigned state;

    thrumi_mutex_lock(&future->lock);
    /* acquire: pairs with the settlement, if it was before */
    state =
        thrumi_fetch_or(&future->state, THRUMI_LISTED, memory_order_acq_rel);
    if ((state & THRUMI_PHASE) < THRUMI_VALUE)
        future_insert(future, &waiter->link, order == THRUMI_WAITER);
    thrumi_mutex_unlock(&future->lock);
    return (state & THRUMI_PHASE) < THRUMI_VALUE;
}

bool thrumi_future_unlisten(thrum_future *future, struct thrumi_waiter *waiter)
{
    bool listed;

    thrumi_mutex_lock(&future->lock);
    listed = thrumi_link_listed(&waiter->link);
    if (listed)
        thrumi_future_unlist(future, waiter);
    thrumi_mutex_unlock(&future->lock);
    return listed;
}

/* The next to wake; when there is none, the future is not busy any more. */
static struct thrumi_waiter *future_take_first(thrum_future *future)
{
    struct thrumi_waiter *first = NULL;

    thrumi_mutex_lock(&future->lock);
    if (future->waiters != NULL) {
        first =
            thrumi_container_of(future->waiters, struct thrumi_waiter, link);
        thrumi_future_unlist(future, first);
    } else {
        thrumi_fetch_and(&future->state, ~(unsigned)THRUMI_BUSY,
                         memory_order_release);
    }
    thrumi_mutex_unlock(&future->lock);
    return first;
}

void thrumi_future_drain(thrum_future *future, bool owns)
{
    struct thrumi_context *context = thrumi_context_running();
    __attribute__((cleanup(thrumi_drain_leave))) struct thrumi_drain drain = {
        context->drain, context, future, owns, false};
    struct thrumi_waiter *waiter;

    thrum_future_ref(future);
    context->drain = &drain;
    while ((waiter = future_take_first(future)) != NULL)
        waiter->wake(waiter);
    drain.done = true;
    context->drain = drain.outer;
    thrum_future_unref(future);
}

/* ---- settling ---- */

bool thrumi_future_move(thrum_future *future, unsigned highest, unsigned phase,
                        bool *ret_busy)
{
    unsigned state = atomic_load_explicit(&future->state, memory_order_relaxed);
    unsigned settled;

    do {
        if ((state & THRUMI_PHASE) > highest)
            return false;
        settled = phase | (state & ~(unsigned)(THRUMI_REF - 1)) |
                  (state & THRUMI_LISTED ? THRUMI_BUSY : 0);
    } while (!thrumi_compare_exchange(&future->state, &state, settled));
    *ret_busy = (settled & THRUMI_BUSY) != 0;
    return true;
}

bool thrumi_future_settle_from(thrum_future *future, unsigned highest,
                               unsigned phase)
{
    bool busy;

    if (!thrumi_future_move(future, highest, phase, &busy))
        return false;
    if (busy)
        thrumi_future_drain(future, false);
    return true;
}

void thrumi_future_set_outcome(thrum_future *future,
                               const struct thrumi_outcome *outcome)
{
    if (outcome->phase == THRUMI_ERROR)
        future->value = outcome->error;
    else
        future->value = outcome->value;
    future->extra.payload = outcome->payload;
}

void thrumi_future_fail(thrum_future *future, thrum_error *error)
{
    future->value = error;
    future->extra.payload = NULL;
    thrumi_future_settle_from(future, THRUMI_RUNNING, THRUMI_ERROR);
}

/* ---- waiting ---- */

struct future_waiter {
    struct thrumi_waiter waiter;
    struct thrumi_parking parking;
};

static void future_waiter_wake(struct thrumi_waiter *waiter)
{
    struct future_waiter *self =
        thrumi_container_of(waiter, struct future_waiter, waiter);

    thrumi_parking_wake(&self->parking);
}

static void future_waiter_init(struct future_waiter *self, thrum_future *future)
{
    self->waiter.wake = future_waiter_wake;
    thrumi_parking_init(&self->parking);
    thrumi_parking_for(&self->parking, "future", future);
    if (thrumi_future_startable(future) ||
        thrumi_future_shares_pool(future, self->parking.context))
        self->parking.queue = future->executor;
}

static int future_park(thrum_future *future, struct future_waiter *self,
                       thrum_time deadline)
{
    int rc;

    if (!thrumi_future_listen(future, &self->waiter, THRUMI_WAITER))
        return 0;
    rc = thrumi_parking_wait(&self->parking, deadline);
    if (rc == 0)
        return 0;
    if (!thrumi_future_unlisten(future, &self->waiter))
        thrumi_parking_finish(&self->parking);
    return thrumi_future_settled(future) ? 0 : rc;
}

/* The wait without a deadline is one that must not be part of a cycle. */
static int future_park_once(thrum_future *future,
                            struct thrumi_context *context)
{
    struct future_waiter waiter;
    int rc;

    future_waiter_init(&waiter, future);
    rc = thrumi_waitgraph_enter(context, future, &waiter.parking.queue);
    if (rc != 0)
        return thrumi_future_settled(future) ? 0 : rc;
    if (thrumi_future_shares_pool(future, context))
        waiter.parking.queue = future->executor;
    rc = future_park(future, &waiter, THRUM_FOREVER);
    thrumi_waitgraph_leave(context);
    return rc;
}

/* What nobody was left to begin may have been begun just before: so a deadlock
 * is one when it is found again. */
static int future_park_for_ever(thrum_future *future,
                                struct thrumi_context *context)
{
    int rc = future_park_once(future, context);

    if (rc == -EDEADLK)
        rc = future_park_once(future, context);
    if (rc == -EDEADLK)
        thrumi_waitgraph_tell(context, future);
    return rc;
}

/* Looks for a while before it parks: a wake-up costs more than that. Not where
 * others may go on meanwhile. */
static bool future_spin(const thrum_future *future)
{
    if (thrumi_self()->scheduler != NULL)
        return false;
    for (unsigned step = 0; step < THRUMI_SPIN_STEPS; step++) {
        if (thrumi_future_settled(future))
            return true;
        thrumi_spin(step);
    }
    return false;
}

/* True: the thread's scheduler has waited, or knows why not to. */
static inline bool future_await(struct thrumi_context *context,
                                thrum_future *future, thrum_time deadline,
                                int *ret_rc)
{
    struct thrumi_scheduler *scheduler = thrumi_self()->scheduler;

    return scheduler != NULL && deadline.ns == INT64_MAX &&
           !thrumi_context_guarded(context) &&
           context->callback_frame == NULL &&
           scheduler->await(scheduler, context, future, ret_rc);
}

int thrumi_future_wait(thrum_future *future, thrum_time deadline)
{
    struct thrumi_context *context = thrumi_context_running();
    struct future_waiter waiter;
    int rc;

    if (thrumi_future_settled(future))
        return 0;
    if (thrumi_likely(future_await(context, future, deadline, &rc)))
        return rc;
    if (future->generation != thrumi_fork_generation())
        return -ECHILD;
    if (thrumi_time_past(deadline))
        return -ETIMEDOUT;
    if (thrumi_context_in_callback(context))
        return THRUM_ECONTEXT;
    while (context->help != NULL && context->help(context, future))
        if (thrumi_future_settled(future))
            return 0;
    if (future_spin(future))
        return 0;
    if (thrumi_guard_deadline(context, deadline).ns == INT64_MAX)
        return future_park_for_ever(future, thrumi_context_carrier(context));
    future_waiter_init(&waiter, future);
    return future_park(future, &waiter, deadline);
}

int thrum_future_result(thrum_future *future, thrum_time deadline,
                        void **ret_result)
{
    int rc = thrumi_future_wait(future, deadline);

    if (rc != 0)
        return rc;
    switch (thrumi_future_phase(future)) {
    case THRUMI_VALUE:
        if (ret_result != NULL)
            *ret_result = future->value;
        return 0;
    case THRUMI_ERROR:
        return THRUM_EFAILED;
    default:
        return THRUM_ECANCELLED;
    }
}

int thrum_future_exception(thrum_future *future, thrum_time deadline,
                           const thrum_error **ret_error)
{
    int rc = thrumi_future_wait(future, deadline);
    unsigned phase;

    if (rc != 0)
        return rc;
    phase = thrumi_future_phase(future);
    if (phase == THRUMI_CANCELLED)
        return THRUM_ECANCELLED;
    if (ret_error != NULL)
        *ret_error = phase == THRUMI_ERROR ? future->value : NULL;
    return 0;
}

/* Puts the waiter on the list of one whose callbacks still run; they come
 * before it. False: they have returned. */
static bool future_listen_busy(thrum_future *future,
                               struct thrumi_waiter *waiter)
{
    bool busy;

    thrumi_mutex_lock(&future->lock);
    busy = (atomic_load_explicit(&future->state, memory_order_acquire) &
            THRUMI_BUSY) != 0;
    if (busy)
        future_insert(future, &waiter->link, false);
    thrumi_mutex_unlock(&future->lock);
    return busy;
}

int thrum_future_quiesce(thrum_future *future, thrum_time deadline)
{
    int rc = thrumi_future_wait(future, deadline);
    struct future_waiter self;

    if (rc != 0)
        return rc;
    future_waiter_init(&self, future);
    if (!future_listen_busy(future, &self.waiter))
        return 0;
    rc = thrumi_parking_wait(&self.parking, deadline);
    if (rc != 0 && !thrumi_future_unlisten(future, &self.waiter)) {
        thrumi_parking_finish(&self.parking);
        rc = 0;
    }
    return rc;
}

/* ---- looking ---- */

size_t thrum_future_result_size(const thrum_future *future)
{
    if (thrumi_future_phase(future) != THRUMI_VALUE ||
        future->extra.payload == NULL)
        return 0;
    return future->extra.payload->size;
}

bool thrum_future_cancelled(const thrum_future *future)
{
    return thrumi_future_phase(future) == THRUMI_CANCELLED;
}

bool thrum_future_running(const thrum_future *future)
{
    thrum_executor *executor = future->executor;

    if (thrumi_future_phase(future) == THRUMI_PENDING && future->holds &&
        executor->fast.look != NULL && thrumi_executor_check(executor) == 0)
        executor->fast.look(executor->self, (thrum_future *)(uintptr_t)future);
    return thrumi_future_phase(future) == THRUMI_RUNNING;
}

bool thrum_future_done(const thrum_future *future)
{
    return thrumi_future_settled(future);
}
