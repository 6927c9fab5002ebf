/* SPDX-License-Identifier: MIT */
/*
 * task/gather.c - one future for many: all of them, any of them.
 *
 * A gather holds the n futures and a waiter on the list of each. It is owned
 * by its nodes, until they have fired, and by the result of the new future,
 * so that the values stay as long as that does.
 */
#include <errno.h>
#include <limits.h>

#include "base/alloc.h"
#include "base/error.h"
#include "task/future.h"

struct gather;

struct gather_node {
    struct thrumi_waiter waiter;
    struct gather *gather;
    thrum_future *future;
};

struct gather {
    atomic_uint refs;  /* one per node that has not fired, and the result's */
    atomic_uint left;  /* futures that have not settled as hoped */
    atomic_bool ended; /* the new future was settled by one of them */
    bool any;
    size_t n;
    thrum_future *future;           /* the new one; ours to settle */
    struct thrumi_payload *payload; /* of its value, made before */
    struct gather_node nodes[];
};

static void gather_unref(void *arg)
{
    struct gather *gather = arg;

    if (atomic_fetch_sub_explicit(&gather->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < gather->n; i++)
        thrum_future_unref(gather->nodes[i].future);
    thrumi_free(gather->payload);
    thrumi_free(gather);
}

/* Settles the new future, unless it was cancelled; takes the outcome. */
static void gather_settle(struct gather *gather, struct thrumi_outcome *outcome)
{
    thrum_future *future = gather->future;

    /* running: from here on nobody can cancel it */
    if (thrumi_future_start(future)) {
        thrumi_future_set_outcome(future, outcome);
        thrumi_future_settle_from(future, THRUMI_RUNNING, outcome->phase);
    } else {
        thrumi_outcome_free(outcome);
    }
    thrum_future_unref(future);
}

/* The value keeps the gather, which keeps the futures. */
static void gather_succeed(struct gather *gather, void *value)
{
    struct thrumi_outcome outcome = {THRUMI_VALUE, value, gather->payload,
                                     NULL};

    atomic_fetch_add_explicit(&gather->refs, 1, memory_order_relaxed);
    outcome.payload->free_fn = gather_unref;
    outcome.payload->owned = gather;
    gather->payload = NULL;
    gather_settle(gather, &outcome);
}

static void gather_fail(struct gather *gather, thrum_future *why)
{
    struct thrumi_outcome outcome = {THRUMI_ERROR, NULL, NULL, NULL};
    bool cancelled = thrumi_future_phase(why) == THRUMI_CANCELLED;

    if (cancelled && !gather->any) {
        outcome.phase = THRUMI_CANCELLED;
    } else if (gather->any) {
        outcome.error =
            thrumi_error_new(THRUM_EFAILED, "none of %zu succeeded", gather->n);
        if (!cancelled)
            thrumi_error_set_cause(outcome.error,
                                   thrumi_error_copy(why->value));
    } else {
        outcome.error = thrumi_error_copy(why->value);
    }
    gather_settle(gather, &outcome);
}

static void *gather_values(struct gather *gather)
{
    void **values = (void **)(void *)gather->payload->data;

    for (size_t i = 0; i < gather->n; i++)
        values[i] = gather->nodes[i].future->value;
    return values;
}

/* Is this the one that ends it? At most one is. */
static bool gather_ends(struct gather *gather, bool success)
{
    bool last = true;

    if (success != gather->any)
        last = atomic_fetch_sub_explicit(&gather->left, 1,
                                         memory_order_acq_rel) == 1;
    return last && !atomic_exchange_explicit(&gather->ended, true,
                                             memory_order_acq_rel);
}

static void gather_wake(struct thrumi_waiter *waiter)
{
    struct gather_node *node =
        thrumi_container_of(waiter, struct gather_node, waiter);
    struct gather *gather = node->gather;
    thrum_future *future = node->future;
    bool success = thrumi_future_phase(future) == THRUMI_VALUE;

    if (gather_ends(gather, success)) {
        if (!success)
            gather_fail(gather, future);
        else
            gather_succeed(gather,
                           gather->any ? future : gather_values(gather));
    }
    gather_unref(gather);
}

static struct gather *gather_new(thrum_future *const *futures, size_t n,
                                 bool any)
{
    size_t size = sizeof(struct gather) + n * sizeof(struct gather_node);
    struct gather *gather = thrumi_alloc_zero(size);

    if (gather == NULL)
        return NULL;
    gather->future = thrumi_future_new(2);
    gather->payload = thrumi_payload_new(any ? 0 : n * sizeof(void *));
    if (gather->future == NULL || gather->payload == NULL) {
        if (gather->future != NULL)
            thrumi_future_free(gather->future);
        thrumi_free(gather->payload);
        thrumi_free(gather);
        return NULL;
    }
    atomic_init(&gather->refs, (unsigned)n + 1);
    atomic_init(&gather->left, (unsigned)n);
    gather->any = any;
    gather->n = n;
    for (size_t i = 0; i < n; i++) {
        gather->nodes[i].waiter.wake = gather_wake;
        gather->nodes[i].gather = gather;
        gather->nodes[i].future = thrum_future_ref(futures[i]);
    }
    return gather;
}

static int gather_start(thrum_future *const *futures, size_t n, bool any,
                        thrum_future **ret)
{
    struct gather *gather;

    if (n > INT_MAX || (n > 0 && futures == NULL) || (n == 0 && any))
        return -EINVAL;
    for (size_t i = 0; i < n; i++)
        if (futures[i] == NULL)
            return -EINVAL;
    gather = gather_new(futures, n, any);
    if (gather == NULL)
        return -ENOMEM;
    *ret = gather->future;
    if (n == 0)
        gather_succeed(gather, gather_values(gather));
    for (size_t i = 0; i < n; i++)
        if (!thrumi_future_listen(gather->nodes[i].future,
                                  &gather->nodes[i].waiter, THRUMI_CALLBACK))
            gather_wake(&gather->nodes[i].waiter);
    gather_unref(gather);
    return 0;
}

int thrum_future_all(thrum_future *const *futures, size_t n, thrum_future **ret)
{
    return gather_start(futures, n, false, ret);
}

int thrum_future_any(thrum_future *const *futures, size_t n, thrum_future **ret)
{
    return gather_start(futures, n, true, ret);
}
