/* SPDX-License-Identifier: MIT */
/*
 * task/context.c - what runs here: the one way to park and to wake.
 *
 * The word of a parking is
 *
 *     0 awake    nobody sleeps on it: a wake is a store
 *     1 woken    stays so
 *     2 asleep   a wake is a store and a system call; or, in a hub, a place in
 *                the queue of those that go on
 *
 * so a wake of a thread that still spins or has not got to sleep yet costs no
 * system call. The waker's last access is the exchange: what follows uses only
 * the word's address.
 *
 * A callback that left the library by longjmp never came back to say so. Its
 * mark is an address on the stack, some way above the callback's own frame:
 * whoever asks from above that is not called by it, and the mark is stale.
 */
#include "task/context.h"

#include <errno.h>

#include "sys/park.h"
#include "task/guard.h"

void thrumi_context_init(struct thrumi_context *context)
{
    context->block = NULL;
    context->unblock = NULL;
    context->help = NULL;
    context->call = NULL;
    context->body = NULL;
    context->drain = NULL;
    context->callback_frame = NULL;
    context->callback_body = NULL;
    context->carrier = NULL;
    context->guards = NULL;
    context->waits_in = NULL;
    context->parked = NULL;
    context->locals = NULL;
    context->is_greenlet = false;
    context->pool = NULL;
    context->cancelled = false;
    /* a walk of the wait graph may look at what was here before */
    atomic_store_explicit(&context->awaits, NULL, memory_order_relaxed);
}

/* ---- how a thread sleeps ---- */

static int context_sleep(struct thrumi_parking *parking, thrum_time deadline)
{
    unsigned awake = THRUMI_PARKING_AWAKE;
    int rc = 0;

    /* acquire, here and below: pairs with the release in unpark */
    atomic_compare_exchange_strong_explicit(
        &parking->word, &awake, THRUMI_PARKING_ASLEEP, memory_order_acquire,
        memory_order_acquire);
    while (atomic_load_explicit(&parking->word, memory_order_acquire) !=
           THRUMI_PARKING_WOKEN) {
        if (rc != 0)
            return rc;
        rc = thrumi_park_word(&parking->word, THRUMI_PARKING_ASLEEP, deadline);
    }
    return 0;
}

int thrumi_thread_park(struct thrumi_parking *parking, thrum_time deadline)
{
    struct thrumi_context *context = thrumi_context_carrier(parking->context);
    int rc;

    if (context->block == NULL)
        return context_sleep(parking, deadline);
    if (deadline.ns != INT64_MAX)
        parking->queue = NULL; /* it ends by itself */
    rc = context->block(context, parking);
    if (rc != 0)
        return rc;
    rc = context_sleep(parking, deadline);
    context->unblock(context);
    return rc;
}

void thrumi_thread_unpark(struct thrumi_parking *parking)
{
    atomic_uint *word = &parking->word;

    /* release: pairs with the acquires in park */
    if (atomic_exchange_explicit(word, THRUMI_PARKING_WOKEN,
                                 memory_order_release) == THRUMI_PARKING_ASLEEP)
        thrumi_wake_word(word, 1);
}

/* ---- callbacks ---- */

bool thrumi_context_in_callback(struct thrumi_context *context)
{
    const char *here = __builtin_frame_address(0);

    if (context->callback_frame == NULL)
        return false;
    if (here < context->callback_frame)
        return true;
    context->callback_frame = NULL; /* left by longjmp, */
    context->drain = NULL;          /* and what had called it too */
    return false;
}

struct thrumi_body *thrumi_context_body(struct thrumi_context *context)
{
    if (thrumi_unlikely(context->callback_frame != NULL) &&
        context->body == context->callback_body &&
        thrumi_context_in_callback(context))
        return NULL;
    return context->body;
}

/* ---- parking ---- */

void thrumi_parking_init(struct thrumi_parking *parking)
{
    atomic_init(&parking->word, THRUMI_PARKING_AWAKE);
    parking->context = thrumi_context_running();
    parking->scheduler = thrumi_self()->scheduler;
    parking->queue = NULL;
    parking->stop = NULL;
    parking->what = NULL;
    parking->on = NULL;
}

static int parking_park(struct thrumi_parking *parking, thrum_time deadline,
                        unsigned flags)
{
    struct thrumi_scheduler *scheduler = parking->scheduler;
    int rc;

    parking->deadline = deadline;
    parking->context->waits_in = parking;
    if (scheduler == NULL)
        rc = thrumi_thread_park(parking, deadline);
    else
        rc = scheduler->park(scheduler, parking, deadline, flags);
    parking->context->waits_in = NULL;
    return rc;
}

static int parking_wait(struct thrumi_parking *parking, thrum_time deadline,
                        unsigned flags)
{
    struct thrumi_context *context = parking->context;
    struct thrumi_bound bound = {deadline, false, NULL};
    int rc;

    if (thrumi_context_in_callback(context))
        return THRUM_ECONTEXT;
    if (thrumi_unlikely(thrumi_context_guarded(context))) {
        rc = thrumi_guard_bind(context, &bound);
        if (rc != 0)
            return rc;
    }
    if (bound.masked)
        flags |= THRUMI_PARK_MASKED;
    rc = parking_park(parking, bound.deadline, flags);
    if (rc == -ETIMEDOUT && bound.by != NULL)
        bound.by->expired = true;
    return rc;
}

int thrumi_parking_wait(struct thrumi_parking *parking, thrum_time deadline)
{
    return parking_wait(parking, deadline, 0);
}

void thrumi_parking_wake(struct thrumi_parking *parking)
{
    struct thrumi_scheduler *scheduler = parking->scheduler;

    if (scheduler == NULL)
        thrumi_thread_unpark(parking);
    else
        scheduler->unpark(scheduler, parking);
}

void thrumi_parking_finish(struct thrumi_parking *parking)
{
    parking->queue = NULL; /* it cannot last */
    while (parking_park(parking, THRUM_FOREVER,
                        THRUMI_PARK_MASKED | THRUMI_PARK_CERTAIN) != 0)
        ;
}

int thrumi_parking_sleep(thrum_time deadline)
{
    struct thrumi_parking parking;

    thrumi_parking_init(&parking);
    thrumi_parking_for(&parking, "its time", NULL);
    return parking_wait(&parking, deadline, THRUMI_PARK_PRECISE);
}
