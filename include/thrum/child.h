/* SPDX-License-Identifier: MIT */
/*
 * thrum/child.h - child processes and signals, waited for.
 *
 * A child is waited for by a pidfd and signals by a signalfd: no handler is
 * installed, and SIGCHLD is left to the program.
 */
#ifndef THRUM_CHILD_H
#define THRUM_CHILD_H

#include <thrum/base.h>

THRUM_BEGIN_DECLS

/* Waits for the end of a child, and reaps it.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until it has ended; cancellable.
 * Ownership:  fills in `*status`, as waitpid(2); NULL is allowed.
 * Returns:    0; -ECHILD: no child of this process, or somebody else has reaped
 *             it; -EINVAL for a number that is no process; -EMFILE, -ENFILE; of
 *             the wait -ETIMEDOUT, -ECANCELED, -EDEADLK, THRUM_ECONTEXT. */
THRUM_API THRUM_MUST_USE int thrum_waitpid(int pid, int *status,
                                           thrum_time deadline);

/* Waits for one of these signals, and takes it. The caller has blocked them, in
 * every thread of the process: pthread_sigmask(3) before others are started.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until one has come; cancellable.
 * Ownership:  borrows the array.
 * Returns:    the number of the signal; -EINVAL for one that is none; -EMFILE,
 *             -ENFILE; of the wait -ETIMEDOUT, -ECANCELED, -EDEADLK,
 *             THRUM_ECONTEXT. */
THRUM_API THRUM_MUST_USE int thrum_signal_wait(const int *signals, size_t n,
                                               thrum_time deadline);

THRUM_END_DECLS

#endif /* THRUM_CHILD_H */
