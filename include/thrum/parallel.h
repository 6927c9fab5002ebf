/* SPDX-License-Identifier: MIT */
/*
 * thrum/parallel.h - a loop, cut into ranges that run in parallel.
 *
 *     static int scale(void *arg, size_t begin, size_t end)
 *     {
 *         float *v = arg;
 *         for (size_t i = begin; i < end; i++)
 *             v[i] *= 2;
 *         return 0;
 *     }
 *     rc = thrum_parallel_for(pool, 0, n, 0, scale, v);
 */
#ifndef THRUM_PARALLEL_H
#define THRUM_PARALLEL_H

#include <thrum/executor.h>

THRUM_BEGIN_DECLS

/* One range of the loop: 0, or a negative code, which stops the loop. */
typedef int thrum_range_fn(void *arg, size_t begin, size_t end);

/* Calls fn(arg, b, e) for ranges that cover [begin, end) once. The caller
 * works too, so the loop ends also when every worker is busy. `grain` is the
 * most iterations in a range; 0: chosen from the length and the workers.
 *
 * Call from:  any thread, tasks included; an executor that shares memory.
 * Blocks:     until the last range is done.
 * Ownership:  borrows all.
 * Returns:    0; the first code that a range returned: ranges that have begun
 *             end, the others are not begun; -EINVAL without executor or
 *             function, or for an end before its begin; THRUM_ENOTSHARED. A
 *             lack of workers or memory only makes it less parallel. */
THRUM_API THRUM_MUST_USE int thrum_parallel_for(thrum_executor *executor,
                                                size_t begin, size_t end,
                                                size_t grain,
                                                thrum_range_fn *fn, void *arg);

THRUM_END_DECLS

#endif /* THRUM_PARALLEL_H */
