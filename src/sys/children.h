/* SPDX-License-Identifier: MIT */
/*
 * sys/children.h - what a process does that has no work but to start others of
 * its kind, and to tell of their ends.
 */
#ifndef THRUMI_SYS_CHILDREN_H
#define THRUMI_SYS_CHILDREN_H

#include <stdbool.h>

/* How a process ended. */
struct thrumi_ending {
    int pid;
    int signal;    /* that killed it, or 0 */
    int exit_code; /* that it ended with */
};

/* Blocks all signals, and forgets what the program did about them. Returns a
 * descriptor that is readable when a child has ended, or -errno. */
int thrumi_children_watch(void);
void thrumi_children_clear(int watch);

/* Copies this process: the number of the child, 0 in it, or -errno. */
int thrumi_children_fork(void);
/* Takes the remains of one that has ended; false if none has. */
bool thrumi_children_reap(struct thrumi_ending *ret);

/* In a child: it ends with its parent, which has one thread; no signal is
 * blocked; standard input is empty. False when the parent has ended already. */
bool thrumi_children_born(int parent);
/* All signals do what they do at the beginning of a program. */
void thrumi_children_forget(void);
int thrumi_children_self(void);
/* Names the process in lists of processes. */
void thrumi_children_name(const char *name, unsigned n);

/* Writes out what the program has left in stdio's buffers. */
void thrumi_children_flush(void);
/* Ends the process at once: no handlers of exit. */
__attribute__((noreturn)) void thrumi_children_exit(int code);

#endif /* THRUMI_SYS_CHILDREN_H */
