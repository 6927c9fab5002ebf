/* SPDX-License-Identifier: MIT */
/*
 * thrum/thread_pool.h - tasks on OS threads.
 *
 * Threads are started when there is work for them, up to max_workers, and kept
 * to the end. A task that waits for a future of its own pool helps: it runs
 * the awaited task, or tasks that it spawned, on its own stack; or it parks
 * while a spare thread takes its place. A wait that could never end returns
 * -EDEADLK instead.
 *
 *     thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
 *     options.max_workers = 8;
 *     options.queue_limit = 1000;
 *     rc = thrum_thread_pool_new(&options, &pool);
 */
#ifndef THRUM_THREAD_POOL_H
#define THRUM_THREAD_POOL_H

#include <thrum/executor.h>

THRUM_BEGIN_DECLS

typedef enum thrum_queue_policy {
    THRUM_QUEUE_BLOCK = 0,   /* submit waits for room, block_ns at most */
    THRUM_QUEUE_REJECT,      /* submit is THRUM_EFULL */
    THRUM_QUEUE_CALLER_RUNS, /* submit runs the task itself, then returns */
} thrum_queue_policy;

typedef struct thrum_thread_pool_options {
    size_t size;             /* sizeof(thrum_thread_pool_options) */
    int max_workers;         /* 0: thrum_default_workers(); at most 4096 */
    int max_spares;          /* extra threads for waits inside tasks; 0: 64 */
    const char *name_prefix; /* threads are <prefix>_<n>; NULL: thrum-<k>;
                              * the kernel keeps 15 characters */
    int (*initializer)(void *arg); /* once in every thread before its first
                                    * task; a code below 0 breaks the pool */
    void *initializer_arg;
    size_t stack_size;     /* of the threads, bytes; 0: the system's default */
    const int *affinity;   /* CPUs that the threads may run on; NULL: all; */
    size_t affinity_count; /* copied */
    size_t queue_limit;    /* tasks waiting; 0: no limit. Tasks submitted by
                            * its own tasks are not held up by it */
    thrum_queue_policy queue_policy;
    int64_t block_ns;   /* how long a submit may block; 0: for ever */
    int stats_every;    /* time one task in so many; 0: 64; 1: all */
    bool block_signals; /* the threads block all asynchronous signals */
    bool wait_at_exit;  /* exit() waits for what was submitted (F68) */
} thrum_thread_pool_options;

/* clang-format off */
#define THRUM_THREAD_POOL_OPTIONS { sizeof(thrum_thread_pool_options), 0, 0, NULL, NULL, NULL, 0, NULL, 0, 0, THRUM_QUEUE_BLOCK, 0, 0, false, false }
/* clang-format on */

/* Makes a thread pool; NULL is the default options.
 *
 * Call from:  any thread.
 * Blocks:     no: no thread is started before the first task.
 * Ownership:  the options are copied; the caller gets one reference.
 * Returns:    0; -EINVAL for a negative number, more than 4096 workers, a CPU
 *             that is none, or options of another size; -ENOMEM. */
THRUM_API THRUM_MUST_USE int
thrum_thread_pool_new(const thrum_thread_pool_options *options,
                      thrum_executor **ret);

/* How many threads a pool has by default: min(32, CPUs + 4), where CPUs are
 * those that this process may use: its affinity, and its control groups' quota
 * rounded up (F51). THRUM_THREADS in the environment overrides it.
 *
 * Call from:  any thread.
 * Blocks:     no; reads /proc and /sys.
 * Ownership:  -
 * Returns:    1 or more. */
THRUM_API int thrum_default_workers(void);

THRUM_END_DECLS

#endif /* THRUM_THREAD_POOL_H */
