/* SPDX-License-Identifier: MIT */
/*
 * pool/process_pool.h - the parts of a process pool, in the process that owns
 * it, and who may touch them.
 *
 *     submitters --> queue --+--> crew: a worker's requests --> its process
 *                            |                                     |
 *          manager (a thread): starts, settles, buries  <-- its responses
 *                            |
 *                          zygote (a process): forks, reaps
 *
 * Locking: pool.lock guards the queue, the crew, and the requests of every
 * worker; whether a task has begun is decided under it. The manager alone reads
 * responses and talks with the zygote. Futures settle, and callbacks run, with
 * no lock held.
 *
 * A task's way: it lies in the queue; is assigned to a worker, from where it can
 * be taken back (task.extra.place is the worker then, and `ticket` the request);
 * begins, which the worker decides; and is answered, or dies with its worker.
 */
#ifndef THRUMI_POOL_PROCESS_POOL_H
#define THRUMI_POOL_PROCESS_POOL_H

#include <thrum/process_pool.h>

#include "base/histogram.h"
#include "base/list.h"
#include "pool/admission.h"
#include "pool/process_protocol.h"
#include "pool/process_wire.h"
#include "sys/thread.h"
#include "task/context.h"
#include "task/executor.h"
#include "task/task.h"
#include "task/waitlist.h"

#define THRUMI_CREW_MOST      1024
#define THRUMI_CREW_OBJECTS   512u /* that functions may be in */
#define THRUMI_CREW_STILLBORN 5u   /* in a row: the pool is broken */
#define THRUMI_CREW_SPARES    3u   /* made at once, when none is left */

/* ---- functions as others can find them ---- */

struct thrumi_process_function {
    uint32_t object; /* a number of the pool's, from 1 */
    uint64_t offset;
};

struct thrumi_process_object {
    struct thrumi_object object;
    char *path;
};

struct thrumi_process_objects {
    bool no_program; /* workers are of another one */
    /* guarded by pool.lock: */
    unsigned count;
    struct thrumi_process_object *known[THRUMI_CREW_OBJECTS];
};

/* ---- the crew ---- */

enum thrumi_crew_state {
    THRUMI_CREW_SPARE,    /* no worker: its process waits to become one */
    THRUMI_CREW_STARTING, /* the zygote was asked */
    THRUMI_CREW_ALIVE,    /* it has answered its first request */
    THRUMI_CREW_LEAVING,  /* it was told to end */
    THRUMI_CREW_KILLED,   /* by us */
};

/* A request that is to be answered. */
struct thrumi_process_flight {
    thrum_future *task; /* NULL: taken back, answered, or not a task */
    uint64_t seq;       /* of the request */
    int64_t run_ns;     /* 0: no limit */
    /* if it has a limit: */
    int64_t begun_at; /* when it began, once that is known; or 0 */
    int64_t next_at;  /* since when nothing is before it; or 0 */
};

/* A worker process, as its owner sees it. */
struct thrumi_crew {
    struct thrumi_link link; /* in pool.crew */
    unsigned number;
    enum thrumi_crew_state state;
    int pid;   /* 0: not known yet */
    int pidfd; /* -1: not known yet */
    int socket;
    struct thrumi_wire_shared *shared;
    /* guarded by pool.lock: */
    struct thrumi_wire_out out;
    struct thrumi_process_flight flights[THRUMI_WIRE_SLOTS];
    unsigned in_flight; /* tasks that it has */
    unsigned limited;   /* of these, with a limit to their time */
    uint64_t first;     /* the oldest request that may be unanswered */
    bool hired;         /* it is a worker, or was: no spare */
    bool born;          /* that has been answered */
    uint64_t init;      /* the first one that is answered */
    uint64_t assigned;  /* tasks, ever */
    uint64_t told[THRUMI_CREW_OBJECTS / 64]; /* objects it was told of */
    int64_t idle_since;   /* no task since then; 0: it has some */
    thrum_future *killed; /* the task that it was killed for, */
    int verdict;          /* and what that comes to */
    bool lies;            /* it wrote nonsense */
    bool orphan;          /* its zygote is gone: its pidfd tells its end */
    /* the manager's: */
    struct thrumi_spsc_side responses;
};

/* ---- the pool ---- */

enum {
    THRUMI_QUEUE_RETURNED, /* assigned before, and taken back: come first */
    THRUMI_QUEUE_URGENT,
    THRUMI_QUEUE_NORMAL,
    THRUMI_QUEUE_BACKGROUND,
    THRUMI_QUEUES,
};

struct thrumi_process_counts {
    uint64_t submitted;
    uint64_t done;
    uint64_t failed;
    uint64_t cancelled;
};

struct thrumi_process_pool {
    thrum_executor executor; /* first: the pool's memory is the executor's */
    struct thrumi_admission admission;
    /* what was asked for; constant */
    thrum_process_pool_options options;
    struct thrumi_process_way way; /* by which zygotes are had */
    char *variable;                /* of the environment, that says so */
    char **environment;
    char *initializer_arg;
    struct thrumi_confine confine;
    /* read by anybody */
    atomic_int closing; /* 0, or what a submit is told from now on */
    int bell_fd;        /* the manager sleeps on it */
    atomic_uint bell;   /* it does */
    atomic_uint work;   /* somebody has some for it */
    _Atomic(struct thrumi_self *) manager; /* its thread */
    struct thrumi_mutex lock;
    /* guarded by lock: */
    struct thrumi_link queues[THRUMI_QUEUES]; /* of task_extra.link */
    size_t queued;                            /* tasks in them */
    size_t outstanding; /* accepted, and neither answered nor cancelled */
    struct thrumi_link crew;
    unsigned crew_count; /* not leaving, not killed */
    unsigned max_workers;
    unsigned spares_due;        /* to be made, when there is time */
    struct thrumi_link answers; /* of tasks that have ended: task_extra.link */
    struct thrumi_process_objects objects;
    struct thrumi_process_counts counts;
    struct thrumi_histogram wait;
    struct thrumi_histogram run;
    bool ended;                     /* the manager is about to */
    bool orphaned;                  /* the last user is gone: nobody joins it */
    bool joined;                    /* somebody has, or is about to */
    pthread_t thread;               /* the manager */
    struct thrumi_waitlist waiters; /* for the end */
    struct thrumi_mutex join_lock;  /* one joins at a time; before lock */
    /* the manager's: */
    struct thrumi_link settling; /* answers that are being settled */
    struct thrumi_link remains;  /* of workers that have ended: to be freed */
    int zygote_pidfd;            /* -1: there is none */
    bool zygote_ready; /* it has something to tell, or a worker without one has
                        * ended */
    unsigned next_number;   /* of a worker, or a spare */
    unsigned unheard;       /* workers that it has not told of yet */
    unsigned rounds;        /* of the manager */
    int zygote;             /* its socket */
    unsigned stillborn;     /* in a row */
    int64_t start_after;    /* no worker is started before; 0: at once */
    thrum_error *broken_by; /* why no worker will ever be started again */
    atomic_int kill_all;    /* the signal that workers were killed by: none is
                          * replaced; or 0 */
};

/* Wakes the manager if it sleeps. */
void thrumi_process_wake(struct thrumi_process_pool *pool);
void thrumi_process_release(struct thrumi_process_pool *pool);

/* ---- process_options.c ---- */

int thrumi_process_set_options(struct thrumi_process_pool *pool,
                               const thrum_process_pool_options *options);

/* ---- process_functions.c ---- */

struct thrumi_process_pool;

/* What another process is told of the function; false if its object is not known
 * yet. The lock is held. */
bool thrumi_process_function(const struct thrumi_process_objects *objects,
                             thrum_fn *fn, struct thrumi_process_function *ret);
/* Makes the object of a function known: 0; THRUM_ENOTSHARED for one that is in
 * no object, -ENOTSUP for one of a program that is not there, -ENOMEM. The lock
 * is not held. */
int thrumi_process_learn(struct thrumi_process_pool *pool, thrum_fn *fn);
void thrumi_process_objects_free(struct thrumi_process_objects *objects);

/* ---- process_crew.c: the lock is held ---- */

/* Has a new worker started, or takes the spare for one: 0 or -errno. */
int thrumi_crew_start(struct thrumi_process_pool *pool);
/* What is kept to become a worker; NULL: nothing. */
struct thrumi_crew *thrumi_crew_spare(struct thrumi_process_pool *pool);
/* A worker has died, or a spare has become one: spares are due if none is left.
 */
void thrumi_crew_foresee(struct thrumi_process_pool *pool);
/* Has a spare made, if that can be. The manager's; the lock is not held. */
void thrumi_crew_start_spare(struct thrumi_process_pool *pool);
/* One that has ended, or never was, and has no tasks: it is nobody's any more.
 */
void thrumi_crew_free(struct thrumi_process_pool *pool,
                      struct thrumi_crew *crew);
/* Frees the memory of those, which takes as long as the rest of a replacement:
 * not before that. The manager's; the lock is not needed. */
void thrumi_crew_clear(struct thrumi_process_pool *pool);
struct thrumi_crew *thrumi_crew_find(struct thrumi_process_pool *pool,
                                     unsigned number);
/* Room for one more request to it? */
bool thrumi_crew_has_room(struct thrumi_crew *crew);
/* Puts the task, or another request, into its ring; false if there is no room
 * for its bytes now. `file`: the argument as a file, or -1. */
bool thrumi_crew_assign(struct thrumi_process_pool *pool,
                        struct thrumi_crew *crew, thrum_future *task, int file);
/* The function that is called for the task in the end. */
thrum_fn *thrumi_crew_function(const thrum_future *task);
/* The oldest request of a task that is not answered; the next one if all are.
 * Answers come in this order. */
uint64_t thrumi_crew_oldest(struct thrumi_crew *crew);
/* The task of a request is not there any more. */
void thrumi_crew_land(struct thrumi_crew *crew, uint64_t seq);
/* Takes a request back: true, unless it has begun. */
bool thrumi_crew_revoke(struct thrumi_crew *crew, uint64_t seq);
/* Has the request begun, as far as its worker says? */
bool thrumi_crew_has_begun(struct thrumi_crew *crew, uint64_t seq);
/* Tells it to end when it has done what it has. */
void thrumi_crew_dismiss(struct thrumi_process_pool *pool,
                         struct thrumi_crew *crew);
void thrumi_crew_ring(struct thrumi_crew *crew);
/* Kills it for what runs there: nothing else of ours may run in it. False, and
 * nothing is done, if the task has ended. */
bool thrumi_crew_kill(struct thrumi_process_pool *pool,
                      struct thrumi_crew *crew, thrum_future *task,
                      int verdict);

/* ---- process_dispatch.c: the lock is held ---- */

/* Hands out what is in the queue. */
void thrumi_process_dispatch(struct thrumi_process_pool *pool);
/* Puts a task into a queue, or takes it out. */
void thrumi_process_push(struct thrumi_process_pool *pool, thrum_future *task,
                         unsigned queue);
void thrumi_process_unqueue(struct thrumi_process_pool *pool,
                            thrum_future *task);
/* The task that is next; NULL: none. It stays there. */
thrum_future *thrumi_process_next(struct thrumi_process_pool *pool);
/* Gives it to the worker, `file` being its argument, or -1; false if there is no
 * room now. */
bool thrumi_process_hand(struct thrumi_process_pool *pool,
                         struct thrumi_crew *crew, thrum_future *task,
                         int file);
/* A worker that may take one more, or NULL. */
struct thrumi_crew *thrumi_process_choose(struct thrumi_process_pool *pool);
/* How many workers there should be now. */
unsigned thrumi_process_wanted(struct thrumi_process_pool *pool);
bool thrumi_process_is_large(const thrum_future *task);
/* Takes the requests from this one on back, to the head of the queue; false if
 * one of them has begun, which stays. */
bool thrumi_process_reclaim(struct thrumi_process_pool *pool,
                            struct thrumi_crew *crew, uint64_t from);
/* Gives workers without a task some of those that others have too many of. */
void thrumi_process_balance(struct thrumi_process_pool *pool);

/* ---- process_tasks.c: what users do with tasks ---- */

bool thrumi_process_cancel(void *self, thrum_future *task, bool *ret_busy);
void thrumi_process_look(void *self, thrum_future *task);
int thrumi_process_ask(void *self, thrum_future *task);
int thrumi_process_kill(void *self, thrum_future *task, thrum_time deadline);

/* ---- process_collect.c: the manager's ---- */

/* Settles what the worker has answered; true if there was anything. */
bool thrumi_process_collect(struct thrumi_process_pool *pool,
                            struct thrumi_crew *crew);
/* The task has ended, whatever it came to: nobody else touches it any more; takes
 * the queue's reference. The lock is held. */
void thrumi_process_answer(struct thrumi_process_pool *pool, thrum_future *task,
                           const struct thrumi_outcome *outcome);
/* Settles those. */
void thrumi_process_settle(struct thrumi_process_pool *pool);

/* ---- process_death.c: the manager's ---- */

/* The worker has ended: what it had is settled or goes back to the queue. */
void thrumi_process_bury(struct thrumi_process_pool *pool,
                         struct thrumi_crew *crew,
                         const struct thrumi_ending *ending);
/* A worker could not be started, or ended before it was one; takes the error.
 * The lock is held. */
void thrumi_process_not_born(struct thrumi_process_pool *pool,
                             thrum_error *error);
/* Nobody will ever do what is left, because of pool.broken_by: it fails. */
void thrumi_process_break(struct thrumi_process_pool *pool);

/* ---- process_owner.c: the manager's ---- */

int thrumi_process_start_zygote(struct thrumi_process_pool *pool);
/* It, and what workers there are left. */
void thrumi_process_end_zygote(struct thrumi_process_pool *pool);
/* Hears what the zygote tells; true if there was anything. */
bool thrumi_process_listen(struct thrumi_process_pool *pool);
/* Buries workers that no zygote is there to tell of; true if there was one. */
bool thrumi_process_bury_orphans(struct thrumi_process_pool *pool);

/* ---- process_upkeep.c: the manager's ---- */

/* Starts, feeds, limits and dismisses workers; when there will be something to
 * do again. */
int64_t thrumi_process_arrange(struct thrumi_process_pool *pool);

/* Has a spare made, if one is due and nothing speaks against it: true if it has.
 */
bool thrumi_process_prepare(struct thrumi_process_pool *pool);

/* ---- process_manager.c ---- */

int thrumi_process_start_manager(struct thrumi_process_pool *pool);

/* ---- process_end.c ---- */

int thrumi_process_shutdown(void *self, unsigned flags, thrum_time deadline);
void thrumi_process_destroy(void *self);
int thrumi_process_request_shutdown(void *self);
/* The manager is about to end: wakes who waits. */
void thrumi_process_ended(struct thrumi_process_pool *pool);
int thrumi_process_kill_workers(struct thrumi_process_pool *pool, int number);

#endif /* THRUMI_POOL_PROCESS_POOL_H */
