/* SPDX-License-Identifier: MIT */
/*
 * monkey/span.c - when a wait of so long, or until then, is over.
 *
 * Apart from monkey/span.h, so that the hooks that ask for it begin with nothing
 * but their look at where they are.
 */
#include "monkey/span.h"

thrum_time thrumi_span_limit(const struct timespec *span)
{
    if (span == NULL)
        return THRUM_FOREVER;
    return thrumi_span_ns(span) == 0 ? THRUM_NOW : thrumi_span_end(span);
}

thrum_time thrumi_span_at_clock(clockid_t clock, const struct timespec *point)
{
    struct timespec now;

    if (point == NULL || clock_gettime(clock, &now) != 0)
        return THRUM_FOREVER;
    if (point->tv_sec < 0)
        return THRUM_NOW;
    return thrum_in_ns(thrumi_span_ns(point) - thrumi_span_ns(&now));
}
