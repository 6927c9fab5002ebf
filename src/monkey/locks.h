/* SPDX-License-Identifier: MIT */
/*
 * monkey/locks.h - what the hooks of the lock family share.
 */
#ifndef THRUMI_MONKEY_LOCKS_H
#define THRUMI_MONKEY_LOCKS_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include <thrum/base.h>

/* A point of that clock as a deadline; NULL is none. */
thrum_time thrumi_locks_deadline(clockid_t clock, const struct timespec *at);
/* Is it one? Else it is for libc to say what is wrong with it. */
bool thrumi_locks_is_time(const struct timespec *at);

/* Locks a mutex for the calling greenlet. */
int thrumi_locks_take(pthread_mutex_t *mutex);

/* Around a fork. */
void thrumi_once_before_fork(void);
void thrumi_once_after_fork(void);

#endif /* THRUMI_MONKEY_LOCKS_H */
