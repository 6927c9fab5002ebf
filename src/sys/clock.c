/* SPDX-License-Identifier: MIT */
/*
 * sys/clock.c - the one clock, and sums of time that cannot overflow.
 */
#include "sys/clock.h"

#include <time.h>

int64_t thrumi_clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

thrum_time thrum_now(void)
{
    return thrum_at_ns(thrumi_clock_ns());
}

thrum_time thrum_in_ns(int64_t ns)
{
    int64_t sum;

    if (__builtin_add_overflow(thrumi_clock_ns(), ns, &sum))
        return ns > 0 ? THRUM_FOREVER : THRUM_NOW;
    return thrum_at_ns(sum);
}

/* `count` units from now; a product too large to count saturates. */
static thrum_time clock_in(int64_t count, int64_t unit)
{
    int64_t ns;

    if (__builtin_mul_overflow(count, unit, &ns))
        return count > 0 ? THRUM_FOREVER : THRUM_NOW;
    return thrum_in_ns(ns);
}

thrum_time thrum_in_us(int64_t us)
{
    return clock_in(us, 1000);
}

thrum_time thrum_in_ms(int64_t ms)
{
    return clock_in(ms, 1000000);
}

thrum_time thrum_in_s(int64_t s)
{
    return clock_in(s, 1000000000);
}
