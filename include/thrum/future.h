/* SPDX-License-Identifier: MIT */
/*
 * thrum/future.h - a value that is not there yet.
 *
 * A future starts pending, may be running, and settles exactly once: with a
 * value, with an error, or cancelled. Any number of threads and greenlets may
 * wait for it: a thread that waits sleeps, a greenlet that waits gives its
 * thread away.
 *
 *     thrum_future *f;
 *     void *page;
 *     int rc = thrum_executor_submit(pool, get, url, 0, &f);
 *     if (rc == 0) {
 *         rc = thrum_future_result(f, thrum_in_ms(2000), &page);
 *         thrum_future_unref(f);
 *     }
 *
 * Dropping the last reference of an unsettled future detaches it: the task
 * runs on, and its result is freed when it settles.
 */
#ifndef THRUM_FUTURE_H
#define THRUM_FUTURE_H

#include <thrum/base.h>
#include <thrum/error.h>

THRUM_BEGIN_DECLS

typedef struct thrum_future thrum_future;     /* opaque, counted, shareable */
typedef struct thrum_executor thrum_executor; /* see thrum/executor.h */

/* Takes one more reference, gives one back.
 *
 * Call from:  anywhere but signal handlers.
 * Blocks:     no. The last unref frees the result.
 * Ownership:  ref gives the caller one reference, unref takes it.
 * Returns:    ref: the same future. */
THRUM_API thrum_future *thrum_future_ref(thrum_future *future);
THRUM_API void thrum_future_unref(thrum_future *future);

/* Waits until the future has settled and tells what came of it.
 *
 * Call from:  any thread or greenlet; not from a callback or signal handler
 *             (of a settled future from anywhere).
 * Blocks:     to `deadline`; cancellable. A worker of the future's own pool
 *             runs the awaited task itself, or tasks that it spawned.
 * Ownership:  the result is borrowed from the future until its last unref.
 * Returns:    0 and the result; THRUM_EFAILED, thrum_future_exception() tells
 *             why; THRUM_ECANCELLED when the future was cancelled (F9).
 *             Of the wait itself: -ETIMEDOUT past `deadline`, -ECANCELED when
 *             the caller is being cancelled, -EDEADLK when waiting could never
 *             end, -ECHILD in a forked child, THRUM_ECONTEXT in a callback.
 *             `ret_result` may be NULL. */
THRUM_API THRUM_MUST_USE int thrum_future_result(thrum_future *future,
                                                 thrum_time deadline,
                                                 void **ret_result);

/* The same wait, for the error: NULL when there is a value.
 *
 * Call from:  as thrum_future_result().
 * Blocks:     to `deadline`.
 * Ownership:  the error is borrowed from the future until its last unref.
 * Returns:    0 and the error or NULL; THRUM_ECANCELLED when it was cancelled
 *             (F11); of the wait itself the codes of thrum_future_result(). */
THRUM_API THRUM_MUST_USE int
thrum_future_exception(thrum_future *future, thrum_time deadline,
                       const thrum_error **ret_error);

/* How many bytes the result has that the future owns (thrum_return()); 0 for
 * a plain pointer, an error, and as long as there is no result.
 *
 * Call from:  anywhere.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    bytes. */
THRUM_API size_t thrum_future_result_size(const thrum_future *future);

/* The state now: cancelled; running, which means just that, not queued at a
 * worker (F89); done, that is settled in any way.
 *
 * Call from:  anywhere, signal handlers included.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    true or false (F2 to F4). */
THRUM_API bool thrum_future_cancelled(const thrum_future *future);
THRUM_API bool thrum_future_running(const thrum_future *future);
THRUM_API bool thrum_future_done(const thrum_future *future);

/* Cancels a pending future: it settles at once for every waiter, its callbacks
 * run in this thread before the call returns, its task never runs.
 *
 * Call from:  any thread or greenlet, callbacks included.
 * Blocks:     no, but for the callbacks.
 * Ownership:  borrows; the task's `free_arg` runs here.
 * Returns:    true: it is cancelled, now or before; false: it runs or has
 *             finished, nothing was changed (F5). */
THRUM_API bool thrum_future_cancel(thrum_future *future);

/* Asks a task, pending or running, to stop: a pending one is cancelled, a
 * running one finds thrum_cancelled() true, and the waits of a greenlet return
 * -ECANCELED, the one it is in too. A body that returns NULL with nothing raised
 * after it has been told so ends as cancelled.
 *
 * Call from:  any thread or greenlet, callbacks included.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    0: asked, or settled before; -ENOMEM: a greenlet of another
 *             thread was not told. */
THRUM_API int thrum_future_request_cancel(thrum_future *future);

/* Has somebody asked the running body to stop? For loops in long tasks.
 *
 * Call from:  a body; elsewhere it is false.
 * Blocks:     no.
 * Ownership:  -
 * Returns:    true or false. */
THRUM_API bool thrum_cancelled(void);

/* Stops a task for good. A pending one is cancelled; a running one is killed
 * where its executor can: processes and greenlets can, threads cannot.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     to `deadline`, for the task to settle.
 * Ownership:  borrows.
 * Returns:    0: it has settled; -ETIMEDOUT: asked, not settled yet; -ENOTSUP:
 *             it runs where nothing can kill it, and nothing was done. */
THRUM_API THRUM_MUST_USE int thrum_future_kill(thrum_future *future,
                                               thrum_time deadline);

typedef void thrum_callback_fn(thrum_future *future, void *arg);

/* Has `fn` called once, when the future settles: in the order added, in the
 * context that settles it (worker, canceller), after its waiters were
 * released, with no lock held. On a settled future it is called at once, here
 * (F21). A callback may call whatever does not wait.
 *
 * Call from:  any thread or greenlet, callbacks included (F25).
 * Blocks:     no.
 * Ownership:  the callback borrows the future; `arg` is passed as it is.
 * Returns:    0; -EINVAL without `fn`; -ENOMEM; -ECHILD in a forked child. */
THRUM_API THRUM_MUST_USE int
thrum_future_add_done_callback(thrum_future *future, thrum_callback_fn *fn,
                               void *arg);

/* Takes the oldest callback with this `fn` and `arg` back.
 *
 * Call from:  any thread or greenlet, callbacks included.
 * Blocks:     no.
 * Ownership:  -
 * Returns:    true: it will never run; false: it ran, runs, or was not there.
 */
THRUM_API bool thrum_future_remove_done_callback(thrum_future *future,
                                                 thrum_callback_fn *fn,
                                                 void *arg);

/* Waits until the future has settled and its callbacks have returned (F24).
 *
 * Call from:  as thrum_future_result(); from one of its own callbacks it is
 *             THRUM_ECONTEXT.
 * Blocks:     to `deadline`.
 * Ownership:  borrows.
 * Returns:    0, whatever the outcome is; or the codes of the wait. */
THRUM_API THRUM_MUST_USE int thrum_future_quiesce(thrum_future *future,
                                                  thrum_time deadline);

typedef void *thrum_then_fn(thrum_future *done, void *arg);

/* A task that starts when `future` has settled, whatever the outcome: fn gets
 * the settled future. Without an executor it runs as a callback does.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  keeps `future` and `executor` referenced until it has run; the
 *             caller gets one reference of `*ret`; NULL detaches it.
 * Returns:    0; -EINVAL without `fn`; -ENOMEM. What the executor says later
 *             (THRUM_ESHUTDOWN, say) becomes the error of `*ret`. */
THRUM_API THRUM_MUST_USE int thrum_future_then(thrum_future *future,
                                               thrum_executor *executor,
                                               thrum_then_fn *fn, void *arg,
                                               thrum_future **ret);

/* One future for many. `all` has a value, an array of the n values in their
 * order, when all have one, and the first error or cancellation otherwise.
 * `any` has a value, the thrum_future that got one first, and an error when
 * all have failed. Cancelling either leaves the n alone.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  keeps the n referenced as long as the new future lives, so that
 *             the values stay; the caller gets one reference of `*ret`.
 * Returns:    0; -EINVAL for `any` of none; -ENOMEM. */
THRUM_API THRUM_MUST_USE int thrum_future_all(thrum_future *const *futures,
                                              size_t n, thrum_future **ret);
THRUM_API THRUM_MUST_USE int thrum_future_any(thrum_future *const *futures,
                                              size_t n, thrum_future **ret);

typedef enum thrum_wait_mode {
    THRUM_FIRST_COMPLETED = 1, /* any has settled */
    THRUM_FIRST_EXCEPTION,     /* any has an error, or all have settled; a
                                * cancellation is no error here (F32) */
    THRUM_ALL_COMPLETED,
} thrum_wait_mode;

/* Waits for several futures, of any executors. A deadline that passes is no
 * error: the count tells how far it came (F33).
 *
 * Call from:  as thrum_future_result().
 * Blocks:     to `deadline`.
 * Ownership:  borrows all.
 * Returns:    how many different ones are done, 0 for none of none; -EINVAL
 *             for another mode, also when all are done (F35); -ENOMEM; of the
 *             wait itself -ECANCELED, -EDEADLK, -ECHILD, THRUM_ECONTEXT. */
THRUM_API THRUM_MUST_USE int thrum_wait(thrum_future *const *futures, size_t n,
                                        thrum_wait_mode mode,
                                        thrum_time deadline);

/* A set of futures that gives them back as they settle: the way to wait for
 * "the next of many", again and again, at O(1) each.
 *
 *     thrum_future_set *set;
 *     thrum_future *f;
 *     rc = thrum_as_completed(futures, n, &set);
 *     while ((rc = thrum_future_set_next(set, deadline, &f)) == 0) {
 *         use(f);
 *         thrum_future_unref(f);
 *     }
 *     thrum_future_set_free(set);
 */
typedef struct thrum_future_set thrum_future_set; /* opaque, one owner */

/* Makes an empty set; frees one: what is left in it is let go, not cancelled.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  the caller owns the set.
 * Returns:    0 or -ENOMEM. */
THRUM_API THRUM_MUST_USE int thrum_future_set_new(thrum_future_set **ret);
THRUM_API void thrum_future_set_free(thrum_future_set *set);

/* Adds a future, settled or not. Adding one twice gives it back twice.
 *
 * Call from:  any thread or greenlet, also while another waits in next.
 * Blocks:     no.
 * Ownership:  the set keeps a reference until it gives the future back.
 * Returns:    0; -ENOMEM; -ECHILD in a forked child. */
THRUM_API THRUM_MUST_USE int thrum_future_set_add(thrum_future_set *set,
                                                  thrum_future *future);

/* Gives back one that has settled, oldest first; waits for one if need be.
 *
 * Call from:  as thrum_future_result(); several threads may share a set.
 * Blocks:     to `deadline`; what has settled already comes also past it.
 * Ownership:  the caller gets the set's reference.
 * Returns:    0 and the future; THRUM_ESTOP when the set is empty; -ETIMEDOUT
 *             and the other codes of the wait. */
THRUM_API THRUM_MUST_USE int thrum_future_set_next(thrum_future_set *set,
                                                   thrum_time deadline,
                                                   thrum_future **ret);

/* How many are in the set, settled or not.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    the number. */
THRUM_API size_t thrum_future_set_size(thrum_future_set *set);

/* A descriptor that polls as readable while next would return at once: for
 * programs that have an event loop of their own. Read nothing from it.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  the set's, closed by its free; made at the first call.
 * Returns:    the descriptor, -errno (-EMFILE, ...) when there is none. */
THRUM_API THRUM_MUST_USE int thrum_future_set_fd(thrum_future_set *set);

/* A set with these futures, each of them once, as concurrent.futures'
 * as_completed. Give every next the same deadline to count from here (F41).
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  the caller owns the set; it references each future.
 * Returns:    0; -ENOMEM; -ECHILD in a forked child. */
THRUM_API THRUM_MUST_USE int thrum_as_completed(thrum_future *const *futures,
                                                size_t n,
                                                thrum_future_set **ret);

THRUM_AUTO_TYPE(thrum_future, thrum_future_unref)
THRUM_AUTO_TYPE(thrum_future_set, thrum_future_set_free)

THRUM_END_DECLS

#endif /* THRUM_FUTURE_H */
