/* SPDX-License-Identifier: MIT */
/*
 * hub/hub.h - the scheduler and event loop of one thread.
 *
 * A hub has no stack of its own. Whoever has to wait looks for the next that
 * can go on, and switches there; when there is none it waits for events on its
 * own stack, and if it was woken itself it just returns. A strand whose task
 * has ended begins the next task without any switch.
 *
 *     ready     FIFO of woken greenlets and tasks that have not begun
 *     inbox     the same, from other threads
 *     timers    a wheel for deadlines, a heap for sleeps
 *     engine    I/O; made when it is first wanted, until then the hub sleeps on
 *               `alarm`
 *
 * All of it is the hub's own thread's, but for the inbox, the alarm, what is
 * counted with atomics, and the executor's face. The memory of a hub is used
 * again by others and never freed, so that a future may point to its hub for
 * ever.
 */
#ifndef THRUMI_HUB_HUB_H
#define THRUMI_HUB_HUB_H

#include <stdatomic.h>
#include <stdbool.h>

#include <thrum/green.h>
#include <thrum/hub.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/wheel.h"
#include "coro/greenlet.h"
#include "coro/loom.h"
#include "hub/inbox.h"
#include "hub/ready.h"
#include "hub/watch.h"
#include "sys/fork.h"
#include "sys/probe.h"
#include "sys/thread.h"
#include "task/context.h"
#include "task/executor.h"

struct thrumi_engine;
struct thrumi_io;

#define THRUMI_HUB_TICK_NS 1000000 /* of the wheel */
#define THRUMI_HUB_CALLS   128u    /* of a greenlet that never waits */

struct thrumi_hub {
    struct thrumi_scheduler scheduler; /* its face towards task/ */
    thrum_executor executor;           /* its face as an executor */
    struct thrumi_loom *loom;
    struct thrumi_context *thread;    /* what its thread sleeps as */
    struct thrumi_context alone;      /* that of a forked child */
    struct thrumi_context *program;   /* where the thread's own program runs */
    struct thrumi_thread_stack stack; /* of that, once it was asked for */
    struct thrum_greenlet *main;      /* the thread's own program */
    uint16_t generation;              /* of the process, see sys/fork.h */
    bool ending;                      /* its thread ends */
    int cancel_state; /* of the thread before, as pthreads has it */

    struct thrumi_ready_queue ready;
    unsigned turns_left;        /* switches until events are looked at */
    unsigned calls_left;        /* calls that do not wait, until a pass */
    thrum_future *beginning;    /* for the strand that goes on; or NULL */
    thrum_future *taken;        /* by an errand: to begin next; or NULL */
    struct thrumi_link greens;  /* strands for tasks, of .link */
    struct thrumi_strand *idle; /* those of them that have none; of .idle */
    unsigned idle_count;
    unsigned strands;                 /* all of them */
    struct thrumi_strand *returns_to; /* when an idle one is to end */
    struct thrumi_stop *main_stop;    /* the main greenlet's wait, or NULL */
    thrum_future *awaited;            /* see await.c; or NULL */
    struct thrumi_parking *awaiting;  /* who waits for that */

    int64_t now; /* when events were looked at last, ns */
    struct thrumi_wheel wheel;
    struct thrumi_heap sleeps;
    unsigned timers; /* in both */

    struct thrumi_engine *engine; /* NULL until there is I/O */
    struct thrumi_link polls;     /* waits for many descriptors, of net/ */
    struct thrumi_inbox inbox;
    atomic_uint alarm;         /* 1: wake up */
    atomic_uint rung;          /* rings that are over */
    unsigned rings;            /* rings that were to come */
    bool dozing;               /* its inbox is marked */
    bool watched;              /* its descriptor was given out */
    struct thrumi_link places; /* of green pools, see green_thread.c */
    struct thrumi_link lost;   /* those when it ends */
    struct thrumi_link link;   /* on the list of all, or of the unused */
    struct thrumi_watch watch; /* what it counts */
};

/* ---- hub.c ---- */

/* The thread's hub, made if need be; NULL: no memory. */
struct thrumi_hub *thrumi_hub_get(void);

/* What was inherited by a forked child becomes a fresh one. */
struct thrumi_hub *thrumi_hub_after_fork(struct thrumi_hub *hub);

/* The hub of a thread that has one, fresh after a fork. */
static inline struct thrumi_hub *thrumi_hub_here(void)
{
    struct thrumi_hub *hub = thrumi_self()->loom->hub;

    if (thrumi_unlikely(hub->generation != thrumi_fork_generation()))
        return thrumi_hub_after_fork(hub);
    return hub;
}

/* The thread's hub, if it has one. */
static inline struct thrumi_hub *thrumi_hub_current(void)
{
    const struct thrumi_loom *loom = thrumi_self()->loom;

    return loom == NULL || loom->hub == NULL ? NULL : thrumi_hub_here();
}

/* Kills all greenlets and ends the hub. False: one would not end, so the hub is
 * still there. */
bool thrumi_hub_end(struct thrumi_hub *hub);

/* Calls fn with each hub of the process, until it returns false. It must not
 * wait, nor make or end a hub. */
void thrumi_hub_each(bool (*fn)(struct thrumi_hub *hub, void *arg), void *arg);

/* Its engine, made if need be: 0 or -errno. */
int thrumi_hub_need_engine(struct thrumi_hub *hub);

/* ---- hub_stats.c ---- */

/* Writes a line about each hub: for thrumi_dump_add(). */
int thrumi_hub_dump(int fd);

/* ---- deadlock.c ---- */

/* Is there anything that can go on, now or later? */
bool thrumi_hub_is_busy(const struct thrumi_hub *hub);
bool thrumi_hub_has_greens(const struct thrumi_hub *hub);

/* Could the clock, a descriptor or the program's own loop wake somebody? */
bool thrumi_hub_has_sources(const struct thrumi_hub *hub);
/* Is there no other thread that could? */
bool thrumi_hub_is_alone(void);

/* Logs who waits for what. */
void thrumi_hub_tell_deadlock(struct thrumi_hub *hub);

/* ---- schedule.c ---- */

/* Fetches the stack of whoever goes on next; before a system call. */
void thrumi_hub_foresee(const struct thrumi_hub *hub);

/* Has the hub anybody who can go on? For engines: is it worth to wait? */
bool thrumi_hub_has_ready(void);

/* What goes on next, when the caller cannot: waits for events until there is
 * something. A task that has not begun begins on `free_strand`, if that is not
 * NULL; then that is what is returned, with hub->beginning set. */
struct thrumi_strand *thrumi_hub_next(struct thrumi_hub *hub,
                                      struct thrumi_strand *free_strand);

/* Lets all that can go on have a turn first. */
void thrumi_hub_pass(struct thrumi_hub *hub);

/* Ends a wait that is under way: false when it was woken already. */
bool thrumi_hub_end_wait(struct thrumi_parking *parking, int rc);

/* Cancels what runs in it; if it waits, it goes on at once. */
void thrumi_hub_cancel_context(struct thrumi_context *context);

/* Looks at what has happened, without waiting. */
void thrumi_hub_poll(struct thrumi_hub *hub);
/* The same, after waiting for it to the deadline or the next timer. */
void thrumi_hub_wait(struct thrumi_hub *hub, thrum_time deadline);

/* Marks the hub as asleep: whoever sends something rings. False: something has
 * come already. And the end of that, with what came queued. */
bool thrumi_hub_doze(struct thrumi_hub *hub);
void thrumi_hub_wake_up(struct thrumi_hub *hub);

/* When to look again; THRUM_FOREVER without timers. */
thrum_time thrumi_hub_next_timer(const struct thrumi_hub *hub);

/* Sends to a hub from anywhere. False: it has ended, and nothing was sent. */
bool thrumi_hub_send(struct thrumi_hub *hub, uintptr_t ready);

/* What a wait returns whose stop has been ended: 0 when it was woken. */
int thrumi_hub_wait_code(struct thrumi_parking *parking,
                         const struct thrumi_stop *stop);

/* How a context of the hub's thread waits: struct thrumi_scheduler. */
int thrumi_hub_park(struct thrumi_scheduler *scheduler,
                    struct thrumi_parking *parking, thrum_time deadline,
                    unsigned flags);
void thrumi_hub_unpark(struct thrumi_scheduler *scheduler,
                       struct thrumi_parking *parking);

/* Makes an I/O call in the calling context, which waits there; the thread gets
 * a hub if it has none. The result, or -errno; see hub/engine.h. */
int64_t thrumi_hub_io(struct thrumi_io *io, thrum_time deadline);

/* The descriptor is about to be closed or replaced, or its number has just been
 * got for another: whoever waits on it in this hub gets `code`. */
void thrumi_hub_forget(int fd, int code);

/* ---- timer.c ---- */

/* Starts a stop's timer; a precise one that finds no memory is a rough one. */
void thrumi_hub_start_timer(struct thrumi_hub *hub, struct thrumi_stop *stop,
                            thrum_time deadline, bool precise);
void thrumi_hub_stop_timer(struct thrumi_hub *hub, struct thrumi_stop *stop);
/* Queues whoever's time has come. */
void thrumi_hub_expire(struct thrumi_hub *hub);

/* ---- await.c ---- */

bool thrumi_hub_await(struct thrumi_scheduler *scheduler,
                      struct thrumi_context *context, thrum_future *future,
                      int *ret_rc);
/* What is awaited has settled. */
void thrumi_hub_awake(struct thrumi_hub *hub);

/* ---- green.c ---- */

/* Begins a task that was queued, on the strand or another one; the strand, or
 * NULL when the task needs none any more. */
struct thrumi_strand *thrumi_green_begin(struct thrumi_hub *hub,
                                         thrum_future *task,
                                         struct thrumi_strand *free_strand);
/* Drops one that will not begin, with a code. */
void thrumi_green_drop(struct thrumi_hub *hub, thrum_future *task, int code);
/* A strand ends, or its thread has ended on it. */
void thrumi_green_gone(struct thrumi_loom *loom, struct thrumi_strand *strand);
/* The thread is about to end on a strand: its own program's wait is void. */
void thrumi_green_unwound(struct thrumi_loom *loom);
/* Lets the strands end that wait for a task. */
void thrumi_green_end_idle(struct thrumi_hub *hub);

/* ---- spawn.c ---- */

int thrumi_hub_enqueue(void *self, thrum_task *task);
int thrumi_hub_kill(void *self, thrum_future *task, thrum_time deadline);
int thrumi_hub_ask(void *self, thrum_future *task);
/* The same of a task that is on that hub; NULL: on none any more. */
int thrumi_hub_kill_on(struct thrumi_hub *hub, thrum_future *task,
                       thrum_time deadline);
int thrumi_hub_ask_on(struct thrumi_hub *hub, thrum_future *task);
/* Can a greenlet have a stack of that size? -EINVAL if not. */
int thrumi_spawn_check_stack(size_t size);
void thrumi_hub_join(struct thrumi_scheduler *scheduler,
                     struct thrumi_body *body);
/* One of the body's is gone. */
void thrumi_hub_left_home(struct thrumi_body *home);
/* Cancels a task's greenlet, in the hub's own thread. */
void thrumi_hub_cancel(thrum_future *task);

/* Lets a greenlet go on whose stop was taken off the queue: its strand. */
static inline struct thrumi_strand *thrumi_hub_resume(struct thrumi_hub *hub,
                                                      struct thrumi_stop *stop)
{
    struct thrum_greenlet *greenlet = stop->greenlet;

    hub->loom->current = greenlet;
    thrumi_handle_set_ready(&greenlet->handle, THRUMI_NOT_READY);
    return greenlet->at;
}

static inline void thrumi_hub_note_switch(struct thrumi_hub *hub,
                                          struct thrumi_strand *to)
{
    (void)to;
    thrumi_watch_switch(&hub->watch);
    THRUMI_PROBE2(hub__switch, hub, to);
}

static inline struct thrumi_hub *thrumi_hub_of(struct thrumi_scheduler *face)
{
    return thrumi_container_of(face, struct thrumi_hub, scheduler);
}

#endif /* THRUMI_HUB_HUB_H */
