/* SPDX-License-Identifier: MIT */
/*
 * sys/alone.h - does the process have one thread?
 *
 * Then nobody can come between a look at a word and its change, and a locked
 * instruction of the processor, which takes 5 to 15 ns, buys nothing. The C
 * library says so where it keeps count (glibc 2.32): it takes it back before a
 * second thread is made.
 *
 * Only true is certain, and only until this thread makes another: so what was
 * begun while alone must be whole when the function returns. A model, whose
 * threads the C library does not know, defines THRUMI_NEVER_ALONE.
 */
#ifndef THRUMI_SYS_ALONE_H
#define THRUMI_SYS_ALONE_H

#include <stdatomic.h>
#include <stdbool.h>

#if defined(__has_include) && !defined(THRUMI_NEVER_ALONE)
# if __has_include(<sys/single_threaded.h>)
#  include <sys/single_threaded.h>
#  define THRUMI_COUNTS_THREADS
# endif
#endif

static inline bool thrumi_alone(void)
{
#ifdef THRUMI_COUNTS_THREADS
    return __libc_single_threaded;
#else
    return false;
#endif
}

/* Alone: takes a lock whose word is 0 when it is free, 1 when it is held. */
static inline bool thrumi_alone_take(atomic_uint *word)
{
    if (atomic_load_explicit(word, memory_order_relaxed) != 0)
        return false;
    atomic_store_explicit(word, 1, memory_order_relaxed);
    return true;
}

#endif /* THRUMI_SYS_ALONE_H */
