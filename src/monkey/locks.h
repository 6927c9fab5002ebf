/* SPDX-License-Identifier: MIT */
/*
 * monkey/locks.h - what the hooks of the lock family share.
 */
#ifndef THRUMI_MONKEY_LOCKS_H
#define THRUMI_MONKEY_LOCKS_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

/* Locks a mutex for the calling greenlet. */
int thrumi_locks_take(pthread_mutex_t *mutex);

/* Takes out of a mask what is blocked for greenlets of the thread that wait for
 * signals. */
void thrumi_signal_leave_out_held(sigset_t *mask);

/* Around a fork. */
void thrumi_once_before_fork(void);
void thrumi_once_after_fork(bool child);
void thrumi_signal_after_fork_in_child(void);

#endif /* THRUMI_MONKEY_LOCKS_H */
