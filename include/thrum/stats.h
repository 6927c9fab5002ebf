/* SPDX-License-Identifier: MIT */
/*
 * thrum/stats.h - what an executor has done and how long it took.
 *
 * Times lie in a log-linear histogram: every power of two of nanoseconds is
 * cut into 4 equal buckets, so that a bucket is at most 25 % wide.
 *
 *     thrum_stats stats = THRUM_STATS;
 *     rc = thrum_executor_stats(pool, &stats);
 *     p99 = thrum_histogram_quantile(&stats.run, 0.99);
 */
#ifndef THRUM_STATS_H
#define THRUM_STATS_H

#include <thrum/base.h>

THRUM_BEGIN_DECLS

#define THRUM_HISTOGRAM_BUCKETS 160 /* up to 2^41 ns, 36 minutes; then one */

typedef struct thrum_histogram {
    uint64_t count; /* values in the buckets */
    uint64_t bucket[THRUM_HISTOGRAM_BUCKETS];
} thrum_histogram;

typedef struct thrum_stats {
    size_t size;          /* sizeof(thrum_stats): THRUM_STATS sets it */
    unsigned workers;     /* alive now */
    unsigned idle;        /* of these, waiting for a task */
    unsigned blocked;     /* of these, waiting inside a task */
    uint64_t queued;      /* tasks that nobody has begun */
    uint64_t running;     /* tasks begun and not ended, helped ones included */
    uint64_t done;        /* ended with a value */
    uint64_t failed;      /* ended with an error */
    uint64_t cancelled;   /* cancelled: before they began, or by themselves */
    uint64_t stolen;      /* taken from another worker's deque */
    thrum_histogram wait; /* ns in the queue, of the tasks that were timed */
    thrum_histogram run;  /* ns running, likewise */
} thrum_stats;

/* clang-format off */
#define THRUM_STATS { sizeof(thrum_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, { 0, { 0 } }, { 0, { 0 } } }
/* clang-format on */

/* The smallest value of a bucket, in ns; that of the bucket after the last
 * bounds it.
 *
 * Call from:  anywhere.
 * Blocks:     no.
 * Ownership:  -
 * Returns:    ns. */
THRUM_API uint64_t thrum_histogram_floor(unsigned bucket);

/* The value below which the fraction `q` (0 to 1) of all lies, interpolated.
 *
 * Call from:  anywhere.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    ns; 0 for an empty histogram. */
THRUM_API uint64_t thrum_histogram_quantile(const thrum_histogram *histogram,
                                            double q);

THRUM_END_DECLS

#endif /* THRUM_STATS_H */
