/* SPDX-License-Identifier: MIT */
/*
 * task/context.c - what runs here: the one way to park and to wake.
 *
 * The word of a thread's parking is
 *
 *     0 awake    nobody sleeps on it: a wake is a store
 *     1 woken    stays so
 *     2 asleep   a wake is a store and a system call
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

void thrumi_context_init(struct thrumi_context *context)
{
    context->park = thrumi_thread_park;
    context->unpark = thrumi_thread_unpark;
    context->help = NULL;
    context->body = NULL;
    context->drain = NULL;
    context->callback_frame = NULL;
    context->callback_body = NULL;
    context->carrier = NULL;
    context->waits_in = NULL;
    atomic_init(&context->awaits, NULL);
}

int thrumi_thread_park(struct thrumi_context *context,
                       struct thrumi_parking *parking, thrum_time deadline)
{
    unsigned awake = THRUMI_PARKING_AWAKE;
    int rc = 0;

    (void)context;
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

void thrumi_thread_unpark(struct thrumi_context *context,
                          struct thrumi_parking *parking)
{
    atomic_uint *word = &parking->word;

    (void)context;
    /* release: pairs with the acquires in park */
    if (atomic_exchange_explicit(word, THRUMI_PARKING_WOKEN,
                                 memory_order_release) == THRUMI_PARKING_ASLEEP)
        thrumi_wake_word(word, 1);
}

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

void thrumi_parking_init(struct thrumi_parking *parking)
{
    atomic_init(&parking->word, THRUMI_PARKING_AWAKE);
    parking->context = thrumi_context_running();
    parking->queue = NULL;
    parking->what = NULL;
    parking->on = NULL;
}

static int parking_park(struct thrumi_parking *parking, thrum_time deadline)
{
    struct thrumi_context *context = parking->context;
    int rc;

    parking->deadline = deadline;
    context->waits_in = parking;
    rc = context->park(context, parking, deadline);
    context->waits_in = NULL;
    return rc;
}

int thrumi_parking_wait(struct thrumi_parking *parking, thrum_time deadline)
{
    if (thrumi_context_in_callback(parking->context))
        return THRUM_ECONTEXT;
    return parking_park(parking, deadline);
}

void thrumi_parking_wake(struct thrumi_parking *parking)
{
    parking->context->unpark(parking->context, parking);
}

void thrumi_parking_finish(struct thrumi_parking *parking)
{
    parking->queue = NULL; /* it cannot last */
    while (parking_park(parking, THRUM_FOREVER) != 0)
        ;
}
