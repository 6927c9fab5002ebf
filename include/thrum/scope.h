/* SPDX-License-Identifier: MIT */
/*
 * thrum/scope.h - blocks that bound what runs in them: tasks, and time.
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
 *
 * A block with a deadline bounds every wait inside of it, also those of
 * functions that know nothing of it: past the deadline each returns -ETIMEDOUT,
 * until the block is left. Blocks nest, and the one that ended a wait says so.
 *
 *     THRUM_WITH_DEADLINE(limit, thrum_in_ms(250)) {
 *         rc = ask(server, &answer);
 *     }
 *     if (thrum_expired(&limit))
 *         return thrum_raise(rc, "the server is too slow");
 *
 * THRUM_SHIELD { ... } hides a block from what is outside of it: neither a kill
 * nor an outer deadline ends its waits.
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

/* Cancels what is in the scope: pending tasks at once, running ones are asked,
 * which ends the waits of those that are greenlets.
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

/* ---- deadlines and shields of a block ---- */

/* A block's deadline or shield. The library's own, but for its storage. */
typedef struct thrum_guard thrum_guard;
struct thrum_guard {
    thrum_guard *outer;
    struct thrumi_context *context;
    thrum_time deadline;
    bool shield;
    bool expired;
};

#define THRUM_PASTE_(a, b) a##b
#define THRUM_PASTE(a, b)  THRUM_PASTE_(a, b)

/* Runs the block that follows with a deadline; `name` is declared, and may be
 * asked with thrum_expired(&name) inside of the block and after it. The block
 * may be left by break, return and goto alike, not by longjmp(). It bounds the
 * thread, greenlet or generator that runs it, and no task that it submits.
 * Nothing is waited for when the deadline passes, and nothing is undone: the
 * waits inside return -ETIMEDOUT, each after the other greenlets had a turn.
 * THRUM_FOREVER never ends anything (S10). */
#define THRUM_WITH_DEADLINE(name, deadline)                         \
 thrum_guard name;                                                  \
 for (thrum_guard * THRUM_PASTE(thrum_guard_, __LINE__)             \
                        __attribute__((cleanup(thrum_guard_end))) = \
          thrum_guard_begin(&name, deadline);                       \
      THRUM_PASTE(thrum_guard_, __LINE__) != NULL;                  \
      thrum_guard_end(&THRUM_PASTE(thrum_guard_, __LINE__)))

/* Runs the block that follows out of reach of a kill, and of the deadlines of
 * blocks outside: for what must not be left half done. What was held back is
 * delivered to the first wait after it. */
#define THRUM_SHIELD                                                 \
 for (thrum_guard THRUM_PASTE(thrum_shield_, __LINE__),              \
      *THRUM_PASTE(thrum_guard_, __LINE__)                           \
          __attribute__((cleanup(thrum_guard_end))) =                \
          thrum_guard_shield(&THRUM_PASTE(thrum_shield_, __LINE__)); \
      THRUM_PASTE(thrum_guard_, __LINE__) != NULL;                   \
      thrum_guard_end(&THRUM_PASTE(thrum_guard_, __LINE__)))

/* Did the block's own deadline end a wait?
 *
 * Call from:  where the block's name can be seen.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    whether it did: false when an inner or outer one was earlier, or
 *             when it has passed and nothing waited. */
THRUM_API bool thrum_expired(const thrum_guard *guard);

/* What the macros call: a deadline or shield begins in the caller, and ends.
 *
 * Call from:  any thread or greenlet; ends where it began.
 * Blocks:     no.
 * Ownership:  the storage is the caller's until the end.
 * Returns:    begin: the guard. */
THRUM_API thrum_guard *thrum_guard_begin(thrum_guard *guard,
                                         thrum_time deadline);
THRUM_API thrum_guard *thrum_guard_shield(thrum_guard *guard);
THRUM_API void thrum_guard_end(thrum_guard **guard);

THRUM_END_DECLS

#endif /* THRUM_SCOPE_H */
