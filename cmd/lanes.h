/* SPDX-License-Identifier: MIT */
/*
 * lanes.h - who fetched it: the lanes of a timeline.
 *
 * A lane is a thread, a greenlet or a process, as the executor has them.
 */
#ifndef LANES_H
#define LANES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lane {
    bool taken;    /* by a greenlet */
    int pid;       /* of the process whose it is, or was; 0: nobody's yet */
    long peak_kib; /* the most that was resident of any of its processes */
};

struct lanes {
    int64_t run;       /* tells this run from others */
    atomic_int next;   /* thread's */
    struct lane *each; /* the main thread's alone */
    size_t n;
    int untaken; /* all lanes below it are taken */
};

/* 0 or -ENOMEM; lanes_fini() may be called after it in any case. */
int lanes_init(struct lanes *lanes, int64_t run, size_t n);
void lanes_fini(struct lanes *lanes);

/* The calling thread's: the next one when it asks first in this run. */
int lanes_of_thread(struct lanes *lanes);

/* The first that is free; and gives it back. In the main thread. */
int lanes_take(struct lanes *lanes);
void lanes_release(struct lanes *lanes, int lane);

/* The lane of a process, and how much memory it had, if that is known. It keeps
 * its lane; a new one gets the first that is nobody's, or whose process is
 * gone. In the main thread. */
int lanes_of_process(struct lanes *lanes, int pid, long peak_kib);

/* The most that the processes had at a time, if they had it at the same time:
 * their sum; 0 if there were none. */
long lanes_peak_kib(const struct lanes *lanes);

#endif /* LANES_H */
