/* SPDX-License-Identifier: MIT */
/*
 * task/context.h - what runs here: the one way to park and to wake.
 *
 * A context is whatever can wait: an OS thread, a pool's worker, a greenlet.
 * What its thread does meanwhile a scheduler decides, if the thread has one;
 * else the thread sleeps. Whoever waits below that floor never knows which.
 *
 * A wait is a struct thrumi_parking on the stack of the one that waits:
 *
 *     thrumi_parking_init(&parking);
 *     ... put it, in some waiter, on some list, under that list's lock ...
 *     rc = thrumi_parking_wait(&parking, deadline);
 *
 * and whoever takes the waiter off the list calls thrumi_parking_wake(), once.
 * After a time-out the waiter must be taken off the list; if somebody else has
 * done that, the wake is on its way, and thrumi_parking_finish() waits for it.
 */
#ifndef THRUMI_TASK_CONTEXT_H
#define THRUMI_TASK_CONTEXT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <thrum/future.h>

#include "base/container.h"
#include "base/list.h"

struct thrum_guard;
struct thrumi_body;
struct thrumi_context;
struct thrumi_drain;
struct thrumi_locals;
struct thrumi_loom;
struct thrumi_parking;
struct thrumi_record;
struct thrumi_scheduler;
struct thrumi_strand;

/* Something on a list that is to be woken; `wake` is called once, by whoever
 * takes it off the list, after the list's lock was dropped. */
struct thrumi_waiter {
    struct thrumi_link link;
    void (*wake)(struct thrumi_waiter *waiter);
};

struct thrumi_parking {
    atomic_uint word;    /* see context.c */
    uint16_t generation; /* of the process, while a scheduler has it asleep */
    struct thrumi_context *context;
    struct thrumi_scheduler *scheduler; /* of its thread, or NULL */
    thrum_executor *queue; /* waits for what lies in this one's queue, or for
                            * a task of the green pool that it is in itself */
    void *stop;            /* the scheduler's own, while it is asleep */
    /* For whoever dumps, see thrumi_parking_for(): */
    const char *what;
    const void *on;
    thrum_time deadline;
};

/* How a wait is to be. */
enum {
    THRUMI_PARK_MASKED = 1,  /* nothing but a wake or the deadline ends it */
    THRUMI_PARK_PRECISE = 2, /* the deadline is what is waited for */
    THRUMI_PARK_CERTAIN = 4, /* nor does a deadlock end it */
};

/* What a thread does while one of its contexts waits: it goes on with another.
 * In hub/. */
struct thrumi_scheduler {
    /* Returns when the parking was woken: 0, or -ETIMEDOUT, -ECANCELED,
     * -EDEADLK, -ENOMEM. */
    int (*park)(struct thrumi_scheduler *scheduler,
                struct thrumi_parking *parking, thrum_time deadline,
                unsigned flags);
    /* Ends park, from any thread; the parking may be gone when it returns. */
    void (*unpark)(struct thrumi_scheduler *scheduler,
                   struct thrumi_parking *parking);
    /* Waits without a deadline for a future that the same thread will settle,
     * in its own way. False: it has none, wait as for any. */
    bool (*await)(struct thrumi_scheduler *scheduler,
                  struct thrumi_context *context, thrum_future *future,
                  int *ret_rc);
    /* Lets the others go on first. */
    void (*pass)(struct thrumi_scheduler *scheduler);
    /* Counts a call that could have waited and did not; after many of them it
     * passes. */
    void (*spend)(struct thrumi_scheduler *scheduler);
    /* Waits for all that the body has spawned. */
    void (*join)(struct thrumi_scheduler *scheduler, struct thrumi_body *body);
};

struct thrumi_context {
    /* Called around a sleep of its thread: 0, or -EDEADLK and no sleep. NULL
     * for contexts that need not know. */
    int (*block)(struct thrumi_context *context,
                 struct thrumi_parking *parking);
    void (*unblock)(struct thrumi_context *context);
    /* Runs what brings the future nearer, if anything does: true when
     * something ran. NULL for contexts that cannot. */
    bool (*help)(struct thrumi_context *context, thrum_future *future);
    /* Calls the function of its outermost body. NULL: as it is. */
    void *(*call)(struct thrumi_context *context, struct thrumi_body *body,
                  thrum_fn *fn, void *arg);
    struct thrumi_body *body;   /* innermost running one, or NULL */
    struct thrumi_drain *drain; /* innermost settlement under way, or NULL */
    const char *callback_frame; /* stack address of a running callback */
    struct thrumi_body *callback_body; /* innermost where that began */
    struct thrumi_context *carrier;    /* of a greenlet: what it waits as */
    _Atomic(thrum_future *) awaits;    /* guarded by the wait graph's lock */
    struct thrum_guard *guards;        /* innermost; see task/guard.h */
    struct thrumi_parking *waits_in;   /* for whoever dumps; or NULL */
    struct thrumi_parking *parked;     /* in a hub, when that may be ended */
    struct thrumi_locals *locals;      /* of a greenlet; see task/local.c */
    thrum_executor *pool;              /* a green pool that it has a place of */
    bool is_greenlet;                  /* it has values of its own there */
    bool cancelled;                    /* each of its waits is -ECANCELED */
    bool interruptible;                /* a signal handler ends its waits */
};

/* The free records that this thread keeps, see task/record.c. */
struct thrumi_magazine {
    struct thrumi_record *first;
    unsigned count;
};

/* The library's state of a thread. Greenlets never leave their thread, so the
 * address may be kept across a switch. */
struct thrumi_self {
    struct thrumi_context *running;     /* NULL: not used yet */
    struct thrumi_scheduler *scheduler; /* NULL: it sleeps when it waits */
    struct thrumi_context thread;       /* the thread's own context */
    struct thrumi_magazine current;
    struct thrumi_magazine spare;
    struct thrumi_locals *locals; /* values outside of greenlets, or NULL */
    struct thrumi_strand *strand; /* what runs, once greenlets were used */
    struct thrumi_loom *loom;     /* the thread's greenlets */
    void (*loom_ends)(struct thrumi_self *self); /* with the thread */
    unsigned shard;       /* which of a pool's queues it submits to, from 1 */
    unsigned since_timed; /* submits since one was timed */
    unsigned select_turn; /* whose turn it is in its selects */
};

extern _Thread_local struct thrumi_self thrumi_self_data
    __attribute__((visibility("hidden")));

static inline struct thrumi_self *thrumi_self(void)
{
    return &thrumi_self_data;
}

struct thrumi_context *thrumi_context_first_use(struct thrumi_self *self);
/* Has the end of the thread noticed, also while it is ending. */
void thrumi_self_notice_end(struct thrumi_self *self);

static inline struct thrumi_context *thrumi_context_running(void)
{
    struct thrumi_self *self = thrumi_self();

    if (thrumi_unlikely(self->running == NULL))
        return thrumi_context_first_use(self);
    return self->running;
}

/* What a context waits as: a generator as whatever pulls it, since that cannot
 * go on either. */
static inline struct thrumi_context *
thrumi_context_carrier(struct thrumi_context *context)
{
    while (thrumi_unlikely(context->carrier != NULL))
        context = context->carrier;
    return context;
}

/* After a call that could have waited and did not: one who never waits must not
 * keep the thread for ever. No lock is held. */
static inline void thrumi_context_spend(void)
{
    struct thrumi_scheduler *scheduler = thrumi_self()->scheduler;

    if (thrumi_unlikely(scheduler != NULL))
        scheduler->spend(scheduler);
}

/* Makes a context that sleeps as a thread does. */
void thrumi_context_init(struct thrumi_context *context);
/* The thread sleeps until woken: 0, -ETIMEDOUT, -EDEADLK. */
int thrumi_thread_park(struct thrumi_parking *parking, thrum_time deadline);
void thrumi_thread_unpark(struct thrumi_parking *parking);

/* Runs a callback here? Then nothing may wait. */
bool thrumi_context_in_callback(struct thrumi_context *context);

/* The body that raise and return act on: none for a callback, which is not
 * part of the body that happens to settle its future (F22). */
struct thrumi_body *thrumi_context_body(struct thrumi_context *context);

void thrumi_parking_init(struct thrumi_parking *parking);
/* Says what it will wait for, so that a dump can tell: a text that stays, as in
 * "waits for TEXT", and the object, or NULL. A `#` in the text is where a number
 * goes that is given in place of the object: a descriptor. */
static inline void thrumi_parking_for(struct thrumi_parking *parking,
                                      const char *what, const void *on)
{
    parking->what = what;
    parking->on = on;
}
/* 0 when woken; THRUM_ECONTEXT in a callback; what park says. */
int thrumi_parking_wait(struct thrumi_parking *parking, thrum_time deadline);
void thrumi_parking_wake(struct thrumi_parking *parking);
/* Waits for a wake that is on its way: nothing else ends that. */
void thrumi_parking_finish(struct thrumi_parking *parking);
/* Waits to the deadline, and no longer than for a cancellation: -ETIMEDOUT or
 * what parking_wait returns. */
int thrumi_parking_sleep(thrum_time deadline);

/* The word of a parking. */
enum {
    THRUMI_PARKING_AWAKE = 0,
    THRUMI_PARKING_WOKEN = 1,
    THRUMI_PARKING_ASLEEP = 2,
};

#endif /* THRUMI_TASK_CONTEXT_H */
