/* SPDX-License-Identifier: MIT */
/*
 * task/promise.c - the side of a future that settles it.
 *
 * A promise is its future: the same record, another type, one reference.
 */
#include <thrum/promise.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "task/future.h"

static thrum_future *promise_of(const thrum_promise *promise)
{
    return (thrum_future *)(uintptr_t)promise;
}

int thrum_promise_new(thrum_promise **ret_promise, thrum_future **ret_future)
{
    thrum_future *future = thrumi_future_new(2);

    if (future == NULL)
        return -ENOMEM;
    *ret_promise = (thrum_promise *)future;
    *ret_future = future;
    return 0;
}

void thrum_promise_free(thrum_promise *promise)
{
    thrum_future *future = promise_of(promise);

    if (promise == NULL)
        return;
    if (!thrumi_future_settled(future))
        thrum_promise_set_exception(promise, THRUM_EBROKEN,
                                    "the promise was let go unsettled");
    thrum_future_unref(future);
}

bool thrum_promise_set_running_or_notify_cancel(thrum_promise *promise)
{
    thrum_future *future = promise_of(promise);

    if (thrumi_future_start(future))
        return true;
    if (thrumi_future_phase(future) == THRUMI_CANCELLED)
        return false;
    fprintf(stderr, "thrum_promise_set_running_or_notify_cancel: "
                    "the future runs already or has finished\n");
    abort();
}

/* `value` and `payload` are written before, so that whoever sees the phase
 * sees them; a future that was settled before keeps its own. */
static int promise_settle(thrum_promise *promise,
                          const struct thrumi_outcome *outcome)
{
    thrum_future *future = promise_of(promise);

    if (thrumi_future_settled(future))
        return THRUM_ESTATE;
    thrumi_future_set_outcome(future, outcome);
    if (thrumi_future_settle_from(future, THRUMI_RUNNING, outcome->phase))
        return 0;
    future->extra.payload = NULL; /* cancelled meanwhile: it has none */
    return THRUM_ESTATE;
}

int thrum_promise_set_result(thrum_promise *promise, void *value)
{
    struct thrumi_outcome outcome = {THRUMI_VALUE, value, NULL, NULL};

    return promise_settle(promise, &outcome);
}

int thrum_promise_set_result_copy(thrum_promise *promise, const void *buf,
                                  size_t n)
{
    struct thrumi_payload *payload = thrumi_payload_new(n);
    struct thrumi_outcome outcome = {THRUMI_VALUE, NULL, payload, NULL};
    int rc;

    if (payload == NULL)
        return -ENOMEM;
    if (n > 0)
        memcpy(payload->data, buf, n);
    outcome.value = payload->data;
    rc = promise_settle(promise, &outcome);
    if (rc != 0)
        thrumi_payload_free(payload);
    return rc;
}

int thrum_promise_set_result_owned(thrum_promise *promise, void *value,
                                   void (*free_fn)(void *))
{
    struct thrumi_payload *payload = thrumi_payload_new(0);
    struct thrumi_outcome outcome = {THRUMI_VALUE, value, payload, NULL};
    int rc;

    if (payload == NULL)
        return -ENOMEM;
    payload->free_fn = free_fn;
    payload->owned = value;
    rc = promise_settle(promise, &outcome);
    if (rc != 0)
        thrumi_free(payload); /* the value stays the caller's */
    return rc;
}

int thrum_promise_set_exception(thrum_promise *promise, int code,
                                const char *format, ...)
{
    struct thrumi_outcome outcome = {THRUMI_ERROR, NULL, NULL, NULL};
    va_list args;
    int rc;

    if (code >= 0)
        return -EINVAL;
    if (format == NULL) {
        outcome.error = thrumi_error_new(code, NULL);
    } else {
        va_start(args, format);
        outcome.error = thrumi_error_new_at(NULL, 0, code, format, args);
        va_end(args);
    }
    rc = promise_settle(promise, &outcome);
    if (rc != 0)
        thrumi_error_free(outcome.error);
    return rc;
}

thrum_future *thrum_promise_future(thrum_promise *promise)
{
    return promise_of(promise);
}

bool thrum_promise_cancel_requested(const thrum_promise *promise)
{
    return atomic_load_explicit(&promise_of(promise)->cancel_requested,
                                memory_order_relaxed);
}
