/* SPDX-License-Identifier: MIT */
/*
 * monkey/locks.h - what the hooks of the lock family share.
 */
#ifndef THRUMI_MONKEY_LOCKS_H
#define THRUMI_MONKEY_LOCKS_H

#include <pthread.h>

/* Locks a mutex for the calling greenlet. */
int thrumi_locks_take(pthread_mutex_t *mutex);

/* Around a fork. */
void thrumi_once_before_fork(void);
void thrumi_once_after_fork(void);

#endif /* THRUMI_MONKEY_LOCKS_H */
