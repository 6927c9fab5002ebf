/* SPDX-License-Identifier: MIT */
/*
 * coro/stacks.h - stacks for peers and floors that bring none.
 *
 * 64 KiB each, the lowest page a guard, cut from mappings of 1024; last in,
 * first out. The guard is made once, when a stack is first used, and where the
 * kernel has no cheap ones (before Linux 6.13) there is none.
 */
#ifndef BENCH_CORO_STACKS_H
#define BENCH_CORO_STACKS_H

#include <stddef.h>
#include <sys/mman.h>

#include "program.h"

#define STACKS_SIZE   ((size_t)64 * 1024)
#define STACKS_SLAB   1024
#define STACKS_GUARD  4096
#define STACKS_ADVICE 102 /* MADV_GUARD_INSTALL */

/* The last words of a free stack. */
struct stacks_free {
    struct stacks_free *next;
};

static struct stacks_free *stacks_free;
static char *stacks_slab;
static size_t stacks_left; /* in the slab */

static void *stacks_fresh(void)
{
    if (!stacks_left) {
        stacks_slab =
            mmap(NULL, STACKS_SLAB * STACKS_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (stacks_slab == MAP_FAILED)
            bench_die("mmap");
        madvise(stacks_slab, STACKS_SLAB * STACKS_SIZE, MADV_NOHUGEPAGE);
        stacks_left = STACKS_SLAB;
    }
    void *low = stacks_slab + --stacks_left * STACKS_SIZE;
    madvise(low, STACKS_GUARD, STACKS_ADVICE);
    return (char *)low + STACKS_SIZE;
}

/* The top of a stack; a stack by its top. */
static inline void *stacks_take(void)
{
    struct stacks_free *top = stacks_free;

    if (!top)
        return stacks_fresh();
    stacks_free = top->next;
    return top + 1;
}

static inline void stacks_give(void *top)
{
    struct stacks_free *stack = (struct stacks_free *)top - 1;

    stack->next = stacks_free;
    stacks_free = stack;
}

#endif /* BENCH_CORO_STACKS_H */
