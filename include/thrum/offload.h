/* SPDX-License-Identifier: MIT */
/*
 * thrum/offload.h - blocking code beside the hub.
 *
 * A greenlet that calls something which blocks its thread, and cannot be told
 * not to, holds up all others of that thread. It has the call made by a thread
 * of a pool instead, and waits as greenlets do:
 *
 *     static void *lookup(void *name) { return gethostbyname(name); }
 *
 *     rc = thrum_offload(lookup, name, thrum_in_s(5), &host);
 *
 * There is one such pool in a process, made by the first call. It starts a
 * thread when there is work for it and no other is idle, up to 64 of them, or
 * what THRUM_OFFLOAD_THREADS says; one that has been idle for a while ends. What
 * comes beyond that waits for its turn. A call that offloads from inside of an
 * offloaded one runs in the same thread if no other is free, so it does not wait
 * for its turn.
 */
#ifndef THRUM_OFFLOAD_H
#define THRUM_OFFLOAD_H

#include <thrum/future.h>

THRUM_BEGIN_DECLS

/* Calls fn(arg) in a thread of the pool, and waits for what it returns. That is
 * a plain pointer; what thrum_return() and its like store would be gone with
 * the future.
 *
 * A wait that ends early, by the deadline or a kill, leaves the call as it is:
 * it runs to its end, or is still to begin, and finds thrum_cancelled() true.
 * So what `arg` points to must live until fn has returned, not until this has:
 * let fn free it, where the wait may end early.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     to the deadline, or until fn has returned; cancellable.
 * Ownership:  passes `arg` as it is. `ret` may be NULL.
 * Returns:    0 and the result; THRUM_EFAILED when fn raised: in a task or
 *             greenlet its error is pending then, so that to return NULL fails
 *             with it, and to raise another makes it the cause; else see
 *             thrum_offload_future(). -EINVAL when the result was stored and
 *             not a plain pointer. THRUM_ECANCELLED when fn ended as cancelled.
 *             Of the wait -ETIMEDOUT, -ECANCELED, -EDEADLK. Nothing runs after
 *             -EINVAL without a function, -ENOMEM, -EAGAIN when there is no
 *             thread to be had, and THRUM_ECONTEXT. */
THRUM_API THRUM_MUST_USE int thrum_offload(thrum_fn *fn, void *arg,
                                           thrum_time deadline, void **ret);

/* The same without waiting: the call's future.
 *
 * Call from:  any thread or greenlet; callbacks.
 * Blocks:     no.
 * Ownership:  passes `arg` as it is. The caller gets one reference of `*ret`;
 *             `ret` NULL detaches: an error goes to the handler of
 *             thrum_set_error_handler().
 * Returns:    0; -EINVAL without a function; -ENOMEM; -EAGAIN. */
THRUM_API THRUM_MUST_USE int thrum_offload_future(thrum_fn *fn, void *arg,
                                                  thrum_future **ret);

THRUM_END_DECLS

#endif /* THRUM_OFFLOAD_H */
