/* SPDX-License-Identifier: MIT */
/*
 * pool/thread_pool.h - the parts of a thread pool, and who may touch them.
 *
 *     submitters --> injection (lanes) --+--> workers: deque, context
 *     tasks of the pool --> own deque ---+        |
 *                                     idle: who sleeps, who is woken
 *
 * Locking: pool.lock guards which workers there are; it is taken before
 * idle.lock and the lanes' locks, never while one of them is held. No user
 * code runs under any of them.
 */
#ifndef THRUMI_POOL_THREAD_POOL_H
#define THRUMI_POOL_THREAD_POOL_H

#include <thrum/thread_pool.h>

#include "base/deque.h"
#include "base/histogram.h"
#include "pool/admission.h"
#include "pool/idle.h"
#include "pool/injection.h"
#include "sys/thread.h"
#include "task/context.h"
#include "task/executor.h"
#include "task/task.h"
#include "task/waitlist.h"

/* A thread of the pool, from its start until it is joined or detached. */
struct thrumi_pool_thread {
    struct thrumi_link link; /* in pool.ended */
    pthread_t id;
};

/* Only its worker writes them. */
struct thrumi_worker_counts {
    _Atomic uint64_t submitted; /* to its own deque */
    _Atomic uint64_t begun;
    _Atomic uint64_t done;
    _Atomic uint64_t failed;
    _Atomic uint64_t cancelled;        /* by themselves, while they ran */
    _Atomic uint64_t cancelled_queued; /* found cancelled in a queue */
    _Atomic uint64_t stolen;
    struct thrumi_histogram wait;
    struct thrumi_histogram run;
};

struct thrumi_pool;

struct thrumi_worker {
    struct thrumi_context context;
    struct thrumi_pool *pool;
    int64_t floor;       /* of the deque: what lies above was submitted by the
                          * innermost task, or by tasks it ran */
    unsigned help_depth; /* tasks on this stack, beyond the first */
    unsigned index;
    unsigned tick;    /* rounds, for fairness */
    unsigned rotor;   /* which lane or victim is next */
    bool searching;   /* it has a token of the idle's */
    bool initialized; /* its initializer has returned and not failed */
    bool retired;     /* it does not count among the living any more */
    bool expired;     /* it was idle for longer than the pool allows */
    const char *stack_low;
    struct thrumi_sleeper sleeper;
    struct thrumi_deque deque;
    struct thrumi_worker_counts counts;
    /* guarded by pool.lock: */
    struct thrumi_pool_thread *thread; /* NULL: no thread has this place */
};

struct thrumi_pool {
    thrum_executor executor; /* first: the pool's memory is the executor's */
    struct thrumi_injection injection;
    struct thrumi_idle idle;
    struct thrumi_admission admission;
    /* what was asked for; constant */
    void *memory; /* the allocation that the pool lies in */
    thrum_thread_pool_options options;
    unsigned max_workers;
    unsigned max_threads; /* with the spares */
    unsigned spinners;    /* how many may poll at once */
    int64_t idle_ns;      /* a thread that is idle so long ends; 0: never */
    char *name_prefix;
    int *affinity;
    sigset_t mask;
    /* read by anybody, written under lock */
    atomic_uint alive;   /* threads that run or are being started */
    atomic_uint blocked; /* of these, parked inside a task */
    atomic_uint places;  /* of workers[], used so far */
    _Atomic(struct thrumi_worker *) *workers; /* max_threads of them */
    atomic_int closing; /* 0, or what a submit is told from now on */
    _Atomic int64_t no_growth_until; /* a thread could not be started */
    struct thrumi_mutex lock;
    /* guarded by lock: */
    bool orphaned;                  /* the last user is gone: threads detach */
    struct thrumi_link ended;       /* threads that are to be joined */
    struct thrumi_waitlist waiters; /* for the last worker's end */
    struct thrumi_mutex join_lock;  /* one joins at a time; before lock */
    /* of what did not run on a worker */
    _Atomic uint64_t outside_done;
    _Atomic uint64_t outside_failed;
    _Atomic uint64_t outside_cancelled;
    _Atomic uint64_t dropped; /* of these, the ones that lay in a queue */
};

/* The pool's worker that runs here, or NULL. */
struct thrumi_worker *thrumi_worker_current(const struct thrumi_pool *pool);

/* ---- wake.c ---- */

/* Before a task is put into a queue: somebody is there who will look at it.
 * 0, or why no thread could be started. */
int thrumi_pool_need_worker(struct thrumi_pool *pool);
/* After work was put in a queue, or a worker was blocked: sees to it that
 * somebody takes it. */
void thrumi_pool_notify(struct thrumi_pool *pool);
/* The same when the last thing was to give up a lane's lock. */
void thrumi_pool_notify_unlocked(struct thrumi_pool *pool);
/* Is there anything in any queue? */
bool thrumi_pool_has_work(struct thrumi_pool *pool);

/* ---- thread_pool.c ---- */

/* Ends a hold of the pool's memory. */
void thrumi_pool_release(struct thrumi_pool *pool);

/* Threads that are idle for so long end from now on, and are joined by nobody:
 * for a pool that is not shut down. Before its first task. */
void thrumi_pool_limit_idle(thrum_executor *executor, int64_t ns);

/* ---- places.c ---- */

/* Starts one more thread, unless there are enough; `searching`: it gets the
 * caller's token. 0; 1 when there are enough; -EAGAIN or -ENOMEM when one is
 * missing and cannot be started. */
int thrumi_worker_start(struct thrumi_pool *pool, bool searching);
/* The same with the pool's lock held. */
int thrumi_worker_start_locked(struct thrumi_pool *pool, bool searching);
/* The calling thread is the worker's no more, which may be another's from now
 * on; `replace`: one is started. False when it was the last and none could. */
bool thrumi_worker_leave(struct thrumi_worker *worker, bool replace);
/* Is there a thread that cannot be joined yet? One that is surplus may go on
 * for a moment after it stopped counting. The lock is held. */
bool thrumi_pool_some_run(struct thrumi_pool *pool);
/* All that have ended are joined when it returns, also those that another
 * caller has taken. */
void thrumi_pool_join_ended(struct thrumi_pool *pool);
/* Nobody will join: those that have ended are detached, and so will the others
 * be when they end. */
void thrumi_pool_detach_ended(struct thrumi_pool *pool);

/* ---- worker.c ---- */

/* What a thread of the pool runs; `arg` is its worker. */
void *thrumi_worker_main(void *arg);
/* Runs what came out of a queue, and drops the queue's reference. */
void thrumi_worker_run(struct thrumi_worker *worker, struct thrumi_slot slot);
/* Executes a task that was started, and counts it; `owns` as for
 * thrumi_task_execute(). */
void thrumi_worker_execute(struct thrumi_worker *worker, thrum_future *task,
                           bool owns);
/* Takes the oldest slot of some other worker's deque. */
bool thrumi_worker_steal(struct thrumi_pool *pool, unsigned *rotor,
                         const struct thrumi_worker *thief,
                         struct thrumi_slot *ret);

/* ---- help.c: the contexts' functions ---- */

bool thrumi_worker_help(struct thrumi_context *context, thrum_future *future);
/* Counts the worker as blocked, and not any more. To be counted and to look
 * whether that was the last is one step: of those that block at the same time
 * the newest is told (-EDEADLK), and no other. */
int thrumi_worker_block(struct thrumi_context *context,
                        struct thrumi_parking *parking);
void thrumi_worker_unblock(struct thrumi_context *context);

/* ---- shutdown.c ---- */

int thrumi_pool_shutdown(void *self, unsigned flags, thrum_time deadline);
int thrumi_pool_request_shutdown(void *self);
void thrumi_pool_destroy(void *self);
/* Refuses from now on, with this code; wakes all. Async-signal-safe. */
void thrumi_pool_close(struct thrumi_pool *pool, int code);
/* Makes sure that nothing can come in any more; for those who may lock. */
void thrumi_pool_seal(struct thrumi_pool *pool);
/* Fails whatever has not begun. */
void thrumi_pool_drain(struct thrumi_pool *pool, int code);
/* The last worker is about to end: whom to wake. The lock is held. */
void thrumi_pool_ended(struct thrumi_pool *pool);

/* ---- others ---- */

int thrumi_pool_stats(void *self, thrum_stats *stats);
int thrumi_pool_set_options(struct thrumi_pool *pool,
                            const thrum_thread_pool_options *options);
/* Adds the pool to those that exit() waits for. */
int thrumi_pool_wait_at_exit(struct thrumi_pool *pool);

static inline unsigned thrumi_pool_active(struct thrumi_pool *pool)
{
    unsigned alive = atomic_load_explicit(&pool->alive, memory_order_relaxed);
    unsigned blocked =
        atomic_load_explicit(&pool->blocked, memory_order_relaxed);

    return alive > blocked ? alive - blocked : 0;
}

#endif /* THRUMI_POOL_THREAD_POOL_H */
