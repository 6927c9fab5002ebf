/* SPDX-License-Identifier: MIT */
/*
 * hub/green_pool.h - the parts of a green pool.
 *
 *     submitters --> queues, by priority --> places: a hub each
 *
 * A task stays in the pool's queues until a hub takes it, which is when it
 * begins: so it can be cancelled until then, and no hub that is held up has
 * tasks which another could run. A hub is told by an errand that there is
 * something (the feed); it takes one task each time, and sends the errand on to
 * the end of its own queue while there is more.
 *
 * Locking: listing.lock, in green_pool_end.c, before pool.lock, which is a leaf
 * but for a hub's inbox. No user code runs under any of them.
 */
#ifndef THRUMI_HUB_GREEN_POOL_H
#define THRUMI_HUB_GREEN_POOL_H

#include <thrum/green_pool.h>

#include "base/histogram.h"
#include "hub/hub.h"
#include "pool/admission.h"
#include "sys/thread.h"
#include "task/task.h"
#include "task/waitlist.h"

enum {
    THRUMI_GREEN_URGENT,
    THRUMI_GREEN_NORMAL,
    THRUMI_GREEN_BACKGROUND,
    THRUMI_GREEN_QUEUES,
};

/* Only the hub's thread writes them. */
struct thrumi_green_counts {
    _Atomic uint64_t begun;
    _Atomic uint64_t done;
    _Atomic uint64_t failed;
    _Atomic uint64_t cancelled;
    _Atomic uint64_t cancelled_queued; /* found cancelled when taken */
    _Atomic uint64_t failed_queued;    /* there was no stack for it */
    struct thrumi_histogram wait;
    struct thrumi_histogram run;
};

/* What becomes of the thread of a place. */
enum thrumi_green_thread {
    THRUMI_GREEN_NONE,  /* there is none, or it is nobody's business */
    THRUMI_GREEN_RUNS,  /* or is being started */
    THRUMI_GREEN_ENDED, /* it is to be joined */
};

struct thrumi_green_pool;

struct thrumi_green_place {
    struct thrumi_green_pool *pool;
    unsigned index;
    _Atomic(struct thrumi_hub *) hub; /* NULL: not there, or ending */
    struct thrumi_link link; /* of the hub's; guarded by listing.lock */
    struct thrumi_errand feed;
    struct thrumi_errand kick;
    atomic_bool kicked; /* the kick is on its way */
    struct thrumi_green_counts counts;
    /* guarded by pool.lock: */
    bool feeding;  /* the feed is on its way, and holds the pool */
    bool listed;   /* the hub has it, and holds the pool */
    bool served;   /* it has taken a task */
    unsigned live; /* tasks taken and not ended */
    enum thrumi_green_thread state;
    pthread_t thread;
    struct thrumi_parking *sleeper; /* its thread's main greenlet, or NULL */
};

struct thrumi_green_pool {
    thrum_executor executor; /* first: the pool's memory is the executor's */
    struct thrumi_admission admission;
    thrum_green_pool_options options;
    char *name_prefix;
    sigset_t mask;
    atomic_int closing; /* 0, or what a submit is told from now on */
    struct thrumi_mutex lock;
    /* guarded by lock: */
    struct thrumi_ready_queue queues[THRUMI_GREEN_QUEUES];
    uint64_t submitted; /* into them */
    unsigned live;      /* tasks taken and not ended */
    unsigned lent;      /* of these, waiting for others of the pool */
    unsigned alive;     /* threads */
    bool orphaned;      /* the last user is gone: threads detach */
    struct thrumi_waitlist waiters; /* for the end */
    /* of what did not run as a greenlet of the pool: */
    _Atomic uint64_t outside_done;
    _Atomic uint64_t outside_failed;
    _Atomic uint64_t outside_cancelled;
    _Atomic uint64_t dropped;      /* of these, the ones that were queued */
    struct thrumi_mutex join_lock; /* one joins at a time; before lock */
    bool spread;                   /* one task for each place */
    unsigned place_count;
    struct thrumi_green_place places[];
};

static inline bool thrumi_green_pool_empty(const struct thrumi_green_pool *pool)
{
    return (pool->queues[THRUMI_GREEN_URGENT].first |
            pool->queues[THRUMI_GREEN_NORMAL].first |
            pool->queues[THRUMI_GREEN_BACKGROUND].first) == 0;
}

/* ---- green_pool.c ---- */

int thrumi_green_pool_enqueue(void *self, thrum_task *task);
int thrumi_green_pool_kill(void *self, thrum_future *task, thrum_time deadline);
int thrumi_green_pool_ask(void *self, thrum_future *task);
/* The errand of a feed. */
void thrumi_green_pool_take(struct thrumi_hub *hub,
                            struct thrumi_errand *errand);

/* Runs a task that a hub has taken, on the greenlet of `context`. */
unsigned thrumi_green_pool_run(thrum_future *task,
                               struct thrumi_context *context);
/* One that was taken has been dropped: `cancelled`, or failed. */
void thrumi_green_pool_dropped(thrum_executor *executor, unsigned place,
                               bool cancelled);
/* The hub that a running task is on; NULL: none, or it ends. */
struct thrumi_hub *thrumi_green_pool_hub(const thrum_future *task);
/* A task of the pool begins to wait for others of it, and has waited. */
void thrumi_green_pool_lend(thrum_executor *executor);
void thrumi_green_pool_lent(thrum_executor *executor);
/* Each of its threads gets one task from now on, and no more. */
void thrumi_green_pool_spread(thrum_executor *executor);

/* Sees to it that somebody takes what is queued. The lock is held. */
void thrumi_green_pool_feed(struct thrumi_green_pool *pool);
/* The oldest of the most urgent, or NULL. The lock is held. */
thrum_future *thrumi_green_pool_pop(struct thrumi_green_pool *pool);
/* Does a task of the pool run here, or its callbacks? */
bool thrumi_green_pool_inside(const struct thrumi_green_pool *pool);

/* ---- green_thread.c ---- */

/* A thread for a place. The lock is held. 0, -EAGAIN, -ENOMEM. */
int thrumi_green_thread_start(struct thrumi_green_place *place);
/* Begins: gives the place a hub, which keeps the pool's memory. */
void thrumi_green_place_open(struct thrumi_green_place *place,
                             struct thrumi_hub *hub);
/* A hub ends: nothing is given to it any more. And: it has ended. */
void thrumi_green_places_close(struct thrumi_hub *hub);
void thrumi_green_places_end(struct thrumi_hub *hub);
/* The pool has ended: the caller's hub has it no more. */
void thrumi_green_place_unlist(struct thrumi_green_place *place);

/* ---- green_pool_end.c ---- */

int thrumi_green_pool_shutdown(void *self, unsigned flags, thrum_time deadline);
int thrumi_green_pool_request_shutdown(void *self);
void thrumi_green_pool_destroy(void *self);
void thrumi_green_pool_close(struct thrumi_green_pool *pool, int code);
/* Fails whatever has not begun. */
void thrumi_green_pool_drain(struct thrumi_green_pool *pool, int code);
/* Is all done that there was to do? The lock is held. */
bool thrumi_green_pool_drained(struct thrumi_green_pool *pool);
/* Unlocks; when all is over it says so to those who wait for that. */
void thrumi_green_pool_unlock(struct thrumi_green_pool *pool);
/* The errand of a kick. */
void thrumi_green_pool_kick_init(struct thrumi_green_place *place);

/* ---- green_pool_stats.c ---- */

int thrumi_green_pool_stats(void *self, thrum_stats *stats);

#endif /* THRUMI_HUB_GREEN_POOL_H */
