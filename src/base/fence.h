/* SPDX-License-Identifier: MIT */
/*
 * base/fence.h - the one full fence of the library.
 *
 * ThreadSanitizer does not model fences and reports races in correct code, so
 * under it the fence is a sequentially consistent read-modify-write of a word
 * that both sides of the protocol share: the same order, told in a way that
 * the tool understands.
 */
#ifndef THRUMI_BASE_FENCE_H
#define THRUMI_BASE_FENCE_H

#include <stdatomic.h>

#if defined(__SANITIZE_THREAD__)
# define THRUMI_TSAN 1
#elif defined(__has_feature)
# if __has_feature(thread_sanitizer)
#  define THRUMI_TSAN 1
# endif
#endif

static inline void thrumi_fence(atomic_uint *word)
{
#ifdef THRUMI_TSAN
    atomic_fetch_add_explicit(word, 0, memory_order_seq_cst);
#else
    (void)word;
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

#endif /* THRUMI_BASE_FENCE_H */
