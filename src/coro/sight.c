/* SPDX-License-Identifier: MIT */
/*
 * coro/sight.c - what is running in another thread.
 *
 * The freeze keeps the strand where it is. What is read of it was written when
 * it began, before the switch to it; a name may be changed meanwhile, and may be
 * mixed of two then. A sanitizer knows nothing of the freeze.
 */
#include "coro/sight.h"

#include "sys/look.h"
#include "task/future.h"

static const char sight_main[THRUMI_STRAND_NAME] = "main";

/* The function of the task that it runs. That may end, which needs no switch:
 * so its future is not read but copied. NULL: it has ended. */
THRUMI_CTX_PLAIN static thrum_fn *
sight_task_fn(const struct thrumi_strand *strand)
{
    const struct thrumi_body *body = strand->body;
    const char *future;
    thrum_fn *fn;

    if (body == NULL)
        return NULL;
    future = (const char *)body->future;
    if (thrumi_look_copy((uintptr_t)future + offsetof(thrum_future, fn), &fn,
                         sizeof(fn)) < sizeof(fn))
        return NULL;
    return fn;
}

THRUMI_CTX_PLAIN void thrumi_sight_take(const struct thrumi_self *self,
                                        struct thrumi_sight *ret)
{
    const struct thrumi_strand *strand = self->strand;
    const volatile char *name = sight_main;

    ret->fn = NULL;
    ret->top = 0;
    if (strand != NULL && strand != &strand->loom->thread) {
        name = strand->name;
        ret->fn = strand->fn == NULL ? sight_task_fn(strand) : strand->fn;
        ret->top = (uintptr_t)strand; /* its record is at the top */
    }
    for (size_t i = 0; i < THRUMI_STRAND_NAME; i++)
        ret->name[i] = name[i];
    ret->name[THRUMI_STRAND_NAME - 1] = '\0';
}
