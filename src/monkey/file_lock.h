/* SPDX-License-Identifier: MIT */
/*
 * monkey/file_lock.h - the part of fcntl() that waits.
 */
#ifndef THRUMI_MONKEY_FILE_LOCK_H
#define THRUMI_MONKEY_FILE_LOCK_H

#include <stdbool.h>

/* Is it a command that waits for a lock? */
bool thrumi_lock_is_wait(int command);

/* The call, for a greenlet: 0 or -1 and errno. */
int thrumi_lock_wait(int fd, int command, void *lock);

#endif /* THRUMI_MONKEY_FILE_LOCK_H */
