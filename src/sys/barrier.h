/* SPDX-License-Identifier: MIT */
/*
 * sys/barrier.h - the fence that follows a read-modify-write.
 *
 * On x86 every atomic read-modify-write is a full fence already, so after one,
 * say after giving up a lock, only the compiler is to be told.
 */
#ifndef THRUMI_SYS_BARRIER_H
#define THRUMI_SYS_BARRIER_H

#include "base/fence.h"

static inline void thrumi_fence_after_rmw(atomic_uint *word)
{
#if defined(__x86_64__) && !defined(THRUMI_TSAN)
    (void)word;
    atomic_signal_fence(memory_order_seq_cst);
#else
    thrumi_fence(word);
#endif
}

#endif /* THRUMI_SYS_BARRIER_H */
