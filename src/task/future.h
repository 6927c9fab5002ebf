/* SPDX-License-Identifier: MIT */
/*
 * task/future.h - the record of a future, which is also that of its task.
 *
 * 64 bytes, a cache line. The state word is the phase, the number of
 * references, and
 *
 *     LISTED   while unsettled: something is on the list of waiters
 *     BUSY     when settled: the list is still being worked off
 *
 * so settling one that nobody waits for, and dropping the reference of whoever
 * settles it, is a single atomic operation and no lock. What is in `value` and `extra` changes owner with the phase:
 *
 *     pending     the task's argument and options; whoever ends this phase
 *     running     the runner's alone
 *     settled     the result and its storage, read by anybody
 */
#ifndef THRUMI_TASK_FUTURE_H
#define THRUMI_TASK_FUTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <thrum/future.h>

#include "base/container.h"
#include "sys/mutex.h"
#include "sys/rmw.h"
#include "task/body.h"
#include "task/context.h"

enum {
    THRUMI_PHASE = 7, /* mask, of the phases in task/body.h */
    THRUMI_LISTED = 8,
    THRUMI_BUSY = 16,
    THRUMI_HELD = 32, /* pending, and not to be started yet */
    THRUMI_REF = 256, /* one reference; the bits above count them */
};

struct thrumi_task_extra;

struct thrum_future {
    atomic_uint state;
    struct thrumi_mutex lock; /* a leaf; guards the list of waiters */
    atomic_bool cancel_requested;
    bool has_task : 1;   /* fn is to be called; else a promise settles it */
    bool detached : 1;   /* nobody will ask for its error */
    bool killable : 1;   /* by its executor, also while it runs */
    bool holds : 1;      /* the memory of its executor */
    bool later : 1;      /* a greenlet's that is not queued yet */
    uint16_t generation; /* of the process that made it, see sys/fork.h */
    uint16_t place; /* of a green pool, from 1, once it was taken; or 0. Of a
                          * process pool: it is answered; under its lock */
    struct thrumi_link *waiters; /* the first of a ring, or NULL */
    thrum_fn *fn;
    void *value; /* the argument, then the result or the error */
    thrum_executor *executor;
    union {
        struct thrumi_task_extra *task; /* until it has run */
        struct thrumi_payload *payload; /* of a value */
    } extra;
    union {
        _Atomic(struct thrumi_context *) runner; /* where it runs, or NULL */
        uintptr_t queued; /* of a pending task: its executor's, for a queue;
                           * NULL again before it is started */
    };
};

static inline unsigned thrumi_future_phase(const thrum_future *future)
{
    /* acquire: pairs with the release that settles or starts it */
    return atomic_load_explicit(&future->state, memory_order_acquire) &
           THRUMI_PHASE;
}

static inline bool thrumi_future_settled(const thrum_future *future)
{
    return thrumi_future_phase(future) >= THRUMI_VALUE;
}

/* A pending future with `refs` references, or NULL. */
thrum_future *thrumi_future_new(unsigned refs);
void thrumi_future_free(thrum_future *future);

/* Is it a task that whoever finds it may start? */
static inline bool thrumi_future_startable(const thrum_future *future)
{
    /* acquire: pairs with the release that ends the hold */
    return (atomic_load_explicit(&future->state, memory_order_acquire) &
            (THRUMI_PHASE | THRUMI_HELD)) == THRUMI_PENDING;
}

/* Does it follow another future, which has not settled? */
static inline bool thrumi_future_held(const thrum_future *future)
{
    /* relaxed: who settles the other one may end the hold at any time */
    return (atomic_load_explicit(&future->state, memory_order_relaxed) &
            THRUMI_HELD) != 0;
}

/* Is it a task of the green pool that the context has a place of? Who waits for
 * one lends that place. */
static inline bool thrumi_future_shares_pool(const thrum_future *future,
                                             struct thrumi_context *context)
{
    return thrumi_unlikely(thrumi_context_carrier(context)->pool != NULL) &&
           thrumi_context_carrier(context)->pool == future->executor;
}

/* From pending to running. False: somebody else has taken or cancelled it, or
 * it is held. */
static inline bool thrumi_future_start(thrum_future *future)
{
    unsigned state = atomic_load_explicit(&future->state, memory_order_relaxed);

    while ((state & (THRUMI_PHASE | THRUMI_HELD)) == THRUMI_PENDING)
        /* acquire: what the submitter wrote came by the queue; this is for
         * those who found the future otherwise */
        if (thrumi_compare_exchange(&future->state, &state,
                                    state | THRUMI_RUNNING))
            return true;
    return false;
}

/* Works off the list of a future that was just settled. `owns`: the caller
 * drops a reference afterwards; if a callback ends the thread, somebody must do
 * that in its place. */
void thrumi_future_drain(thrum_future *future, bool owns);

/* Settles one that only the caller may settle, since it runs: `value` and
 * `extra` are written. `owns`: drops a reference of the caller's with it, so
 * that the future is not to be touched any more. True: neither was dropped,
 * and thrumi_future_drain() is to be called. */
static inline bool thrumi_future_settle_word(thrum_future *future,
                                             unsigned phase, bool owns)
{
    unsigned state = atomic_load_explicit(&future->state, memory_order_relaxed);
    unsigned settled;

    do {
        settled = phase | (state & ~(unsigned)(THRUMI_REF - 1));
        if (state & THRUMI_LISTED)
            settled |= THRUMI_BUSY;
        else if (owns)
            settled -= THRUMI_REF;
    } while (!thrumi_compare_exchange(&future->state, &state, settled));
    if (thrumi_unlikely(settled < THRUMI_REF))
        thrumi_future_free(future);
    return (settled & THRUMI_BUSY) != 0;
}

/* Settles one from a phase up to `highest`. False: it was in a later one, and
 * nothing happened. `*ret_busy`: its list is to be worked off. */
bool thrumi_future_move(thrum_future *future, unsigned highest, unsigned phase,
                        bool *ret_busy);
/* The same, and works its list off. */
bool thrumi_future_settle_from(thrum_future *future, unsigned highest,
                               unsigned phase);

/* Writes what a body came to, before it is settled; takes it over. */
void thrumi_future_set_outcome(thrum_future *future,
                               const struct thrumi_outcome *outcome);
/* Settles a running one with an error, and works off its list. */
void thrumi_future_fail(thrum_future *future, thrum_error *error);

enum thrumi_listen_order {
    THRUMI_WAITER,   /* before all callbacks */
    THRUMI_CALLBACK, /* after those that were added before */
};

/* Puts a waiter on the list; false if the future has settled before. */
bool thrumi_future_listen(thrum_future *future, struct thrumi_waiter *waiter,
                          enum thrumi_listen_order order);
/* Takes it off; false if it was taken off before, to be woken. */
bool thrumi_future_unlisten(thrum_future *future, struct thrumi_waiter *waiter);

/* The same with the lock held, of one that is on the list. */
void thrumi_future_unlist(thrum_future *future, struct thrumi_waiter *waiter);

/* Waits until it has settled: 0 or a code of the wait. */
int thrumi_future_wait(thrum_future *future, thrum_time deadline);

#endif /* THRUMI_TASK_FUTURE_H */
