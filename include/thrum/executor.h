/* SPDX-License-Identifier: MIT */
/*
 * thrum/executor.h - what runs tasks.
 *
 * The same task runs inline, on threads, and later in processes and on
 * greenlets: only the line that makes the executor differs.
 *
 *     thrum_executor *pool;
 *     rc = thrum_thread_pool_new(NULL, &pool);
 *     for (i = 0; i < n; i++)
 *         rc = thrum_executor_submit(pool, get, urls[i], 0, &futures[i]);
 *     rc = thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER);
 *     thrum_executor_unref(pool);
 *
 * Own executors: fill in thrum_executor_ops; each task that enqueue has taken
 * must be given to thrum_task_run() or thrum_task_drop(), once.
 */
#ifndef THRUM_EXECUTOR_H
#define THRUM_EXECUTOR_H

#include <thrum/base.h>
#include <thrum/future.h>
#include <thrum/iter.h>
#include <thrum/stats.h>

THRUM_BEGIN_DECLS

/* Takes one more reference, gives one back. The last unref is a shutdown
 * without waiting: what was submitted still runs (F72).
 *
 * Call from:  any thread, the executor's own workers included.
 * Blocks:     no.
 * Ownership:  ref gives the caller one reference, unref takes it.
 * Returns:    ref: the same executor. */
THRUM_API thrum_executor *thrum_executor_ref(thrum_executor *executor);
THRUM_API void thrum_executor_unref(thrum_executor *executor);

/* Submits a call of fn(arg). With `size` 0 the pointer is passed as it is.
 * Otherwise `size` bytes are copied, and fn gets a pointer to the copy,
 * aligned for any type, valid until fn returns.
 *
 * Call from:  any thread or greenlet, tasks and callbacks included.
 * Blocks:     only when a bounded queue is full and its policy is to block.
 * Ownership:  the caller gets one reference of `*ret`; `ret` NULL detaches the
 *             task: its error goes to thrum_set_error_handler().
 * Returns:    0; -EINVAL without executor or function; THRUM_ESHUTDOWN (F46);
 *             THRUM_EBROKEN (F48); THRUM_EFULL or -ETIMEDOUT of a full queue;
 *             THRUM_ECONTEXT when a callback would have to wait for room;
 *             THRUM_ENOTSHARED when `size` is 0 and memory is not shared;
 *             -EAGAIN when no worker could be started; -ENOMEM; -ECHILD in a
 *             forked child. After an error nothing will run, and `arg` is the
 *             caller's. */
THRUM_API THRUM_MUST_USE int thrum_executor_submit(thrum_executor *executor,
                                                   thrum_fn *fn,
                                                   const void *arg, size_t size,
                                                   thrum_future **ret);

typedef struct thrum_submit_options {
    size_t size;              /* sizeof(thrum_submit_options) */
    const char *name;         /* of the task, for reports; copied */
    void (*free_arg)(void *); /* runs once for an accepted task: after fn, or
                               * by whoever cancels or breaks it; gets what fn
                               * gets */
    int64_t start_ns;         /* fails with THRUM_EEXPIRED if not begun within
                               * this; noticed when a worker comes to it */
    int64_t run_ns;           /* killed after this; -ENOTSUP on threads */
    int priority;             /* above 0 before others, below 0 after them */
} thrum_submit_options;

/* clang-format off */
#define THRUM_SUBMIT_OPTIONS { sizeof(thrum_submit_options), NULL, NULL, 0, 0, 0 }
/* clang-format on */

/* The same with options; NULL is the defaults.
 *
 * Call from:  as thrum_executor_submit().
 * Blocks:     as thrum_executor_submit().
 * Ownership:  the options are copied.
 * Returns:    as thrum_executor_submit(); also -EINVAL for a negative span,
 *             -ENOTSUP for what the executor cannot do. */
THRUM_API THRUM_MUST_USE int thrum_executor_submit_with(
    thrum_executor *executor, thrum_fn *fn, const void *arg, size_t size,
    const thrum_submit_options *options, thrum_future **ret);

/* Submits fn(args[0]) to fn(args[n - 1]) at once: a lock and a wake-up for many,
 * not for each.
 *
 * Call from:  as thrum_executor_submit().
 * Blocks:     as thrum_executor_submit().
 * Ownership:  the caller gets a reference of each future that was made;
 *             `ret_futures` NULL detaches the tasks.
 * Returns:    how many were accepted, the first ones (n, or fewer when a queue
 *             got full or memory ran out); when none was, the code of
 *             thrum_executor_submit(). */
THRUM_API THRUM_MUST_USE int
thrum_executor_submit_many(thrum_executor *executor, thrum_fn *fn,
                           void *const *args, size_t n,
                           thrum_future **ret_futures);

typedef struct thrum_map_options {
    size_t size;         /* sizeof(thrum_map_options) */
    thrum_time deadline; /* of each next; {0}: none */
    size_t buffersize;   /* items taken and not given back yet; 0: 4 per
                          * worker; SIZE_MAX: all, at the call (F55) */
    size_t chunksize;    /* items per task; 0: 1 */
    bool unordered;      /* results as they come, not in the items' order */
    bool stop_on_error;  /* the first error ends it and cancels the rest */
    bool detach;         /* free leaves what was submitted running; otherwise
                          * it is cancelled (F58) */
} thrum_map_options;

/* clang-format off */
#define THRUM_MAP_OPTIONS { sizeof(thrum_map_options), { 0 }, 0, 0, false, false, false }
/* clang-format on */

/* Calls fn with every item, in parallel, and iterates over the results.
 * Items are pulled in the caller of next only; an item with a size is copied.
 * Each result has its own outcome: thrum_iter_next() is THRUM_EFAILED for an
 * item that failed and goes on with the next (F59).
 *
 * Call from:  any thread or greenlet.
 * Blocks:     the call may, as submit; next waits for results.
 * Ownership:  takes `items`, also when it fails; the caller owns `*ret`.
 *             A result is valid until the next next, or free (F64).
 * Returns:    0; -EINVAL; -ENOMEM; what submit says. Of next: 0, THRUM_ESTOP,
 *             THRUM_EFAILED, THRUM_ECANCELLED, and of the wait -ETIMEDOUT,
 *             which cancels the rest unless detached; the code of a submit
 *             that was refused, never a silent end (F62). */
THRUM_API THRUM_MUST_USE int
thrum_executor_map(thrum_executor *executor, thrum_fn *fn, thrum_iter *items,
                   const thrum_map_options *options, thrum_iter **ret_results);

#define THRUM_WAIT           1u /* until all has run and the workers ended */
#define THRUM_CANCEL_FUTURES 2u /* cancel what has not begun */

/* Ends an executor: it takes no more tasks; those submitted run to the end, or
 * are cancelled. Idempotent (F70).
 *
 * Call from:  any thread or greenlet but, with THRUM_WAIT, its own workers.
 * Blocks:     with THRUM_WAIT, to `deadline`: until every callback of its
 *             futures has returned and every thread is joined.
 * Ownership:  borrows; the reference stays the caller's.
 * Returns:    0; -ETIMEDOUT: it goes on ending, call again to wait; -EDEADLK
 *             with THRUM_WAIT from its own worker, nothing changed (F75);
 *             THRUM_ECONTEXT when a callback would have to wait; -EINVAL for
 *             other flags; -ECHILD in a forked child. */
THRUM_API int thrum_executor_shutdown(thrum_executor *executor, unsigned flags,
                                      thrum_time deadline);

/* Begins a shutdown without waiting, from a signal handler (F77). Tasks that
 * were submitted run to the end.
 *
 * Call from:  anywhere; async-signal-safe.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    0; -ENOTSUP where the executor cannot. */
THRUM_API int thrum_executor_request_shutdown(thrum_executor *executor);

/* What it has done up to now. The numbers are read one after the other, while
 * work goes on.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  fills in `stats`, whose size must be set (THRUM_STATS).
 * Returns:    0; -EINVAL for a wrong size; -ENOTSUP. */
THRUM_API THRUM_MUST_USE int thrum_executor_stats(thrum_executor *executor,
                                                  thrum_stats *stats);

/* The executor whose task runs here.
 *
 * Call from:  anywhere.
 * Blocks:     no.
 * Ownership:  borrowed, while the task runs.
 * Returns:    the executor; NULL outside of tasks. */
THRUM_API thrum_executor *thrum_executor_current(void);

/* ---- own executors ---- */

typedef struct thrum_task thrum_task; /* opaque; one call, and its future */

typedef struct thrum_executor_ops {
    size_t size;      /* sizeof(thrum_executor_ops) */
    const char *name; /* of the kind, for reports */
    /* Takes a task, or refuses it with a code: then it is not the executor's,
     * and the code is submit's. Compulsory. */
    int (*enqueue)(void *self, thrum_task *task);
    /* As thrum_executor_shutdown(). After it, enqueue must refuse. NULL: no
     * tasks are ever held, nothing to do. */
    int (*shutdown)(void *self, unsigned flags, thrum_time deadline);
    /* Called once, by the last unref. Tasks still held must be run or dropped,
     * here or later. NULL: nothing to free. */
    void (*destroy)(void *self);
    /* Fills in what it knows. NULL: -ENOTSUP. */
    int (*stats)(void *self, thrum_stats *stats);
    /* Async-signal-safe. NULL: -ENOTSUP. */
    int (*request_shutdown)(void *self);
    unsigned workers;   /* for map's default buffersize; 0 counts as 1 */
    bool shares_memory; /* false: submit refuses plain pointers */
} thrum_executor_ops;

/* Makes an executor of your own.
 *
 * Call from:  any thread.
 * Blocks:     no.
 * Ownership:  `ops` is copied; `self` is passed as it is, until destroy. The
 *             caller gets one reference.
 * Returns:    0; -EINVAL without enqueue or size; -ENOMEM. */
THRUM_API THRUM_MUST_USE int thrum_executor_new(const thrum_executor_ops *ops,
                                                void *self,
                                                thrum_executor **ret);

/* Runs a task here and settles its future; one that was cancelled meanwhile
 * is only let go. Or lets a task go that will not run: its future fails with
 * `code` (THRUM_ECANCELLED cancels it).
 *
 * Call from:  where the executor runs tasks; drop: anywhere.
 * Blocks:     run: as the task does. Both run callbacks.
 * Ownership:  take the task.
 * Returns:    nothing. */
THRUM_API void thrum_task_run(thrum_task *task);
THRUM_API void thrum_task_drop(thrum_task *task, int code);

/* The task's name as submitted, or NULL.
 *
 * Call from:  whoever holds the task.
 * Blocks:     no.
 * Ownership:  borrowed until it is run or dropped.
 * Returns:    the name or NULL. */
THRUM_API const char *thrum_task_name(const thrum_task *task);

THRUM_AUTO_TYPE(thrum_executor, thrum_executor_unref)

THRUM_END_DECLS

#endif /* THRUM_EXECUTOR_H */
