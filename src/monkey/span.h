/* SPDX-License-Identifier: MIT */
/*
 * monkey/span.h - from the system's times to deadlines, and back.
 */
#ifndef THRUMI_MONKEY_SPAN_H
#define THRUMI_MONKEY_SPAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#include <thrum/base.h>

#define THRUMI_SPAN_SECOND INT64_C(1000000000) /* in ns */

/* Is it a point of a clock? What is not is for libc to refuse. */
static inline bool thrumi_span_is_point(const struct timespec *point)
{
    return point->tv_nsec >= 0 && point->tv_nsec < THRUMI_SPAN_SECOND;
}

/* Of one that locks go by? */
static inline bool thrumi_span_is_point_of(clockid_t clock,
                                           const struct timespec *point)
{
    return (clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC) &&
           thrumi_span_is_point(point);
}

static inline bool thrumi_span_is_valid(const struct timespec *span)
{
    return span->tv_sec >= 0 && thrumi_span_is_point(span);
}

/* In ns; what is too long to count is the longest. */
static inline int64_t thrumi_span_ns(const struct timespec *span)
{
    int64_t ns;

    if (__builtin_mul_overflow(span->tv_sec, THRUMI_SPAN_SECOND, &ns) ||
        __builtin_add_overflow(ns, span->tv_nsec, &ns))
        return INT64_MAX;
    return ns;
}

/* The same; there may be more microseconds than make a second. */
static inline int64_t thrumi_span_timeval_ns(const struct timeval *span)
{
    const struct timespec seconds = {span->tv_sec, 0};
    int64_t ns;

    if (__builtin_mul_overflow(span->tv_usec, 1000, &ns) ||
        __builtin_add_overflow(ns, thrumi_span_ns(&seconds), &ns))
        return INT64_MAX;
    return ns;
}

/* Their sum in ns. */
static inline int64_t thrumi_span_sum(const struct timespec *one,
                                      const struct timespec *other)
{
    int64_t sum;

    if (__builtin_add_overflow(thrumi_span_ns(one), thrumi_span_ns(other),
                               &sum))
        return INT64_MAX;
    return sum;
}

/* From ns; nothing if they are negative. */
static inline struct timespec thrumi_span_of(int64_t ns)
{
    if (ns < 0)
        ns = 0;
    return (struct timespec){ns / THRUMI_SPAN_SECOND, ns % THRUMI_SPAN_SECOND};
}

/* A deadline which is none only by being far away. */
static inline thrum_time thrumi_span_finite(thrum_time end)
{
    return end.ns == THRUM_FOREVER.ns ? thrum_at_ns(end.ns - 1) : end;
}

/* A point of the monotonic clock. */
static inline thrum_time thrumi_span_at(const struct timespec *point)
{
    return thrumi_span_finite(thrum_at_ns(thrumi_span_ns(point)));
}

/* When it ends if it begins now. */
static inline thrum_time thrumi_span_end(const struct timespec *span)
{
    return thrumi_span_finite(thrum_in_ns(thrumi_span_ns(span)));
}

/* Of what limits a wait, where NULL is no limit. */
static inline bool thrumi_span_is_limit(const struct timespec *span)
{
    return span == NULL || thrumi_span_is_valid(span);
}

thrum_time thrumi_span_limit(const struct timespec *span);

/* A point of any clock as a deadline; NULL is none. The clock may be set
 * meanwhile: that is not seen. */
thrum_time thrumi_span_at_clock(clockid_t clock, const struct timespec *point);

/* What is left of one that ends then. */
static inline struct timespec thrumi_span_left(thrum_time end)
{
    return thrumi_span_of(end.ns - thrum_now().ns);
}

#endif /* THRUMI_MONKEY_SPAN_H */
