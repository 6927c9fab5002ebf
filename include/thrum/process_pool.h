/* SPDX-License-Identifier: MIT */
/*
 * thrum/process_pool.h - tasks in worker processes.
 *
 * A task that crashes, is killed or ends its process fails alone: its future
 * says which signal or exit code it was, its worker is replaced, and no other
 * task notices. One task can be limited, and killed while it runs.
 *
 *     thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
 *     options.max_workers = 4;
 *     rc = thrum_process_pool_new(&options, &pool);
 *     rc = thrum_executor_submit(pool, parse, &header, sizeof(header), &f);
 *
 * Memory is not shared: arguments are copied (a size of 0 is
 * THRUM_ENOTSHARED), results are what thrum_return() and thrum_return_alloc()
 * hand over, or NULL. A function may be any of the program or of a shared
 * object that it has loaded, static ones too.
 *
 * Workers come from a small process, the zygote, which is the program run anew:
 * its constructors run, its main does not. So main needs no guard, and what main
 * has set up is not there: the initializer sets it up again in every worker.
 */
#ifndef THRUM_PROCESS_POOL_H
#define THRUM_PROCESS_POOL_H

#include <thrum/executor.h>
#include <thrum/thread_pool.h>

THRUM_BEGIN_DECLS

typedef enum thrum_process_start {
    THRUM_PROCESS_ZYGOTE = 0, /* workers are forks of the zygote: 0.1 ms */
    THRUM_PROCESS_SPAWN,      /* each worker is the program run anew */
    THRUM_PROCESS_FORK,       /* the zygote is a fork of this process: workers
                               * have all that it had when the pool was made.
                               * If it had threads, locks that they held stay
                               * locked in the workers for ever */
} thrum_process_start;

typedef struct thrum_process_pool_options {
    size_t size;     /* sizeof(thrum_process_pool_options) */
    int max_workers; /* 0: the CPUs that this process may use; at most 1024 */
    thrum_process_start start;
    int (*initializer)(void *arg); /* once in every worker before its first
                                    * task; a code below 0 breaks the pool */
    const void *initializer_arg;   /* copied; */
    size_t initializer_arg_size;   /* 32 KiB at most */
    uint64_t max_tasks_per_worker; /* then it is replaced; 0: never */
    int64_t idle_ns;    /* a worker without a task for so long ends; 0: never */
    size_t queue_limit; /* tasks waiting; 0: no limit */
    thrum_queue_policy queue_policy;
    int64_t block_ns; /* how long a submit may block; 0: for ever */
    int64_t run_ns;   /* a task that runs longer is killed, unless its submit
                       * says otherwise; 0: never */
    int retries;      /* how often a task is tried again whose worker crashed;
                       * 0: never */
    /* limits of each worker; 0: those of this process */
    uint64_t memory_limit; /* bytes of address space */
    uint64_t cpu_limit;    /* seconds on a CPU of one task: THRUM_ERLIMIT */
    uint64_t file_limit;   /* open descriptors */
    bool no_core;          /* a crash leaves no core file */
    bool sandbox; /* workers compute, and read and write what is open; they open
                   * no files, make no sockets, start no processes (see the man
                   * page); -ENOTSUP without libseccomp */
    int nice;     /* added to the workers' niceness */
    const int *affinity;   /* CPUs that the workers may run on; NULL: all; */
    size_t affinity_count; /* copied */
    const char *const *environment; /* "NAME=value" put over the environment of
                                     * this process, NULL at the end; or NULL */
    int stats_every; /* time one task in so many; 0: 64; 1: all */
} thrum_process_pool_options;

/* clang-format off */
#define THRUM_PROCESS_POOL_OPTIONS { sizeof(thrum_process_pool_options), 0, THRUM_PROCESS_ZYGOTE, NULL, NULL, 0, 0, 0, 0, THRUM_QUEUE_BLOCK, 0, 0, 0, 0, 0, 0, false, false, 0, NULL, 0, NULL, 0 }
/* clang-format on */

/* Makes a process pool; NULL is the default options. The zygote is started,
 * workers are when there are tasks for them.
 *
 * Call from:  any thread.
 * Blocks:     until the zygote's program is loaded: under a millisecond.
 * Ownership:  the options are copied; the caller gets one reference.
 * Returns:    0; -EINVAL for a negative number or options of another size;
 *             -ENOTSUP where this program cannot be run anew (it is linked
 *             statically and main does not begin with thrum_worker_main(), it
 *             has loaded this library later and the helper is missing, it is
 *             set-user-ID), or for a sandbox that cannot be had; -EAGAIN, -EMFILE, -ENOMEM; what running it said. */
THRUM_API THRUM_MUST_USE int
thrum_process_pool_new(const thrum_process_pool_options *options,
                       thrum_executor **ret);

/* Changes how many workers there may be. Those that are too many end when they
 * have done what they have begun.
 *
 * Call from:  any thread.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    0; -EINVAL for a number below 1 or above 1024, or an executor that
 *             is no process pool; -ECHILD in a forked child. */
THRUM_API THRUM_MUST_USE int thrum_process_pool_resize(thrum_executor *pool,
                                                       int max_workers);

/* Sends a signal to every worker, and ends the pool: what has not begun is
 * cancelled, what runs fails with THRUM_ECRASHED when the signal has killed its
 * worker, and no worker is replaced (F92).
 *
 * Call from:  any thread, callbacks included.
 * Blocks:     no; thrum_executor_shutdown() waits.
 * Ownership:  borrows; the reference stays the caller's.
 * Returns:    0; -EINVAL for a number that is no signal, or an executor that is
 *             no process pool; -ECHILD in a forked child. */
THRUM_API THRUM_MUST_USE int
thrum_process_pool_kill_workers(thrum_executor *pool, int signal);

/* The process numbers of the workers that are alive now.
 *
 * Call from:  any thread.
 * Blocks:     no.
 * Ownership:  fills in up to `n` of `ret_pids`.
 * Returns:    how many there are, maybe more than `n`; -EINVAL for an executor
 *             that is no process pool; -ECHILD in a forked child. */
THRUM_API int thrum_process_pool_pids(thrum_executor *pool, int *ret_pids,
                                      size_t n);

/* For programs that cannot be run anew without it (linked statically, or with
 * a static libthrum): to be called first in main. In a worker it does not
 * return; elsewhere it does nothing.
 *
 * Call from:  the beginning of main.
 * Blocks:     in a worker, for ever.
 * Ownership:  -
 * Returns:    nothing. */
THRUM_API void thrum_worker_main(void);

THRUM_END_DECLS

#endif /* THRUM_PROCESS_POOL_H */
