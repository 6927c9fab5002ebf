/* SPDX-License-Identifier: MIT */
/*
 * task/waitgraph.c - finding waits that could never end.
 *
 *     future --runner--> context --awaits--> future --runner--> ...
 *
 * A running future has one runner, a context awaits one future at most, so the
 * graph is a set of chains and a cycle is found by following one. Only waits
 * without a deadline are edges: the others end by themselves.
 *
 * Locking: one lock for the process, a leaf. It guards `awaits` of every
 * context, and keeps the contexts that a walk looks at alive: whoever frees one
 * passes the barrier first. Futures on the chain live because the ones that
 * await them hold them until they have left. Taken only by waits that park.
 *
 * Waits of one greenlet for another of the same thread take no lock: they walk
 * as long as the chain stays there, and what a walk of another thread sees of
 * them may be over, and even another future's: their records stay in place.
 *
 * A cycle is told to the log in words, once the lock was dropped: what is said
 * of its tasks is copied before.
 *
 * A task that was helped runs on the stack of the one that waits, which cannot
 * go on before it ends: such a pair counts as one.
 */
#include "task/waitgraph.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <thrum/executor.h>

#include "base/fence.h"
#include "base/log.h"
#include "sys/mutex.h"
#include "task/future.h"

#define WAITGRAPH_TOLD 5u /* futures of a cycle that are named */

static struct thrumi_global_mutex waitgraph;
static atomic_uint waitgraph_word; /* for the fence */

/* What is told of a cycle, copied while the lock is held. */
struct waitgraph_cycle {
    unsigned length;
    struct {
        const thrum_future *future;
        char name[32];       /* "": it has none */
    } steps[WAITGRAPH_TOLD]; /* the last one of the cycle in the last */
};

struct waitgraph_text {
    size_t used;
    char words[480];
};

/* The last future of the chain that begins with this one: it is not running,
 * or runs and waits for nothing. `*ret_cycle`: the chain leads to a task that
 * runs in this context. */
__attribute__((no_sanitize("address"))) static thrum_future *
waitgraph_follow(thrum_future *future, struct thrumi_context *context,
                 bool *ret_cycle)
{
    *ret_cycle = false;
    while ((atomic_load_explicit(&future->state, memory_order_acquire) &
            THRUMI_PHASE) == THRUMI_RUNNING) {
        struct thrumi_context *runner =
            atomic_load_explicit(&future->runner, memory_order_relaxed);
        thrum_future *next = NULL;

        *ret_cycle = runner == context;
        if (!*ret_cycle && runner != NULL)
            next = atomic_load_explicit(&runner->awaits, memory_order_relaxed);
        if (next == NULL)
            break;
        future = next;
    }
    return future;
}

int thrumi_waitgraph_enter(struct thrumi_context *context, thrum_future *future,
                           thrum_executor **ret_queue)
{
    thrum_future *last;
    bool cycle;

    thrumi_global_mutex_lock(&waitgraph);
    atomic_store_explicit(&context->awaits, future, memory_order_relaxed);
    /* those of one thread take no lock: either they see ours, or we theirs */
    thrumi_fence(&waitgraph_word);
    last = waitgraph_follow(future, context, &cycle);
    if (cycle)
        atomic_store_explicit(&context->awaits, NULL, memory_order_relaxed);
    if (thrumi_future_startable(last))
        *ret_queue = last->executor;
    thrumi_global_mutex_unlock(&waitgraph);
    return cycle ? -EDEADLK : 0;
}

void thrumi_waitgraph_leave(struct thrumi_context *context)
{
    thrumi_global_mutex_lock(&waitgraph);
    atomic_store_explicit(&context->awaits, NULL, memory_order_relaxed);
    thrumi_global_mutex_unlock(&waitgraph);
}

/* ---- waits within one thread ---- */

/* Told only when it is found again, as all are: here it cannot have changed. */
static int waitgraph_own_cycle(struct thrumi_context *context,
                               thrum_future *future)
{
    atomic_store_explicit(&context->awaits, NULL, memory_order_relaxed);
    thrumi_waitgraph_tell(context, future);
    return -EDEADLK;
}

int thrumi_waitgraph_enter_own(struct thrumi_context *context,
                               thrum_future *future)
{
    const thrum_executor *executor = future->executor;
    thrum_future *next = future;
    thrum_executor *queue;

    atomic_store_explicit(&context->awaits, future, memory_order_relaxed);
    while (next != NULL && thrumi_future_phase(next) == THRUMI_RUNNING) {
        struct thrumi_context *runner =
            atomic_load_explicit(&next->runner, memory_order_relaxed);

        if (next->executor != executor) /* the chain leads to other threads */
            return thrumi_waitgraph_enter(context, future, &queue);
        if (runner == context)
            return waitgraph_own_cycle(context, future);
        next = runner == NULL ? NULL
                              : atomic_load_explicit(&runner->awaits,
                                                     memory_order_relaxed);
    }
    return 0;
}

void thrumi_waitgraph_leave_own(struct thrumi_context *context)
{
    atomic_store_explicit(&context->awaits, NULL, memory_order_relaxed);
}

/* ---- telling ---- */

/* It runs, and its runner waits: neither it nor its name can go away. */
static void waitgraph_note(struct waitgraph_cycle *cycle,
                           const thrum_future *future)
{
    const char *name = thrum_task_name((const thrum_task *)future);
    unsigned i =
        cycle->length < WAITGRAPH_TOLD ? cycle->length : WAITGRAPH_TOLD - 1;

    cycle->length++;
    cycle->steps[i].future = future;
    snprintf(cycle->steps[i].name, sizeof(cycle->steps[i].name), "%s",
             name == NULL ? "" : name);
}

/* Follows the chain as waitgraph_follow() does. False: it is no cycle (any
 * more). */
static bool waitgraph_collect(struct thrumi_context *context,
                              thrum_future *future, struct waitgraph_cycle *ret)
{
    bool cycle;

    (void)waitgraph_follow(future, context, &cycle);
    ret->length = 0;
    while (cycle && future != NULL &&
           thrumi_future_phase(future) == THRUMI_RUNNING) {
        struct thrumi_context *runner =
            atomic_load_explicit(&future->runner, memory_order_relaxed);
        thrum_future *next;

        if (runner == NULL)
            return false;
        next = atomic_load_explicit(&runner->awaits, memory_order_relaxed);
        if (runner == context || next != NULL)
            waitgraph_note(ret, future);
        if (runner == context)
            return true;
        future = next;
    }
    return false;
}

THRUM_PRINTF(2, 3)
static void waitgraph_add(struct waitgraph_text *text, const char *format, ...)
{
    size_t room = sizeof(text->words) - text->used;
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(text->words + text->used, room, format, args);
    va_end(args);
    if (length > 0)
        text->used += (size_t)length < room ? (size_t)length : room - 1;
}

static void waitgraph_add_step(struct waitgraph_text *text,
                               const struct waitgraph_cycle *cycle, unsigned i)
{
    if (cycle->steps[i].name[0] != '\0')
        waitgraph_add(text, "\"%s\" ", cycle->steps[i].name);
    waitgraph_add(text, "(%p)", (const void *)cycle->steps[i].future);
}

/* "a" (0x1) waits for "b" (0x2), which waits for "a". */
static void waitgraph_say(const struct waitgraph_cycle *cycle)
{
    struct waitgraph_text text = {0, ""};
    unsigned told =
        cycle->length < WAITGRAPH_TOLD ? cycle->length : WAITGRAPH_TOLD;

    waitgraph_add_step(&text, cycle, told - 1);
    for (unsigned i = 0; i + 1 < told; i++) {
        waitgraph_add(&text, i == 0 ? " waits for " : ", which waits for ");
        waitgraph_add_step(&text, cycle, i);
    }
    if (cycle->length > told)
        waitgraph_add(&text, ", and so on over %u more", cycle->length - told);
    waitgraph_add(&text, told == 1 ? " waits for itself"
                                   : ", which waits for the first");
    thrumi_log(THRUM_LOG_WARNING, "a deadlock of tasks: %s", text.words);
}

void thrumi_waitgraph_tell(struct thrumi_context *context, thrum_future *future)
{
    struct waitgraph_cycle cycle;
    bool found;

    thrumi_global_mutex_lock(&waitgraph);
    found = waitgraph_collect(context, future, &cycle);
    thrumi_global_mutex_unlock(&waitgraph);
    if (found)
        waitgraph_say(&cycle);
}

/* ---- the end of a context ---- */

void thrumi_waitgraph_barrier(void)
{
    thrumi_global_mutex_lock(&waitgraph);
    thrumi_global_mutex_unlock(&waitgraph);
}
