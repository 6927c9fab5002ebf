/* SPDX-License-Identifier: MIT */
/*
 * base/log.c - messages to the program's log, if it has one.
 *
 * The hook is two words that may be set while other threads log. They are
 * published together: the function is stored last and loaded first.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

typedef _Atomic(thrum_log_fn *) log_hook;

static struct {
    log_hook fn;
    _Atomic(void *) arg;
} log_state;

void thrum_set_log(thrum_log_fn *fn, void *arg)
{
    atomic_store_explicit(&log_state.fn, NULL, memory_order_release);
    atomic_store_explicit(&log_state.arg, arg, memory_order_relaxed);
    /* release: pairs with the acquire in thrumi_log() */
    atomic_store_explicit(&log_state.fn, fn, memory_order_release);
}

bool thrumi_log_is_set(void)
{
    return atomic_load_explicit(&log_state.fn, memory_order_relaxed) != NULL;
}

void thrumi_log(thrum_log_level level, const char *format, ...)
{
    /* acquire: pairs with the release in thrum_set_log() */
    thrum_log_fn *fn =
        atomic_load_explicit(&log_state.fn, memory_order_acquire);
    char message[512];
    va_list args;

    if (fn == NULL)
        return;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    fn(level, message,
       atomic_load_explicit(&log_state.arg, memory_order_relaxed));
}
