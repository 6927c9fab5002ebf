/* SPDX-License-Identifier: MIT */
/*
 * sys/thread.h - OS threads: starting, naming, ending.
 */
#ifndef THRUMI_SYS_THREAD_H
#define THRUMI_SYS_THREAD_H

/* pthread_cleanup_push() as it is without exceptions: it is found also when the
 * stack cannot be unwound, through a program's code without unwind tables. */
#undef __EXCEPTIONS
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct thrumi_thread_options {
    size_t stack_size;   /* 0: the system's default */
    const int *affinity; /* CPUs, or NULL */
    size_t affinity_count;
    const sigset_t *mask; /* the thread's signal mask; NULL: the caller's */
};

/* Starts a joinable thread. Returns 0 or -errno. */
int thrumi_thread_start(pthread_t *ret, const struct thrumi_thread_options *,
                        void *(*fn)(void *), void *arg);

/* Names the calling thread "<prefix>_<n>"; the kernel keeps 15 characters, and
 * the number is kept whole. */
void thrumi_thread_set_name(const char *prefix, unsigned n);

/* The caller's signal mask, with all asynchronous signals added if asked. */
void thrumi_thread_mask(sigset_t *ret, bool block_all);

/* pthread_setcancelstate(): what it was before. */
int thrumi_thread_set_cancel(int state);

/* The calling thread's stack; NULL and NULL if it is not known. */
struct thrumi_thread_stack {
    const char *low;
    const char *high;
};

struct thrumi_thread_stack thrumi_thread_stack(void);

/* May a thread of this process run on that CPU? -EINVAL if it is none. */
int thrumi_thread_check_affinity(const int *cpus, size_t count);

/* How many threads the process has; 0: it cannot be told. */
unsigned thrumi_thread_count(void);

/* Lets another thread have the CPU. */
void thrumi_thread_yield(void);

/* Has `fn` called when the calling thread ends. One `fn` for the process. */
void thrumi_thread_at_end(void (*fn)(void *), void *arg);

#endif /* THRUMI_SYS_THREAD_H */
