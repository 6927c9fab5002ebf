/* SPDX-License-Identifier: MIT */
/*
 * sys/dispatch.h - each system call of a thread, before it is made.
 *
 * By Syscall User Dispatch (Linux 5.11, x86-64). For tests: each call costs two
 * signals. The signals SIGSYS and SIGTRAP are taken, and in a thread that is
 * looked at they are never blocked, whatever it asks for.
 */
#ifndef THRUMI_SYS_DISPATCH_H
#define THRUMI_SYS_DISPATCH_H

#include <stdatomic.h>
#include <stdbool.h>

struct thrumi_dispatched {
    long number;
    long args[6];
    const void *pc; /* behind the instruction */
};

/* In a handler of SIGSYS, on the stack of the caller: it may make system calls,
 * and nothing of what it does is seen. */
typedef void thrumi_dispatch_fn(const struct thrumi_dispatched *call);

/* Is anybody looking? */
extern atomic_bool thrumi_dispatch_wanted;

/* Takes the signals, and looks at the calling thread from now on; 0, or why
 * not: -EINVAL from an older kernel, -ENOTSUP. */
int thrumi_dispatch_start(thrumi_dispatch_fn *fn);
/* Nobody looks any more. The signals stay taken, and calls of the threads that
 * were looked at slow: who left while another took the signals would be ended. */
void thrumi_dispatch_stop(void);

/* Looks at the calling thread, too, from now on; again after a signal handler
 * was left by a jump. */
void thrumi_dispatch_here(void);

#endif /* THRUMI_SYS_DISPATCH_H */
