/* SPDX-License-Identifier: MIT */
/*
 * sys/look.h - what another thread of this process is doing, seen from outside.
 *
 * Nothing is asked of that thread, which may be stuck: the kernel is asked, and
 * what memory is read is copied in a way that fails instead of faulting.
 */
#ifndef THRUMI_SYS_LOOK_H
#define THRUMI_SYS_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum thrumi_look_state {
    THRUMI_LOOK_UNKNOWN = 0, /* the kernel does not tell */
    THRUMI_LOOK_RUNS,        /* on a CPU, or waits for one */
    THRUMI_LOOK_IN_CALL,     /* sleeps in a system call */
    THRUMI_LOOK_SLEEPS,      /* sleeps, but in none: for a page */
};

struct thrumi_look {
    enum thrumi_look_state state;
    long call;    /* which, of IN_CALL */
    uintptr_t sp; /* of IN_CALL and SLEEPS, or 0 */
    uintptr_t pc;
};

/* The calling thread's number in the kernel. */
int thrumi_thread_number(void);
void thrumi_look_at(int thread, struct thrumi_look *ret);
/* How much CPU time it has used, in ns; 0: unknown. */
int64_t thrumi_look_cpu_ns(int thread);
/* "poll", or "system call 1234". */
void thrumi_look_call_name(long call, char *text, size_t size);

/* Copies what can be read of [from, from + size), up to about 124 KiB; how
 * much, from its start. */
size_t thrumi_look_copy(uintptr_t from, void *to, size_t size);
/* The addresses in a copy of a stack that may be those of frames that called
 * what stands there now: each lies in code, behind a call. Some may be left
 * from calls that are over. The innermost first; how many. */
int thrumi_look_frames(const void *copy, size_t size, void **frames, int max);

#endif /* THRUMI_SYS_LOOK_H */
