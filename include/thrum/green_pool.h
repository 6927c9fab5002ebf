/* SPDX-License-Identifier: MIT */
/*
 * thrum/green_pool.h - tasks on greenlets.
 *
 * An executor as the thread pool is, but each of its tasks is a greenlet: while
 * one waits its thread goes on with another. So a few threads, or the caller's
 * own, have thousands of tasks under way.
 *
 *     thrum_green_pool_options options = THRUM_GREEN_POOL_OPTIONS;
 *     options.limit = 100;
 *     rc = thrum_green_pool_new(&options, &pool);
 *
 * With `threads` 0 the tasks are greenlets of the thread that made the pool:
 * they run while that waits in Thrum, and what other threads submit goes there
 * too. When the thread ends, so does the pool. With `threads` n the pool has
 * threads of its own, each with a hub; a task stays on the thread that began
 * it.
 *
 * A task that waits for another of its own pool gives its place away meanwhile,
 * so that the limit is never what the two wait for. What a task spawns ends
 * before its future settles. thrum_future_kill() ends running tasks, and so
 * does `run_ns` of thrum_executor_submit_with(). Rule: S16.
 */
#ifndef THRUM_GREEN_POOL_H
#define THRUM_GREEN_POOL_H

#include <thrum/executor.h>
#include <thrum/thread_pool.h>

THRUM_BEGIN_DECLS

typedef struct thrum_green_pool_options {
    size_t size;       /* sizeof(thrum_green_pool_options) */
    int limit;         /* tasks begun and not ended, at once; 0: none */
    int threads;       /* with a hub each, at most 1024; 0: the caller's */
    size_t stack_size; /* of a task, bytes; 0: THRUM_STACK_SIZE or 64 KiB */
    const char *name_prefix; /* threads are <prefix>_<n>; NULL: thrum-green */
    size_t queue_limit;      /* tasks not begun; 0: no limit. Tasks submitted by
                              * its own tasks are not held up by it */
    thrum_queue_policy queue_policy;
    int64_t block_ns;   /* how long a submit may block; 0: for ever */
    int stats_every;    /* time one task in so many; 0: 64; 1: all */
    bool block_signals; /* the threads block all asynchronous signals */
} thrum_green_pool_options;

/* clang-format off */
#define THRUM_GREEN_POOL_OPTIONS { sizeof(thrum_green_pool_options), 0, 0, 0, NULL, 0, THRUM_QUEUE_BLOCK, 0, 0, false }
/* clang-format on */

/* Makes a green pool; NULL is the default options: no limit, the caller's
 * thread.
 *
 * Call from:  any thread or greenlet; with `threads` 0 it gets a hub.
 * Blocks:     no: threads are started when there is work for them.
 * Ownership:  the options are copied; the caller gets one reference.
 * Returns:    0; -EINVAL for a negative number, more than 1024 threads, a stack
 *             that is too small or too large, or options of another size;
 *             -ENOMEM; THRUM_ESHUTDOWN when the caller's thread is ending. */
THRUM_API THRUM_MUST_USE int
thrum_green_pool_new(const thrum_green_pool_options *options,
                     thrum_executor **ret);

THRUM_END_DECLS

#endif /* THRUM_GREEN_POOL_H */
