/* SPDX-License-Identifier: MIT */
/*
 * sys/clock.h - the one clock, and sums of time that cannot overflow.
 */
#ifndef THRUMI_SYS_CLOCK_H
#define THRUMI_SYS_CLOCK_H

#include <stdbool.h>

#include <thrum/base.h>

/* Nanoseconds of CLOCK_MONOTONIC. */
int64_t thrumi_clock_ns(void);

static inline bool thrumi_time_past(thrum_time deadline)
{
    return deadline.ns != INT64_MAX && thrumi_clock_ns() >= deadline.ns;
}

#endif /* THRUMI_SYS_CLOCK_H */
