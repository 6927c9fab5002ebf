/* SPDX-License-Identifier: MIT */
/*
 * task/callback.c - what is called when a future settles.
 *
 * A callback is a waiter whose wake calls the user's function. It is freed
 * before the call, so whatever the function does, nothing is lost.
 */
#include "task/callback.h"

#include <errno.h>

#include "base/alloc.h"
#include "sys/fork.h"
#include "task/future.h"

struct callback {
    struct thrumi_waiter waiter;
    thrum_future *future; /* borrowed: it is on that one's list */
    thrum_callback_fn *fn;
    void *arg;
};

/* How much deeper a callback runs than whoever calls it: more than any call of
 * the library needs on its way to asking whether it is in a callback. */
#define CALLBACK_DEPTH 2048

/* Calls it with the context marked, so that it cannot wait. The mark lies well
 * below this function's caller, so that a call from there, after a longjmp out
 * of the callback, is told from one inside of it. */
static __attribute__((noinline, no_sanitize("address"))) void
callback_call(thrum_future *future, thrum_callback_fn *fn, void *arg)
{
    struct thrumi_context *context = thrumi_context_running();
    const char *outer = context->callback_frame;
    struct thrumi_body *outer_body = context->callback_body;
    char depth[CALLBACK_DEPTH];

    __asm__ volatile("" : : "r"(depth) : "memory"); /* it is there */
    context->callback_frame = depth;
    context->callback_body = context->body;
    fn(future, arg);
    context->callback_frame = outer;
    context->callback_body = outer_body;
}

static void callback_wake(struct thrumi_waiter *waiter)
{
    struct callback *callback =
        thrumi_container_of(waiter, struct callback, waiter);
    thrum_future *future = callback->future;
    thrum_callback_fn *fn = callback->fn;
    void *arg = callback->arg;

    thrumi_free(callback);
    callback_call(future, fn, arg);
}

int thrum_future_add_done_callback(thrum_future *future, thrum_callback_fn *fn,
                                   void *arg)
{
    struct callback *callback;

    if (fn == NULL)
        return -EINVAL;
    if (thrumi_future_settled(future)) {
        callback_call(future, fn, arg);
        return 0;
    }
    if (future->generation != thrumi_fork_generation())
        return -ECHILD;
    callback = thrumi_alloc_zero(sizeof(*callback));
    if (callback == NULL)
        return -ENOMEM;
    callback->waiter.wake = callback_wake;
    callback->future = future;
    callback->fn = fn;
    callback->arg = arg;
    if (!thrumi_future_listen(future, &callback->waiter, THRUMI_CALLBACK))
        callback_wake(&callback->waiter);
    return 0;
}

/* The oldest on the list that is this one; the lock is held. */
static struct callback *callback_find(thrum_future *future,
                                      thrum_callback_fn *fn, void *arg)
{
    struct thrumi_link *link = future->waiters;

    if (link == NULL)
        return NULL;
    do {
        struct callback *callback =
            thrumi_container_of(link, struct callback, waiter.link);

        if (callback->waiter.wake == callback_wake && callback->fn == fn &&
            callback->arg == arg)
            return callback;
        link = link->next;
    } while (link != future->waiters);
    return NULL;
}

bool thrum_future_remove_done_callback(thrum_future *future,
                                       thrum_callback_fn *fn, void *arg)
{
    struct callback *callback;

    if (future->generation != thrumi_fork_generation())
        return false;
    thrumi_mutex_lock(&future->lock);
    callback = callback_find(future, fn, arg);
    if (callback != NULL)
        thrumi_future_unlist(future, &callback->waiter);
    thrumi_mutex_unlock(&future->lock);
    thrumi_free(callback);
    return callback != NULL;
}

void thrumi_drain_resume(struct thrumi_drain *drain)
{
    thrum_future *future = drain->future;
    bool owns = drain->owns;

    drain->done = true;
    drain->context->callback_frame = NULL;
    drain->context->drain = drain->outer;
    thrumi_future_drain(future, owns);
    thrum_future_unref(future); /* that of the drain that is gone */
    if (owns)
        thrum_future_unref(future);
}

void thrumi_callback_resume(struct thrumi_context *context)
{
    context->callback_frame = NULL;
    while (context->drain != NULL)
        thrumi_drain_resume(context->drain);
}
