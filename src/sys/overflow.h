/* SPDX-License-Identifier: MIT */
/*
 * sys/overflow.h - telling of a stack overflow before the process dies of it.
 */
#ifndef THRUMI_SYS_OVERFLOW_H
#define THRUMI_SYS_OVERFLOW_H

#include <stdbool.h>

#include "sys/stack.h"

/* Writes whose stack it is; called in a signal handler. */
typedef void thrumi_overflow_tell(const struct thrumi_stack *stack, int fd);

/* Sets the handler of SIGSEGV, or puts the one before back. 0 or -errno. */
int thrumi_overflow_set(bool on, thrumi_overflow_tell *tell);

/* A thread begins or ends to use stacks of ours: it gets a stack for signals,
 * if the handler is set and it has none. */
void thrumi_overflow_thread_begins(void);
void thrumi_overflow_thread_ends(void);

#endif /* THRUMI_SYS_OVERFLOW_H */
