/* SPDX-License-Identifier: MIT */
/*
 * monkey/file_lock.c - flock, lockf and the locks of fcntl.
 *
 * There is no descriptor that tells when a lock is free, and one that a thread
 * waits for could not be given up when its greenlet is killed. So it is asked
 * for without waiting, time and again (P41).
 *
 * Whose a lock is stays the system's affair: those of flock() and F_OFD_SETLKW
 * are the open file's, and exclude greenlets that have opened it each for itself;
 * those of lockf() and F_SETLKW are the process's, so that between greenlets they
 * exclude nothing. The kernel does not see who waits, and EDEADLK is never told.
 */
#include "monkey/file_lock.h"

#include <errno.h>
#include <sys/file.h>

#include "monkey/again.h"
#include "monkey/hooks.h"

struct lock_ask {
    int fd;
    int command;
    off_t length; /* lockf */
    void *lock;   /* fcntl */
};

/* Somebody has it: the name of that is another for each call, and system. */
static int64_t lock_result(int rc)
{
    if (rc >= 0)
        return rc;
    return errno == EACCES ? -EAGAIN : -errno;
}

static int64_t lock_try_flock(void *arg)
{
    const struct lock_ask *ask = arg;

    return lock_result(thrumi_original.flock(ask->fd, ask->command));
}

static int64_t lock_try_lockf(void *arg)
{
    const struct lock_ask *ask = arg;

    return lock_result(thrumi_original.lockf(ask->fd, F_TLOCK, ask->length));
}

static int64_t lock_try_fcntl(void *arg)
{
    const struct lock_ask *ask = arg;

    return lock_result(thrumi_original.fcntl(ask->fd, ask->command, ask->lock));
}

int thrumi_hook_flock(int fd, int operation)
{
    struct lock_ask ask = {.fd = fd, .command = operation | LOCK_NB};

    if (thrumi_monkey_outside() || (operation & (LOCK_NB | LOCK_UN)) != 0)
        return thrumi_original.flock(fd, operation);
    return (int)thrumi_to_errno(thrumi_again(lock_try_flock, &ask));
}

int thrumi_hook_lockf(int fd, int command, off_t length)
{
    struct lock_ask ask = {.fd = fd, .length = length};

    if (thrumi_monkey_outside() || command != F_LOCK)
        return thrumi_original.lockf(fd, command, length);
    return (int)thrumi_to_errno(thrumi_again(lock_try_lockf, &ask));
}

bool thrumi_lock_is_wait(int command)
{
    return command == F_SETLKW || command == F_OFD_SETLKW;
}

int thrumi_lock_wait(int fd, int command, void *lock)
{
    struct lock_ask ask = {.fd = fd,
                           .command =
                               command == F_SETLKW ? F_SETLK : F_OFD_SETLK,
                           .lock = lock};

    return (int)thrumi_to_errno(thrumi_again(lock_try_fcntl, &ask));
}
