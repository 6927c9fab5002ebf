/* SPDX-License-Identifier: MIT */
/*
 * base/histogram.c - counting times into a log-linear histogram.
 *
 * A bucket is a power of two and the two bits behind its leading one:
 *
 *     value  0 1 2 3 | 4 5 6 7 | 8..9 10..11 12..13 14..15 | 16..19 ...
 *     bucket 0 1 2 3 | 4 5 6 7 | 8    9      10     11     | 12     ...
 */
#include "base/histogram.h"

#define HISTOGRAM_LINEAR 4u /* buckets per power of two */

static unsigned histogram_bucket(uint64_t ns)
{
    unsigned power;
    unsigned bucket;

    if (ns < HISTOGRAM_LINEAR)
        return (unsigned)ns;
    power = 63u - (unsigned)__builtin_clzll(ns);
    bucket = (power - 1) * HISTOGRAM_LINEAR +
             (unsigned)(ns >> (power - 2) & (HISTOGRAM_LINEAR - 1));
    return bucket < THRUM_HISTOGRAM_BUCKETS ? bucket
                                            : THRUM_HISTOGRAM_BUCKETS - 1;
}

uint64_t thrum_histogram_floor(unsigned bucket)
{
    unsigned power = bucket / HISTOGRAM_LINEAR + 1;

    if (bucket < HISTOGRAM_LINEAR)
        return bucket;
    if (power > 62)
        return UINT64_MAX;
    return (uint64_t)(HISTOGRAM_LINEAR + bucket % HISTOGRAM_LINEAR)
           << (power - 2);
}

uint64_t thrum_histogram_quantile(const thrum_histogram *histogram, double q)
{
    double rank = (q < 0 ? 0 : q > 1 ? 1 : q) * (double)histogram->count;
    double below = 0;

    for (unsigned i = 0; i < THRUM_HISTOGRAM_BUCKETS; i++) {
        double here = (double)histogram->bucket[i];
        uint64_t low = thrum_histogram_floor(i);
        uint64_t high = thrum_histogram_floor(i + 1);

        if (here > 0 && below + here >= rank)
            return low +
                   (uint64_t)((double)(high - low) * ((rank - below) / here));
        below += here;
    }
    return 0;
}

void thrumi_histogram_add(struct thrumi_histogram *histogram, int64_t ns)
{
    uint64_t value = ns < 0 ? 0 : (uint64_t)ns;

    thrumi_count(&histogram->bucket[histogram_bucket(value)], 1);
}

void thrumi_histogram_read(struct thrumi_histogram *histogram,
                           thrum_histogram *sum)
{
    for (unsigned i = 0; i < THRUM_HISTOGRAM_BUCKETS; i++) {
        uint64_t n =
            atomic_load_explicit(&histogram->bucket[i], memory_order_relaxed);

        sum->bucket[i] += n;
        sum->count += n;
    }
}
