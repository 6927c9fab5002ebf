/* SPDX-License-Identifier: MIT */
/*
 * pool/futex.h - sleeping on a word, for the harness and the floors.
 */
#ifndef BENCH_POOL_FUTEX_H
#define BENCH_POOL_FUTEX_H

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BENCH_EVERYBODY INT_MAX

/* Sleeps if *word == value; may wake for no reason. */
static inline void bench_futex_wait(atomic_int *word, int value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static inline void bench_futex_wake(atomic_int *word, int sleepers)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, sleepers, NULL, NULL, 0);
}

static inline void bench_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

#endif /* BENCH_POOL_FUTEX_H */
