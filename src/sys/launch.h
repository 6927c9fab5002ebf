/* SPDX-License-Identifier: MIT */
/*
 * sys/launch.h - starting a process that the program does not see: it is no
 * child of it, no wait finds it, and no SIGCHLD comes from it.
 */
#ifndef THRUMI_SYS_LAUNCH_H
#define THRUMI_SYS_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>

struct thrumi_launch {
    const char *path;         /* the program, and what it gets */
    char *const *arguments;   /* NULL at the end */
    char *const *environment; /* likewise */
    void (*run)(void *arg);   /* instead of a program: a copy of this process */
    void *arg;                /*   that calls it; it does not return */
    int keep;                 /* a descriptor that it has, as number 3 */
};

#define THRUMI_LAUNCH_FD 3

/* Returns a descriptor of the process (see sys/pidfd.h), or -errno. Apart from
 * `keep` and the standard three it has no descriptors of ours. */
int thrumi_launch(const struct thrumi_launch *launch);

/* Becomes the program of this process, run anew, with one variable more; in a
 * process with one thread. Returns only if that cannot be. */
void thrumi_launch_become(const char *variable, int keep);

/* The path of the running program, for a launch. */
#define THRUMI_LAUNCH_SELF "/proc/self/exe"
/* Is it a file that may be run? */
bool thrumi_launch_may_run(const char *path);
/* What the program was called as. */
const char *thrumi_launch_name(void);
/* A copy of the environment with `more` (NULL at the end, or NULL) put over it
 * and one more variable; in one block, to be freed. NULL without memory. */
char **thrumi_launch_environment(const char *const *more, const char *last);

/* How many threads this process has. */
unsigned thrumi_launch_threads(void);

#endif /* THRUMI_SYS_LAUNCH_H */
