/* SPDX-License-Identifier: MIT */
/*
 * coro/greenlet.c - explicit switching between stacks.
 *
 * A greenlet is suspended at a strand: its own, or that of a generator which it
 * was pulling when it switched. What is on its way, a value or an error, lies
 * in the loom until whoever goes on has taken it.
 *
 * Arriving is where the debts of a switch are paid: the hook is told, the one
 * that left is destroyed if nobody holds it any more, and what was in flight
 * was put aside before, since either may switch again (L20).
 */
#include "coro/greenlet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "coro/switch.h"
#include "sys/fork.h"

/* A new greenlet is CREATED, all others that live are RUNNING: which of them
 * runs the loom knows. Of dead ones the phase tells. */
static bool greenlet_is_new(struct thrum_greenlet *greenlet)
{
    return thrumi_handle_state(&greenlet->handle) == THRUM_GENERATOR_CREATED;
}

static bool greenlet_is_dead(struct thrum_greenlet *greenlet)
{
    return thrumi_handle_state(&greenlet->handle) == THRUM_GENERATOR_CLOSED;
}

/* ---- arriving ---- */

static int greenlet_trace_arrival(struct thrumi_loom *loom,
                                  struct thrumi_flight *flight)
{
    thrum_greenlet_event event =
        flight->code == 0 ? THRUM_GREENLET_SWITCH : THRUM_GREENLET_THROW;
    int rc = 0;

    if (flight->exit)
        rc = thrumi_trace(loom, THRUM_GREENLET_EXIT, flight->origin);
    if (rc == 0)
        rc = thrumi_trace(loom, event, flight->origin);
    if (rc == 0)
        return 0;
    thrumi_error_free(flight->error); /* replaced (L26) */
    flight->error = NULL;
    flight->code = rc;
    return rc;
}

/* Takes what was in flight, and pays the debts. */
static void greenlet_land(struct thrumi_loom *loom, struct thrumi_flight *ret)
{
    struct thrum_greenlet *origin = loom->flight.origin;

    *ret = loom->flight;
    loom->flight.error = NULL;
    loom->flight.code = 0;
    loom->flight.look = false;
    if (thrumi_unlikely(loom->trace != NULL)) {
        thrumi_handle_ref(&origin->handle);
        greenlet_trace_arrival(loom, ret);
        thrumi_handle_unref(&origin->handle);
    } else if (thrumi_unlikely(thrumi_handle_orphaned(&origin->handle))) {
        thrumi_handle_destroy(&origin->handle);
    }
}

static int greenlet_arrive(struct thrumi_loom *loom, void **ret)
{
    struct thrumi_flight flight;

    greenlet_land(loom, &flight);
    if (thrumi_unlikely(flight.code != 0))
        return thrumi_strand_deliver(thrumi_strand_current(), flight.code,
                                     flight.error);
    if (ret != NULL)
        *ret = flight.value;
    return 0;
}

/* ---- going ---- */

/* One that has not begun becomes a strand of this thread. */
static void greenlet_begin(struct thrumi_loom *loom,
                           struct thrum_greenlet *greenlet)
{
    thrumi_strand_adopt(greenlet->handle.strand, loom);
    thrumi_handle_set_state(&greenlet->handle, THRUM_GENERATOR_RUNNING);
    greenlet->at = greenlet->handle.strand;
}

/* It ends without having run. */
static void greenlet_end_new(struct thrum_greenlet *greenlet, int code)
{
    struct thrumi_outcome cancelled = {THRUMI_CANCELLED, NULL, NULL, NULL};

    if (code == -ECANCELED) {
        thrumi_strand_free(greenlet->handle.strand);
        thrumi_handle_end(&greenlet->handle, &cancelled);
    } else {
        thrumi_handle_fail(&greenlet->handle, code);
    }
    thrumi_handle_set_state(&greenlet->handle, THRUM_GENERATOR_CLOSED);
}

__attribute__((noreturn)) static void greenlet_no_parent(void)
{
    fprintf(stderr, "thrum: a greenlet has ended, and there is no parent left "
                    "to go on\n");
    abort();
}

/* Puts a code in place of what is in flight. */
static void flight_fail(struct thrumi_flight *flight, int code)
{
    thrumi_error_free(flight->error);
    flight->error = NULL;
    flight->value = NULL;
    flight->code = code;
}

/* May it go on here? A parent that had not begun may have been given to another
 * thread in the meantime, and one from before a fork is nobody's. */
static bool greenlet_is_ours(struct thrumi_loom *loom,
                             struct thrum_greenlet *greenlet)
{
    return thrumi_handle_owner(&greenlet->handle) == loom->id &&
           greenlet->handle.generation == loom->generation;
}

/* Does it take what is in flight? One that is suspended does, and one that can
 * begin (L8). What is thrown at one that has not begun ends it (L13); what its
 * parent gets otherwise is an error (L10). */
static bool greenlet_takes(struct thrumi_loom *loom,
                           struct thrum_greenlet *greenlet,
                           struct thrumi_flight *flight)
{
    if (greenlet_is_dead(greenlet))
        return false;
    if (thrumi_unlikely(!greenlet_is_ours(loom, greenlet))) {
        flight_fail(flight, THRUM_ETHREAD);
        return false;
    }
    if (!greenlet_is_new(greenlet))
        return true;
    if (flight->code != 0) {
        greenlet_end_new(greenlet, flight->code);
        return false;
    }
    if (greenlet->handle.strand->fn == NULL)
        flight_fail(flight, THRUM_EBADSWITCH);
    return flight->code == 0;
}

/* Of the target and its ancestors, the first that takes what is in flight. The
 * cancellation of a greenlet is no error to those above it (L9, L13). NULL: one
 * of them waits in a hub, or was spawned there. */
static struct thrum_greenlet *greenlet_taker(struct thrumi_loom *loom,
                                             struct thrum_greenlet *target,
                                             struct thrumi_flight *flight)
{
    for (; target != NULL; target = target->parent) {
        if (thrumi_handle_parked(&target->handle))
            break;
        if (greenlet_takes(loom, target, flight))
            return target;
        if (flight->code == -ECANCELED)
            flight_fail(flight, 0);
    }
    if (loom->next == NULL)
        greenlet_no_parent();
    return NULL;
}

/* The hub goes on: nobody takes what is in flight, but an error is not lost. */
static struct thrumi_strand *greenlet_aim_hub(struct thrumi_loom *loom,
                                              struct thrumi_flight *flight)
{
    struct thrumi_handle *origin = &flight->origin->handle;

    if (flight->error != NULL)
        thrumi_error_unhandled(flight->error);
    if (flight->exit && thrumi_handle_orphaned(origin))
        loom->orphan = origin;
    return loom->next(loom);
}

/* Where the thread goes on; what is in flight is in the loom then. */
static struct thrumi_strand *greenlet_aim(struct thrumi_loom *loom,
                                          struct thrum_greenlet *target,
                                          const struct thrumi_flight *with)
{
    struct thrumi_flight flight = *with;
    struct thrum_greenlet *taker = greenlet_taker(loom, target, &flight);

    if (thrumi_unlikely(taker == NULL))
        return greenlet_aim_hub(loom, &flight);
    if (greenlet_is_new(taker))
        greenlet_begin(loom, taker);
    thrumi_handle_set_ready(&taker->handle, THRUMI_NOT_READY);
    loom->flight = flight;
    loom->flight.look = flight.exit || loom->trace != NULL;
    loom->current = taker;
    return taker->at;
}

/* Stops the running one for the target; returns when somebody switches back:
 * `ready` says who may. */
static void greenlet_leave(struct thrumi_loom *loom,
                           struct thrum_greenlet *target,
                           const struct thrumi_flight *flight,
                           struct thrumi_loom *ready)
{
    struct thrumi_strand *strand = thrumi_strand_current();
    struct thrum_greenlet *here = loom->current;
    struct thrumi_strand *to;
    int error = *loom->errno_at;

    here->at = strand;
    thrumi_handle_set_ready(&here->handle, ready);
    to = greenlet_aim(loom, target, flight);
    if (to != strand) /* a dead child of ours: we are the one that takes it */
        thrumi_strand_switch(to);
    *loom->errno_at = error;
}

int thrumi_greenlet_go(struct thrumi_loom *loom, struct thrum_greenlet *target,
                       const struct thrumi_flight *flight, void **ret)
{
    struct thrumi_strand *strand = thrumi_strand_current();

    if (thrumi_unlikely(strand->delivered))
        thrumi_strand_forget(strand);
    greenlet_leave(loom, target, flight, loom);
    return greenlet_arrive(loom, ret);
}

/* ---- the body ---- */

/* The one that called fork() has ended, in the child: it was the main one. */
__attribute__((noreturn)) static void
greenlet_end_process(const struct thrum_greenlet *greenlet)
{
    const thrum_error *error = thrumi_handle_error(&greenlet->handle);

    if (error != NULL)
        thrumi_error_unhandled(thrumi_error_copy(error));
    thrumi_fork_exit();
}

static struct thrumi_strand *greenlet_ended(struct thrumi_loom *loom,
                                            struct thrum_greenlet *greenlet,
                                            struct thrumi_outcome *outcome)
{
    struct thrumi_flight flight = {.exit = true, .origin = greenlet};
    const thrum_error *error;

    /* also when not it but something inside of it was cancelled: that does not
     * cancel its parent (L9) */
    thrumi_strand_calm(outcome);
    thrumi_handle_end(&greenlet->handle, outcome);
    thrumi_handle_set_state(&greenlet->handle, THRUM_GENERATOR_CLOSED);
    (void)thrumi_greenlet_current(loom); /* notices a fork */
    if (thrumi_unlikely(greenlet->parent == NULL))
        greenlet_end_process(greenlet);
    error = thrumi_handle_error(&greenlet->handle);
    if (outcome->phase == THRUMI_VALUE)
        flight.value = outcome->value;
    else if (error != NULL)
        flight.code = error->code;
    if (error != NULL)
        flight.error = thrumi_error_copy(error);
    return greenlet_aim(loom, greenlet->parent, &flight);
}

/* Tells the hook that it begins; what it makes of that ends it (L26). */
static int greenlet_arrive_first(struct thrumi_loom *loom, void **ret)
{
    struct thrumi_flight flight;

    greenlet_land(loom, &flight);
    *ret = flight.value;
    if (thrumi_unlikely(loom->trace != NULL && flight.code == 0))
        flight.code = thrumi_trace(loom, THRUM_GREENLET_START, flight.origin);
    return flight.code;
}

struct thrumi_strand *thrumi_greenlet_run(struct thrumi_strand *strand)
{
    struct thrum_greenlet *greenlet = (struct thrum_greenlet *)strand->handle;
    struct thrumi_loom *loom = strand->loom;
    struct thrumi_outcome outcome = {THRUMI_ERROR, NULL, NULL, NULL};
    int rc;

    if (loom->hub == NULL) /* else it waits by itself */
        strand->context.carrier = loom->thread.running;
    rc = greenlet_arrive_first(loom, &strand->arg);
    if (rc == 0)
        thrumi_strand_call(strand, &outcome);
    else
        outcome.error = thrumi_error_new(rc, NULL);
    return greenlet_ended(loom, greenlet, &outcome);
}

/* ---- switching ---- */

/* Would it lead to one that waits in a hub? */
static bool greenlet_is_busy(const struct thrum_greenlet *greenlet)
{
    while (greenlet != NULL &&
           atomic_load_explicit(&greenlet->handle.state,
                                memory_order_relaxed) == THRUM_GENERATOR_CLOSED)
        greenlet = greenlet->parent;
    return greenlet == NULL || thrumi_handle_parked(&greenlet->handle);
}

/* Why it is not to be switched to from here; nothing was touched (L23). */
static __attribute__((noinline)) int
greenlet_refuse(struct thrumi_loom *loom, struct thrum_greenlet *greenlet)
{
    uint32_t owner = thrumi_handle_owner(&greenlet->handle);

    if (greenlet->handle.generation != loom->generation)
        return -ECHILD;
    if (owner == loom->id)
        return thrumi_context_in_callback(thrumi_self()->running)
                   ? THRUM_ECONTEXT
                   : -EBUSY;
    if (thrumi_loom_exists(owner))
        return THRUM_ETHREAD;
    return greenlet_is_dead(greenlet) || greenlet_is_new(greenlet)
               ? THRUM_EGONE
               : -EOWNERDEAD;
}

static inline int greenlet_check(struct thrumi_loom *loom,
                                 struct thrum_greenlet *greenlet)
{
    if (thrumi_likely(thrumi_handle_owner(&greenlet->handle) == loom->id &&
                      greenlet->handle.generation == loom->generation &&
                      !thrumi_context_in_callback(thrumi_self()->running) &&
                      (loom->hub == NULL || !greenlet_is_busy(greenlet))))
        return 0;
    return greenlet_refuse(loom, greenlet);
}

/* The loom, if this thread may switch to it; what others have dropped is
 * destroyed on the way. */
static int greenlet_enter(struct thrum_greenlet *greenlet,
                          struct thrumi_loom **ret)
{
    struct thrumi_loom *loom = thrumi_loom_get();

    if (loom == NULL || thrumi_greenlet_current(loom) == NULL)
        return -ENOMEM;
    *ret = loom;
    if (thrumi_unlikely(thrumi_loom_attention(loom)))
        thrumi_loom_collect(loom);
    return greenlet_check(loom, greenlet);
}

static __attribute__((noinline)) int
greenlet_switch_slow(struct thrum_greenlet *greenlet, void *value, void **ret)
{
    struct thrumi_flight flight = {.value = value};
    struct thrumi_loom *loom = NULL;
    int rc = greenlet_enter(greenlet, &loom);

    if (thrumi_unlikely(rc != 0))
        return rc;
    if (thrumi_unlikely(greenlet == loom->current)) {
        if (ret != NULL)
            *ret = value;
        return 0;
    }
    if (thrumi_unlikely(greenlet_is_new(greenlet) &&
                        greenlet->handle.strand->fn == NULL))
        return THRUM_EBADSWITCH;
    flight.origin = loom->current;
    return thrumi_greenlet_go(loom, greenlet, &flight, ret);
}

#if THRUMI_STRAND_QUICK
/* Somebody has switched here who has ended, or lost his last reference, or
 * throws, or is traced. */
static __attribute__((noinline)) int
greenlet_arrive_slow(struct thrumi_loom *loom, void **ret)
{
    thrumi_strand_reap(loom);
    return greenlet_arrive(loom, ret);
}

/* The target is suspended and this thread's, and nothing is thrown, traced or
 * owed. */
THRUMI_INLINE int greenlet_switch_quick(struct thrumi_self *self,
                                        struct thrum_greenlet *greenlet,
                                        void *pc, void *value, void **ret)
{
    struct thrumi_loom *loom = self->loom;
    struct thrumi_strand *from = self->strand;
    struct thrumi_strand *to = greenlet->at;
    struct thrum_greenlet *here = loom->current;
    int error = *loom->errno_at;

    here->at = from;
    thrumi_handle_set_ready(&here->handle, loom);
    thrumi_handle_set_ready(&greenlet->handle, THRUMI_NOT_READY);
    loom->current = greenlet;
    loom->flight.value = value;
    loom->flight.origin = here;
    thrumi_strand_exchange(self, loom, from, to);
    (void)thrumi_ctx_switch(&from->ctx, &to->ctx, pc, NULL);
    *loom->errno_at = error;
    if (thrumi_unlikely(loom->flight.code != 0 || loom->flight.look ||
                        thrumi_handle_orphaned(&loom->flight.origin->handle)))
        return greenlet_arrive_slow(loom, ret);
    if (ret != NULL)
        *ret = loom->flight.value;
    return 0;
}
#endif

THRUMI_CTX_SWITCHES int thrum_greenlet_switch(thrum_greenlet *greenlet,
                                              void *value, void **ret)
{
#if THRUMI_STRAND_QUICK
    struct thrumi_self *self = thrumi_self();
    struct thrumi_loom *loom = self->loom;
    void *pc;

    if (thrumi_likely(thrumi_handle_ready(&greenlet->handle) == loom &&
                      greenlet->handle.generation == thrumi_fork_generation() &&
                      self->running->callback_frame == NULL &&
                      !self->strand->delivered) &&
        thrumi_likely(thrumi_strand_claim(loom, greenlet->at, &pc)))
        return greenlet_switch_quick(self, greenlet, pc, value, ret);
#endif
    return greenlet_switch_slow(greenlet, value, ret);
}

int thrum_greenlet_throw(thrum_greenlet *greenlet, int code, void **ret)
{
    struct thrumi_flight flight = {.code = code};
    struct thrumi_loom *loom = NULL;
    int rc = greenlet_enter(greenlet, &loom);

    if (code >= 0 || code == THRUM_ESTOP)
        return -EINVAL;
    if (rc != 0)
        return rc;
    if (greenlet == loom->current)
        return thrumi_strand_deliver(thrumi_strand_current(), code, NULL);
    if (greenlet_is_new(greenlet) && greenlet->handle.strand->fn == NULL)
        return THRUM_EBADSWITCH;
    flight.origin = loom->current;
    return thrumi_greenlet_go(loom, greenlet, &flight, ret);
}

/* ---- destroying ---- */

/* Cancels a suspended one; meanwhile the destroyer is its parent (L16). What
 * comes of it is nothing to him: he has not switched on his own account. */
bool thrumi_greenlet_kill(struct thrum_greenlet *greenlet)
{
    struct thrumi_loom *loom = thrumi_loom_get();
    struct thrum_greenlet *here = thrumi_greenlet_current(loom);
    struct thrum_greenlet *parent = greenlet->parent; /* stays held */
    struct thrumi_flight flight = {.code = -ECANCELED, .origin = here};
    struct thrum_greenlet *meanwhile;

    if (here == NULL || thrumi_handle_parked(&greenlet->handle))
        return false;
    thrumi_handle_ref(&here->handle);
    greenlet->parent = here;
    greenlet_leave(loom, greenlet, &flight, loom);
    greenlet_land(loom, &flight);
    thrumi_error_free(flight.error);
    meanwhile = greenlet->parent;
    greenlet->parent = parent;
    thrumi_handle_unref(&meanwhile->handle);
    return greenlet_is_dead(greenlet);
}

void thrumi_greenlet_cancel(struct thrumi_loom *loom,
                            struct thrum_greenlet *greenlet)
{
    struct thrumi_flight flight = {.code = -ECANCELED, .origin = loom->current};

    greenlet_leave(loom, greenlet, &flight, THRUMI_PARKED);
}
