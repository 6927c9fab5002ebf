/* SPDX-License-Identifier: MIT */
/*
 * thrum/promise.h - the side of a future that settles it.
 *
 * For code that has its own way to run things (an event loop, a device, a
 * protocol) and wants to hand out futures for them. Only the promise settles.
 *
 *     thrum_promise *promise;
 *     thrum_future *future;
 *     rc = thrum_promise_new(&promise, &future);
 *     ... give `future` away, and later, once ...
 *     thrum_promise_set_result(promise, answer);
 *     thrum_promise_free(promise);
 */
#ifndef THRUM_PROMISE_H
#define THRUM_PROMISE_H

#include <thrum/base.h>
#include <thrum/future.h>

THRUM_BEGIN_DECLS

typedef struct thrum_promise thrum_promise; /* opaque, one owner */

/* Makes a pending future and the promise that settles it.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  the caller owns the promise and one reference of the future.
 * Returns:    0 or -ENOMEM. */
THRUM_API THRUM_MUST_USE int thrum_promise_new(thrum_promise **ret_promise,
                                               thrum_future **ret_future);

/* Lets the promise go. An unsettled future fails with THRUM_EBROKEN, so that
 * nobody waits for it for ever.
 *
 * Call from:  any thread or greenlet, callbacks included.
 * Blocks:     no, but for the callbacks.
 * Ownership:  takes the promise; NULL is allowed.
 * Returns:    nothing. */
THRUM_API void thrum_promise_free(thrum_promise *promise);

/* Says that the work begins: from here on it cannot be cancelled.
 *
 * Call from:  the promise's owner.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    true: it runs now; false: it was cancelled before, do not begin.
 *             Called twice, or on a finished future: aborts (F16). */
THRUM_API THRUM_MUST_USE bool
thrum_promise_set_running_or_notify_cancel(thrum_promise *promise);

/* Settles the future with a value, and runs its callbacks. `_copy` copies n
 * bytes which the future owns; `_owned` frees `value` at the last unref.
 *
 * Call from:  the promise's owner; legal straight from pending (F15).
 * Blocks:     no, but for the callbacks.
 * Ownership:  a plain `value` is passed as it is.
 * Returns:    0; THRUM_ESTATE if settled before: the first outcome stays (F14),
 *             an owned `value` stays the caller's; -ENOMEM for a copy. */
THRUM_API int thrum_promise_set_result(thrum_promise *promise, void *value);
THRUM_API int thrum_promise_set_result_copy(thrum_promise *promise,
                                            const void *buf, size_t n);
THRUM_API int thrum_promise_set_result_owned(thrum_promise *promise,
                                             void *value,
                                             void (*free_fn)(void *));

/* Settles the future with an error, and runs its callbacks.
 *
 * Call from:  the promise's owner; legal straight from pending.
 * Blocks:     no, but for the callbacks.
 * Ownership:  the message is formatted and copied.
 * Returns:    0; THRUM_ESTATE if settled before; -EINVAL if `code` is not
 *             negative. Out of memory loses the message, never the code. */
THRUM_API int thrum_promise_set_exception(thrum_promise *promise, int code,
                                          const char *format, ...)
    THRUM_PRINTF(3, 4);

/* The promise's future, to look at: has anybody asked it to stop?
 *
 * Call from:  the promise's owner.
 * Blocks:     no.
 * Ownership:  `future` is borrowed from the promise.
 * Returns:    the future; whether thrum_future_request_cancel() was called. */
THRUM_API thrum_future *thrum_promise_future(thrum_promise *promise);
THRUM_API bool thrum_promise_cancel_requested(const thrum_promise *promise);

THRUM_AUTO_TYPE(thrum_promise, thrum_promise_free)

THRUM_END_DECLS

#endif /* THRUM_PROMISE_H */
