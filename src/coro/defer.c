/* SPDX-License-Identifier: MIT */
/*
 * coro/defer.c - calls that are made when a function has ended, however.
 *
 * They run on the greenlet's own stack, while its body still counts as running,
 * the newest first; one that defers again is asked again. After them the values
 * that it has of thrum_local are destroyed, which may defer, too.
 */
#include <errno.h>

#include <thrum/generator.h>

#include "base/alloc.h"
#include "coro/strand.h"
#include "task/local.h"

struct thrumi_defer {
    struct thrumi_defer *next;
    void (*fn)(void *arg);
    void *arg;
};

int thrum_defer(void (*fn)(void *arg), void *arg)
{
    struct thrumi_strand *strand = thrumi_strand_current();
    struct thrumi_defer *defer;

    if (fn == NULL)
        return -EINVAL;
    if (strand == NULL || strand->body == NULL ||
        thrumi_context_in_callback(thrumi_context_running()))
        return THRUM_ECONTEXT;
    defer = thrumi_alloc(sizeof(*defer));
    if (defer == NULL)
        return -ENOMEM;
    defer->fn = fn;
    defer->arg = arg;
    defer->next = strand->defers;
    strand->defers = defer;
    return 0;
}

static void defer_run_calls(struct thrumi_strand *strand)
{
    while (strand->defers != NULL) {
        struct thrumi_defer *defer = strand->defers;
        void (*fn)(void *arg) = defer->fn;
        void *arg = defer->arg;

        strand->defers = defer->next;
        thrumi_free(defer);
        fn(arg);
    }
}

void thrumi_defer_run(struct thrumi_strand *strand)
{
    struct thrumi_locals **locals = &strand->context.locals;

    do {
        defer_run_calls(strand);
        if (*locals != NULL)
            thrumi_locals_end(locals);
    } while (strand->defers != NULL || *locals != NULL);
}
