/* SPDX-License-Identifier: MIT */
/*
 * sys/fork.h - noticing that this is a forked child.
 *
 * A page that the kernel wipes in a child (MADV_WIPEONFORK) tells also after a
 * raw clone, which pthread_atfork does not.
 */
#ifndef THRUMI_SYS_FORK_H
#define THRUMI_SYS_FORK_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/container.h"

/* The page, or NULL before the first use. Not to be used but by what follows. */
extern _Atomic(atomic_uint *) thrumi_fork_page;

uint16_t thrumi_fork_generation_slow(void);

/* Counts the forks between the first use of the library and this process, from
 * 1. What was made in another generation is inert here. */
static inline uint16_t thrumi_fork_generation(void)
{
    /* acquire: pairs with the exchange that sets it */
    atomic_uint *page =
        atomic_load_explicit(&thrumi_fork_page, memory_order_acquire);
    unsigned generation = 0;

    if (thrumi_likely(page != NULL))
        generation = atomic_load_explicit(page, memory_order_relaxed);
    if (thrumi_unlikely(generation == 0))
        return thrumi_fork_generation_slow();
    return (uint16_t)generation;
}

/* Ends a child whose only stack has returned: exit(0), as main would. */
__attribute__((noreturn)) void thrumi_fork_exit(void);

#endif /* THRUMI_SYS_FORK_H */
