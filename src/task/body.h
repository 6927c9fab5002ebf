/* SPDX-License-Identifier: MIT */
/*
 * task/body.h - one call of a user's function, and what comes of it.
 *
 * Bodies nest: a task that runs inline, or that is helped, runs inside of
 * another. Raising and returning act on the innermost.
 */
#ifndef THRUMI_TASK_BODY_H
#define THRUMI_TASK_BODY_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>

#include <thrum/executor.h>

#include "task/context.h"

/* The phases of a future; the last three are what a call can come to. */
enum {
    THRUMI_PENDING = 0,
    THRUMI_RUNNING = 1,
    THRUMI_VALUE = 2, /* this and above: settled */
    THRUMI_ERROR = 3,
    THRUMI_CANCELLED = 4,
};

/* Storage of a result, behind the pointer that is the result. */
struct thrumi_payload {
    size_t size;             /* bytes at `data`, for those who ask */
    void (*free_fn)(void *); /* called at the end with `owned`; or NULL */
    void *owned;
    int file; /* its memory is that of a file, which free_fn lets go; or -1:
               * it comes from thrumi_alloc() */
    alignas(max_align_t) char data[];
};

/* What a call came to. */
struct thrumi_outcome {
    unsigned phase; /* THRUMI_VALUE, THRUMI_ERROR or THRUMI_CANCELLED */
    void *value;
    struct thrumi_payload *payload; /* of a value; may be NULL */
    thrum_error *error;
};

struct thrumi_body {
    struct thrumi_body *outer;
    struct thrumi_context *context; /* where it runs */
    thrum_future *future;     /* NULL: detached, or part of another task */
    thrum_executor *executor; /* whose task it is */
    thrum_error *error;       /* raised and not cleared */
    struct thrumi_payload *payload;
    bool told_cancelled; /* it has asked, and was told to stop */
    bool owns_task;      /* its frame drops a reference of `future` */
    bool part;           /* of the body outside, which settles the future */
    bool thrown;         /* `error` was thrown into it, not raised by it */
    unsigned spawned;    /* greenlets that it must not outlive */
    struct thrumi_parking *joining; /* waits for these; if there are any */
};

static inline void thrumi_body_begin(struct thrumi_context *context,
                                     struct thrumi_body *body,
                                     thrum_future *future,
                                     thrum_executor *executor)
{
    body->outer = context->body;
    body->context = context;
    body->future = future;
    body->executor = executor;
    body->error = NULL;
    body->payload = NULL;
    body->told_cancelled = false;
    body->owns_task = false;
    body->part = false;
    body->thrown = false;
    body->spawned = 0;
    context->body = body;
}

/* Ends a body that raised, or has storage, or was told to stop. */
void thrumi_body_end_slow(struct thrumi_body *body, void *value,
                          struct thrumi_outcome *ret);

static inline void thrumi_body_end(struct thrumi_context *context,
                                   struct thrumi_body *body, void *value,
                                   struct thrumi_outcome *ret)
{
    context->body = body->outer;
    thrumi_body_end_slow(body, value, ret);
}

/* Ends a body whose function has ended its thread: what it has is freed, and
 * its task fails with THRUM_EEXITED. In task.c. */
void thrumi_body_abandon(struct thrumi_body *body);

/* At the end of the frame that has a body, however that is left: a call of
 * pthread_exit() unwinds it, while the frames outside of it are still there. */
static inline void thrumi_body_leave(struct thrumi_body *body)
{
    if (thrumi_unlikely(body->context->body == body))
        thrumi_body_abandon(body);
}

#define THRUMI_BODY \
 __attribute__((cleanup(thrumi_body_leave))) struct thrumi_body

/* Calls the function of a body that has begun, and waits for what that has
 * spawned. */
static inline void *thrumi_body_call(struct thrumi_body *body, thrum_fn *fn,
                                     void *arg)
{
    struct thrumi_context *context = body->context;
    struct thrumi_scheduler *scheduler;
    void *value;

    if (thrumi_unlikely(context->call != NULL && body->outer == NULL))
        return context->call(context, body, fn, arg);
    value = fn(arg);
    if (thrumi_likely(body->spawned == 0))
        return value;
    scheduler = thrumi_self()->scheduler;
    scheduler->join(scheduler, body);
    return value;
}

/* True when the value is all there is to it. */
static inline bool thrumi_body_plain(const struct thrumi_body *body)
{
    return body->error == NULL && body->payload == NULL &&
           !body->told_cancelled;
}

struct thrumi_payload *thrumi_payload_new(size_t size);
/* Where the storage of results comes from: thrumi_payload_new(), but in a worker
 * process, which sets it before its first task. */
extern struct thrumi_payload *(*thrumi_payload_source)(size_t size);
void thrumi_payload_free(struct thrumi_payload *payload);
void thrumi_outcome_free(struct thrumi_outcome *outcome);

/* Runs a call that nobody waits for; an error goes to the error handler.
 * Returns the phase that a future would have. */
unsigned thrumi_body_run_detached(struct thrumi_context *context,
                                  thrum_executor *executor, thrum_fn *fn,
                                  void *arg);

#endif /* THRUMI_TASK_BODY_H */
