/* SPDX-License-Identifier: MIT */
/*
 * base/error.c - errors: one allocation each, message and file inside.
 *
 *     +-------------+-------+----------------------+
 *     | thrum_error | stock | message \0 ...       |
 *     +-------------+-------+----------------------+
 *
 * An error must be had also when memory is short, for it is the way to say so.
 * There is a stock of a few dozen, one per code, shared by whoever needs that
 * code and never freed; they have no message of their own.
 */
#include "base/error.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/container.h"
#include "base/log.h"

struct error_box {
    thrum_error public;
    bool stock;  /* one of error_stock: not freed */
    char text[]; /* the message, and what else it has of texts */
};

#define ERROR_STOCK 64

static struct {
    atomic_int code[ERROR_STOCK]; /* 0: free */
    atomic_bool ready[ERROR_STOCK];
    struct error_box box[ERROR_STOCK];
    _Atomic(void (*)(const thrum_error *, void *)) handler;
    _Atomic(void *) handler_arg;
} error_state;

const char *thrum_strerror(int code)
{
    static _Thread_local char text[64];

    switch (code) {
    case 0:
        return "success";
#define ERROR_TEXT(name, value, words) \
 case value:                           \
  return words;
        THRUM_ERRORS(ERROR_TEXT)
#undef ERROR_TEXT
    default:
        break;
    }
    if (code <= THRUM_EUSER)
        return "an error of the program's own";
    return strerror_r(code < 0 ? -code : code, text, sizeof(text));
}

/* Waits for whoever took this place of the stock first to have filled it. */
static thrum_error *error_stock_get(size_t i)
{
    /* acquire: pairs with the release in error_stock_fill() */
    while (!atomic_load_explicit(&error_state.ready[i], memory_order_acquire))
        ;
    return &error_state.box[i].public;
}

static thrum_error *error_stock_fill(size_t i, int code)
{
    struct error_box *box = &error_state.box[i];

    box->stock = true;
    box->public.code = code;
    box->public.message = "(out of memory: the message is lost)";
    atomic_store_explicit(&error_state.ready[i], true, memory_order_release);
    return &box->public;
}

static thrum_error *error_from_stock(int code)
{
    for (size_t i = 0; i < ERROR_STOCK; i++) {
        int taken = 0;

        if (atomic_compare_exchange_strong_explicit(
                &error_state.code[i], &taken, code, memory_order_relaxed,
                memory_order_relaxed))
            return error_stock_fill(i, code);
        if (taken == code)
            return error_stock_get(i);
    }
    return error_stock_get(0);
}

/* The box with room for `bytes` of message, or NULL. */
static struct error_box *error_box_new(int code, size_t bytes)
{
    struct error_box *box = thrumi_alloc(sizeof(*box) + bytes);

    if (box == NULL)
        return NULL;
    memset(box, 0, sizeof(*box));
    box->public.code = code;
    box->public.message = box->text;
    box->text[0] = '\0';
    return box;
}

THRUM_PRINTF(1, 0)
static int error_text_length(const char *format, va_list args)
{
    va_list again;
    int length;

    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    return length < 0 ? 0 : length;
}

thrum_error *thrumi_error_new_at(const char *file, int line, int code,
                                 const char *format, va_list args)
{
    size_t bytes = (size_t)error_text_length(format, args) + 1;
    struct error_box *box = error_box_new(code, bytes);

    if (box == NULL)
        return error_from_stock(code);
    vsnprintf(box->text, bytes, format, args);
    box->public.file = file;
    box->public.line = line;
    return &box->public;
}

thrum_error *thrumi_error_new(int code, const char *format, ...)
{
    thrum_error *error;
    va_list args;

    if (format == NULL)
        return thrumi_error_new(code, "%s", thrum_strerror(code));
    va_start(args, format);
    error = thrumi_error_new_at(NULL, 0, code, format, args);
    va_end(args);
    return error;
}

static bool error_is_stock(const thrum_error *error)
{
    return thrumi_container_of(error, struct error_box, public)->stock;
}

void thrumi_error_free(const thrum_error *error)
{
    while (error != NULL) {
        const thrum_error *cause = error->cause;

        if (error_is_stock(error))
            return;
        thrumi_free(thrumi_container_of(error, struct error_box, public));
        error = cause;
    }
}

/* Puts a text behind those that are there; NULL for none. */
static const char *error_add_text(char **at, const char *text)
{
    char *copy = *at;
    size_t bytes;

    if (text == NULL)
        return NULL;
    bytes = strlen(text) + 1;
    memcpy(copy, text, bytes);
    *at += bytes;
    return copy;
}

static size_t error_text_bytes(const char *text)
{
    return text == NULL ? 0 : strlen(text) + 1;
}

thrum_error *thrumi_error_of(const struct thrumi_error_parts *parts)
{
    struct error_box *box =
        error_box_new(parts->code, error_text_bytes(parts->message) +
                                       error_text_bytes(parts->file) +
                                       error_text_bytes(parts->backtrace));
    char *at;

    if (box == NULL)
        return error_from_stock(parts->code);
    at = box->text;
    box->public.line = parts->line;
    box->public.pid = parts->pid;
    box->public.signal = parts->signal;
    box->public.exit_code = parts->exit_code;
    box->public.message = error_add_text(&at, parts->message);
    box->public.file = error_add_text(&at, parts->file);
    box->public.backtrace = error_add_text(&at, parts->backtrace);
    return &box->public;
}

/* Copies one error, without its cause. */
static thrum_error *error_copy_one(const thrum_error *error)
{
    const struct thrumi_error_parts parts = {
        error->code,      error->line,    error->pid,  error->signal,
        error->exit_code, error->message, error->file, error->backtrace};

    return thrumi_error_of(&parts);
}

/* One of the stock ends the copy: it is shared and can have no cause. */
thrum_error *thrumi_error_copy(const thrum_error *error)
{
    thrum_error *first = error_copy_one(error);
    thrum_error *last = first;

    while (error->cause != NULL && !error_is_stock(last)) {
        thrum_error *next;

        error = error->cause;
        next = error_copy_one(error);
        thrumi_error_set_cause(last, next);
        last = next;
    }
    return first;
}

void thrumi_error_set_cause(thrum_error *error, const thrum_error *cause)
{
    if (error_is_stock(error))
        thrumi_error_free(cause); /* shared: it can have none of its own */
    else
        error->cause = cause;
}

void thrum_error_print(const thrum_error *error, FILE *stream)
{
    const char *lead = "";

    for (; error != NULL; error = error->cause) {
        fprintf(stream, "%s%s (%s, code %d)", lead, error->message,
                thrum_strerror(error->code), error->code);
        if (error->file != NULL)
            fprintf(stream, " at %s:%d", error->file, error->line);
        fputc('\n', stream);
        lead = "  caused by: ";
    }
}

void thrum_set_error_handler(void (*fn)(const thrum_error *error, void *arg),
                             void *arg)
{
    atomic_store_explicit(&error_state.handler, NULL, memory_order_release);
    atomic_store_explicit(&error_state.handler_arg, arg, memory_order_relaxed);
    /* release: pairs with the acquire in thrumi_error_unhandled() */
    atomic_store_explicit(&error_state.handler, fn, memory_order_release);
}

void thrumi_error_unhandled(thrum_error *error)
{
    /* acquire: pairs with the release in thrum_set_error_handler() */
    void (*fn)(const thrum_error *, void *) =
        atomic_load_explicit(&error_state.handler, memory_order_acquire);

    if (fn != NULL)
        fn(error, atomic_load_explicit(&error_state.handler_arg,
                                       memory_order_relaxed));
    else
        thrumi_log(THRUM_LOG_ERROR, "nobody waits for this error: %s (%s)",
                   error->message, thrum_strerror(error->code));
    thrumi_error_free(error);
}
