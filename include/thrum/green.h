/* SPDX-License-Identifier: MIT */
/*
 * thrum/green.h - thousands of tasks on one thread: whoever waits gives its
 * turn away.
 *
 * A spawned greenlet is a task that runs on the thread which spawned it. When
 * it waits, for a future, a lock, a queue, a socket or the clock, its thread
 * goes on with the next that can. Nothing is interrupted in the midst of
 * computing, so what no wait divides needs no lock.
 *
 *     static void *fetch(void *url) { ... thrum_read(fd, ...) ... }
 *
 *     for (i = 0; i < n; i++)
 *         rc = thrum_spawn(fetch, urls[i], 0, &futures[i]);
 *     rc = thrum_join_all(futures, n, thrum_in_s(10));
 *
 * The thread's own program is a greenlet too: while it waits the others run,
 * and only then. Its handle is a future: result, exception, callbacks, and
 * thrum_future_kill(), which ends it: the wait it is in returns -ECANCELED, and
 * so does each later one, until its function returns.
 *
 * A thread gets its hub, the scheduler and event loop behind this, when it
 * first spawns. Greenlets never leave their thread. Rules: S1-S17.
 */
#ifndef THRUM_GREEN_H
#define THRUM_GREEN_H

#include <thrum/future.h>
#include <thrum/greenlet.h>

THRUM_BEGIN_DECLS

/* Spawns a greenlet of this thread that calls fn(arg). Nothing runs before the
 * caller waits or passes; those spawned run in the order spawned (S2). What a
 * task of another executor spawns ends before that task's future settles.
 *
 * Call from:  any thread or greenlet; callbacks.
 * Blocks:     no.
 * Ownership:  with `size` 0 the pointer is passed as it is, else `size` bytes
 *             are copied, valid until fn returns. The caller gets one reference
 *             of `*ret`; `ret` NULL detaches: an error goes to the handler of
 *             thrum_set_error_handler().
 * Returns:    0; -EINVAL without a function; -ENOMEM; THRUM_ESHUTDOWN when the
 *             thread is ending. A stack is taken when it begins: if there is
 *             none then, its future fails with -ENOMEM or THRUM_ESTACK. */
THRUM_API THRUM_MUST_USE int thrum_spawn(thrum_fn *fn, const void *arg,
                                         size_t size, thrum_future **ret);

typedef struct thrum_spawn_options {
    size_t size;              /* sizeof(thrum_spawn_options) */
    const char *name;         /* for dumps; 23 characters are copied */
    void (*free_arg)(void *); /* runs once: after fn, or by whoever cancels it;
                               * gets what fn gets */
    size_t stack_size;        /* bytes; 0: THRUM_STACK_SIZE or 64 KiB */
    int64_t delay_ns;         /* it begins so much later */
} thrum_spawn_options;

/* clang-format off */
#define THRUM_SPAWN_OPTIONS { sizeof(thrum_spawn_options), NULL, NULL, 0, 0 }
/* clang-format on */

/* The same with options; NULL is the defaults.
 *
 * Call from:  as thrum_spawn().
 * Blocks:     no.
 * Ownership:  the options are copied; else as thrum_spawn().
 * Returns:    as thrum_spawn(); -EINVAL also for options of another size, a
 *             negative delay, and a stack that is too small or too large. */
THRUM_API THRUM_MUST_USE int
thrum_spawn_with(thrum_fn *fn, const void *arg, size_t size,
                 const thrum_spawn_options *options, thrum_future **ret);

/* Lets whatever can go on have a turn. A greenlet that computes for long calls
 * it now and then. In a thread without a hub it is sched_yield().
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     for one turn of each.
 * Ownership:  -
 * Returns:    0; -ECANCELED when the caller is being cancelled; -ETIMEDOUT past
 *             the deadline of a block (thrum/scope.h); THRUM_ECONTEXT. */
THRUM_API int thrum_pass(void);

/* Sleeps to the deadline, by the nanosecond as far as the system can.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     to the deadline; one that is past lets the others go first (S3).
 * Ownership:  -
 * Returns:    0 at the deadline; -ECANCELED, -ETIMEDOUT and THRUM_ECONTEXT as
 *             thrum_pass(); -EDEADLK for THRUM_FOREVER when nothing is left that
 *             could end it. */
THRUM_API int thrum_sleep(thrum_time deadline);

/* Waits until all have settled; kill_all kills them all first, and then waits.
 * Of any futures, not of greenlets alone. To wait for the first of them is
 * thrum_wait().
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     to the deadline.
 * Ownership:  borrows.
 * Returns:    0; -ETIMEDOUT when not all had settled by the deadline; of the
 *             wait -ECANCELED, -EDEADLK, -ECHILD, THRUM_ECONTEXT; kill_all also
 *             -ENOTSUP for one that runs on a thread; -ENOMEM. */
THRUM_API THRUM_MUST_USE int thrum_join_all(thrum_future *const *futures,
                                            size_t n, thrum_time deadline);
THRUM_API THRUM_MUST_USE int thrum_kill_all(thrum_future *const *futures,
                                            size_t n, thrum_time deadline);

/* The greenlet that runs a spawned task.
 *
 * Call from:  the thread that spawned it.
 * Blocks:     no.
 * Ownership:  borrowed while it runs.
 * Returns:    the greenlet; NULL when it has not begun, has ended, or is no
 *             greenlet of this thread. */
THRUM_API thrum_greenlet *thrum_future_greenlet(thrum_future *future);

THRUM_END_DECLS

#endif /* THRUM_GREEN_H */
