/* SPDX-License-Identifier: MIT */
/*
 * base/histogram.h - counting times into a log-linear histogram.
 */
#ifndef THRUMI_BASE_HISTOGRAM_H
#define THRUMI_BASE_HISTOGRAM_H

#include <stdatomic.h>

#include <thrum/stats.h>

/* One writer, any readers. */
struct thrumi_histogram {
    _Atomic uint64_t bucket[THRUM_HISTOGRAM_BUCKETS];
};

void thrumi_histogram_add(struct thrumi_histogram *histogram, int64_t ns);
/* Adds what was counted to `sum`. */
void thrumi_histogram_read(struct thrumi_histogram *histogram,
                           thrum_histogram *sum);

/* Adds to a counter that only the calling thread writes. */
static inline void thrumi_count(_Atomic uint64_t *counter, uint64_t n)
{
    /* relaxed: numbers for a reader who takes them as they come */
    uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, old + n, memory_order_relaxed);
}

#endif /* THRUMI_BASE_HISTOGRAM_H */
