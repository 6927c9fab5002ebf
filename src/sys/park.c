/* SPDX-License-Identifier: MIT */
/*
 * sys/park.c - sleeping on a word: futex.
 *
 * FUTEX_WAIT_BITSET is used because its timeout is absolute and of
 * CLOCK_MONOTONIC, as deadlines are here.
 */
#include "sys/park.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/fault.h"

static long park_futex(atomic_uint *word, int op, unsigned value,
                       const struct timespec *deadline)
{
    return syscall(SYS_futex, word, op, value, deadline, NULL,
                   FUTEX_BITSET_MATCH_ANY);
}

static int park_on(atomic_uint *word, int op, unsigned expected,
                   thrum_time deadline)
{
    struct timespec until = {0, 0};
    const struct timespec *timeout = NULL;

    if (deadline.ns != INT64_MAX) {
        if (thrumi_time_past(deadline))
            return -ETIMEDOUT;
        until.tv_sec = (time_t)(deadline.ns / 1000000000);
        until.tv_nsec = (long)(deadline.ns % 1000000000);
        timeout = &until;
    }
    if (thrumi_fault("futex"))
        return 0; /* as after a signal: callers loop */
    if (park_futex(word, op, expected, timeout) == 0)
        return 0;
    return errno == ETIMEDOUT ? -ETIMEDOUT : 0;
}

int thrumi_park_word(atomic_uint *word, unsigned expected, thrum_time deadline)
{
    return park_on(word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                   deadline);
}

int thrumi_park_shared(atomic_uint *word, unsigned expected,
                       thrum_time deadline)
{
    return park_on(word, FUTEX_WAIT_BITSET, expected, deadline);
}

void thrumi_wake_word(atomic_uint *word, int count)
{
    int saved = errno;

    park_futex(word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, (unsigned)count, NULL);
    errno = saved;
}

void thrumi_wake_shared(atomic_uint *word, int count)
{
    int saved = errno;

    park_futex(word, FUTEX_WAKE, (unsigned)count, NULL);
    errno = saved;
}

static inline void park_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

void thrumi_spin(unsigned step)
{
    if (step % 4 == 3)
        sched_yield();
    else
        park_pause();
}
