/* SPDX-License-Identifier: MIT */
/*
 * task/body.c - one call of a user's function, and what comes of it.
 */
#include "task/body.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

struct thrumi_payload *thrumi_payload_new(size_t size)
{
    struct thrumi_payload *payload = NULL;

    if (size <= SIZE_MAX - sizeof(*payload))
        payload = thrumi_alloc(sizeof(*payload) + size);
    if (payload == NULL)
        return NULL;
    payload->size = size;
    payload->free_fn = NULL;
    payload->owned = NULL;
    payload->file = -1;
    return payload;
}

struct thrumi_payload *(*thrumi_payload_source)(size_t) = thrumi_payload_new;

void thrumi_payload_free(struct thrumi_payload *payload)
{
    bool file;

    if (payload == NULL)
        return;
    file = payload->file >= 0;
    if (payload->free_fn != NULL)
        payload->free_fn(payload->owned);
    if (!file)
        thrumi_free(payload);
}

void thrumi_outcome_free(struct thrumi_outcome *outcome)
{
    if (outcome->phase == THRUMI_VALUE)
        thrumi_payload_free(outcome->payload);
    else if (outcome->phase == THRUMI_ERROR)
        thrumi_error_free(outcome->error);
}

/* Is the returned pointer the one that thrum_return*() gave out? */
static bool body_returns_payload(const struct thrumi_body *body,
                                 const void *value)
{
    const struct thrumi_payload *payload = body->payload;

    return payload != NULL &&
           (value == payload->data ||
            (payload->free_fn != NULL && value == payload->owned));
}

void thrumi_body_end_slow(struct thrumi_body *body, void *value,
                          struct thrumi_outcome *ret)
{
    ret->value = value;
    ret->payload = NULL;
    ret->error = NULL;
    if (value == NULL && body->error != NULL) {
        ret->phase = THRUMI_ERROR;
        ret->error = body->error;
    } else {
        thrumi_error_free(body->error);
        ret->phase = value == NULL && body->told_cancelled ? THRUMI_CANCELLED
                                                           : THRUMI_VALUE;
    }
    if (body_returns_payload(body, value))
        ret->payload = body->payload;
    else
        thrumi_payload_free(body->payload);
}

unsigned thrumi_body_run_detached(struct thrumi_context *context,
                                  thrum_executor *executor, thrum_fn *fn,
                                  void *arg)
{
    THRUMI_BODY body;
    struct thrumi_outcome outcome;
    void *value;

    thrumi_body_begin(context, &body, NULL, executor);
    value = thrumi_body_call(&body, fn, arg);
    if (thrumi_likely(thrumi_body_plain(&body))) {
        context->body = body.outer;
        return THRUMI_VALUE;
    }
    thrumi_body_end(context, &body, value, &outcome);
    if (outcome.phase == THRUMI_ERROR)
        thrumi_error_unhandled(outcome.error);
    else
        thrumi_outcome_free(&outcome);
    return outcome.phase;
}

void *thrum_raise_at(const char *file, int line, int code, const char *format,
                     ...)
{
    struct thrumi_body *body = thrumi_context_body(thrumi_context_running());
    thrum_error *error;
    va_list args;

    va_start(args, format);
    error = thrumi_error_new_at(file, line, code < 0 ? code : -EINVAL, format,
                                args);
    va_end(args);
    if (body == NULL) {
        thrumi_error_unhandled(error);
        return NULL;
    }
    if (body->error != NULL)
        thrumi_error_set_cause(error, body->error);
    body->error = error;
    body->thrown = false;
    return NULL;
}

const thrum_error *thrum_error_pending(void)
{
    struct thrumi_body *body = thrumi_context_body(thrumi_context_running());

    return body == NULL ? NULL : body->error;
}

void thrum_error_clear(void)
{
    struct thrumi_body *body = thrumi_context_body(thrumi_context_running());

    if (body == NULL)
        return;
    thrumi_error_free(body->error);
    body->error = NULL;
    body->thrown = false;
    body->told_cancelled = false; /* its NULL is a value now */
}

/* Makes it the storage of the running body, in place of any before. */
static struct thrumi_payload *body_new_payload(size_t size)
{
    struct thrumi_body *body = thrumi_context_body(thrumi_context_running());
    struct thrumi_payload *payload;

    if (body == NULL) {
        thrum_raise(THRUM_ECONTEXT, "thrum_return outside of a body");
        return NULL;
    }
    payload = thrumi_payload_source(size);
    if (payload == NULL) {
        thrum_raise(-ENOMEM, "no memory for a result of %zu bytes", size);
        return NULL;
    }
    thrumi_payload_free(body->payload);
    body->payload = payload;
    return payload;
}

void *thrum_return_alloc(size_t n)
{
    struct thrumi_payload *payload = body_new_payload(n);

    return payload == NULL ? NULL : payload->data;
}

void *thrum_return(const void *buf, size_t n)
{
    void *storage = thrum_return_alloc(n);

    if (storage != NULL && n > 0)
        memcpy(storage, buf, n);
    return storage;
}

void *thrum_return_owned(void *ptr, void (*free_fn)(void *))
{
    struct thrumi_payload *payload;

    if (ptr == NULL || free_fn == NULL)
        return ptr;
    payload = body_new_payload(0);
    if (payload == NULL) {
        free_fn(ptr);
        return NULL;
    }
    payload->free_fn = free_fn;
    payload->owned = ptr;
    return ptr;
}
