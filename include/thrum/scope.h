/* SPDX-License-Identifier: MIT */
/*
 * thrum/scope.h - tasks that do not outlive the block that started them.
 *
 * A scope waits for whatever was submitted in it. The first of its tasks that
 * fails cancels the others: those that have not begun never run, those that
 * run find thrum_cancelled() true.
 *
 *     thrum_scope *scope;
 *     rc = thrum_scope_new(thrum_in_s(5), &scope);
 *     rc = thrum_scope_submit(scope, pool, get, a, 0, NULL);
 *     rc = thrum_scope_submit(scope, pool, get, b, 0, NULL);
 *     rc = thrum_scope_close(scope);
 */
#ifndef THRUM_SCOPE_H
#define THRUM_SCOPE_H

#include <thrum/executor.h>

THRUM_BEGIN_DECLS

typedef struct thrum_scope thrum_scope; /* opaque, one owner */

/* Opens a scope. What is not done by `deadline` is cancelled by whoever waits.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  the caller owns the scope.
 * Returns:    0 or -ENOMEM. */
THRUM_API THRUM_MUST_USE int thrum_scope_new(thrum_time deadline,
                                             thrum_scope **ret);

/* Submits a task that belongs to the scope, on any executor.
 *
 * Call from:  any thread or greenlet, the scope's own tasks included.
 * Blocks:     as thrum_executor_submit().
 * Ownership:  the caller gets one reference of `*ret`, unless it is NULL.
 * Returns:    as thrum_executor_submit(); THRUM_ECLOSED once the scope was
 *             cancelled, by a failure or by hand. */
THRUM_API THRUM_MUST_USE int
thrum_scope_submit(thrum_scope *scope, thrum_executor *executor, thrum_fn *fn,
                   const void *arg, size_t size, thrum_future **ret);

/* Cancels what is in the scope: pending tasks at once, running ones are asked.
 *
 * Call from:  any thread or greenlet, the scope's own tasks included.
 * Blocks:     no, but for callbacks.
 * Ownership:  borrows.
 * Returns:    nothing. */
THRUM_API void thrum_scope_cancel(thrum_scope *scope);

/* Waits until every task of the scope has settled.
 *
 * Call from:  the owner; not from the scope's own tasks.
 * Blocks:     until all have settled: a running task is waited for also past
 *             the deadline, since it may use what the scope's owner owns.
 * Ownership:  borrows.
 * Returns:    0; the code of the first task's error; THRUM_ECANCELLED when it
 *             was cancelled by hand and nothing failed; -ETIMEDOUT when the
 *             deadline cancelled it; of the wait -ECANCELED, -EDEADLK,
 *             THRUM_ECONTEXT: then tasks may still run. */
THRUM_API THRUM_MUST_USE int thrum_scope_wait(thrum_scope *scope);

/* The first error of the scope's tasks.
 *
 * Call from:  the owner, after a wait.
 * Blocks:     no.
 * Ownership:  borrowed until close.
 * Returns:    the error, or NULL. */
THRUM_API const thrum_error *thrum_scope_error(thrum_scope *scope);

/* Waits as thrum_scope_wait(), and ends the scope. When the wait itself fails
 * the scope is cancelled and its tasks are let go.
 *
 * Call from:  the owner; not from the scope's own tasks.
 * Blocks:     as thrum_scope_wait().
 * Ownership:  takes the scope; NULL is allowed and is 0.
 * Returns:    as thrum_scope_wait(). */
THRUM_API int thrum_scope_close(thrum_scope *scope);

THRUM_END_DECLS

#endif /* THRUM_SCOPE_H */
