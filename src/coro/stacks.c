/* SPDX-License-Identifier: MIT */
/*
 * coro/stacks.c - sizes, depths and overflows of stacks, for users.
 */
#include <thrum/stack.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "coro/strand.h"
#include "sys/overflow.h"
#include "sys/write.h"

size_t thrum_stack_default(void)
{
    return thrumi_stack_default();
}

size_t thrum_stack_least(void)
{
    return thrumi_stack_least();
}

void thrum_stack_trim(void)
{
    struct thrumi_loom *loom = thrumi_self()->loom;

    thrumi_stack_trim(loom == NULL ? NULL : &loom->stacks);
}

int thrumi_strand_stack(const struct thrumi_strand *strand,
                        thrum_stack_info *info)
{
    if (info == NULL || info->size < sizeof(*info))
        return -EINVAL;
    if (strand == NULL || strand->stack.slab == NULL)
        return THRUM_ESTATE;
    info->stack_size = (size_t)(thrumi_stack_top(&strand->stack) -
                                thrumi_stack_low(&strand->stack));
    info->used = thrumi_stack_used(&strand->stack);
    info->guard_size = strand->stack.guarded ? strand->stack.slab->guard : 0;
    return 0;
}

/* In a signal handler: no stdio but snprintf() of strings and numbers. */
static void stacks_tell_overflow(const struct thrumi_stack *stack, int fd)
{
    const struct thrumi_strand *strand =
        thrumi_strand_of_slot(stack->slab, stack->slot);
    unsigned kind = atomic_load_explicit(&strand->kind, memory_order_relaxed);
    char text[160];

    snprintf(text, sizeof(text),
             "thrum: stack overflow in %s \"%s\" (%p): it has %zu KiB\n",
             kind == THRUMI_STRAND_GENERATOR ? "generator" : "greenlet",
             strand->name, (const void *)strand->handle,
             (stack->slab->stride - stack->slab->guard) / 1024);
    thrumi_write(fd, text, strlen(text));
}

int thrum_stack_report_overflow(bool on)
{
    if (thrumi_loom_get() == NULL)
        return -ENOMEM;
    return thrumi_overflow_set(on, stacks_tell_overflow);
}
