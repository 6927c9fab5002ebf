/* SPDX-License-Identifier: MIT */
/*
 * task/task.h - a function, its argument, and the future that it settles.
 *
 * A task is its future's record. Whoever starts it (thrumi_future_start())
 * executes it, once; a queue that holds a task holds a reference, and finds it
 * started, cancelled or settled when somebody else was faster: then it only
 * drops the reference.
 */
#ifndef THRUMI_TASK_TASK_H
#define THRUMI_TASK_TASK_H

#include <stdalign.h>
#include <stddef.h>

#include "base/list.h"
#include "task/body.h"
#include "task/future.h"

/* What a task has beside its function and a pointer. */
struct thrumi_task_extra {
    void (*free_arg)(void *); /* NULL: none, or called already */
    const char *name;         /* behind the argument's copy, or NULL */
    int64_t start_by;         /* not begun after this; 0: whenever */
    int64_t run_ns;           /* killed when it ran so long; 0: never */
    int64_t queued_at;        /* when it was submitted, if it is timed; or 0 */
    int priority;
    /* of a greenlet's: */
    struct thrumi_body *home; /* outside of the hub; waits for it; or NULL */
    size_t stack_size;        /* 0: the default */
    size_t size;              /* of the copy; 0: there is none */
    /* its executor's own, if that wants it: */
    struct thrumi_link link;       /* in a queue */
    thrum_future *self;            /* whose this is */
    void *place;                   /* where it is, */
    uint64_t ticket;               /* and which of those there */
    unsigned tries;                /* how often it was begun in vain */
    unsigned suspected;            /* how often it was next in one that died */
    struct thrumi_outcome outcome; /* what it came to, until that is settled */
    alignas(max_align_t) char data[]; /* copy of the argument, the name */
};

/* How long a timed task took. */
struct thrumi_timing {
    bool timed;
    int64_t wait_ns;
    int64_t run_ns;
};

/* What is to be called. */
struct thrumi_call {
    thrum_fn *fn;
    const void *arg;
    size_t size;                         /* 0: the pointer as it is */
    const thrum_submit_options *options; /* NULL: the defaults */
};

/* Makes a pending task with two references, the queue's and the caller's.
 * Returns 0, -ENOMEM. */
int thrumi_task_new(thrum_executor *executor, const struct thrumi_call *call,
                    thrum_future **ret);

/* What a pending task has beside, made if need be; NULL: no memory. */
struct thrumi_task_extra *thrumi_task_extra(thrum_future *task);

/* Frees a task that no executor took: the argument stays the caller's. */
void thrumi_task_discard(thrum_future *task);

/* Executes a task that the caller has started; returns the phase it came to.
 * `owns`: drops a reference of the caller's when it has settled. */
unsigned thrumi_task_execute(thrum_future *task, struct thrumi_context *context,
                             bool owns, struct thrumi_timing *timing);

/* Starts and executes it, or not; drops the queue's reference. */
void thrumi_task_run(thrum_future *task);
/* Fails it with the code, or cancels it; drops the queue's reference. */
void thrumi_task_drop(thrum_future *task, int code);

/* Takes what a task has beside its function away from it, to be let go later:
 * from then on the place is free for the result. */
struct thrumi_task_extra *thrumi_task_take_extra(thrum_future *task);
void thrumi_task_free_extra(struct thrumi_task_extra *extra);

/* Calls free_arg, if that is still to be done. The caller has ended the
 * pending phase. */
void thrumi_task_free_arg(thrum_future *task);

/* The thread is ending inside a task: fails every task whose body is on the
 * context's stack, innermost first. */
void thrumi_task_abandon(struct thrumi_context *context);

static inline int thrumi_task_priority(const thrum_future *task)
{
    return task->extra.task == NULL ? 0 : task->extra.task->priority;
}

#endif /* THRUMI_TASK_TASK_H */
