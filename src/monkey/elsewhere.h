/* SPDX-License-Identifier: MIT */
/*
 * monkey/elsewhere.h - originals that block, called in a thread of the offload
 * pool while the caller waits as greenlets do.
 *
 * A call that ends soon by itself has its arguments and its result on the
 * caller's stack, and the caller waits for it whatever happens: a kill or a
 * deadline is delivered to its next wait.
 *
 *     struct stat_call {
 *         const char *path;
 *         struct stat *into;
 *         int rc;
 *     };
 *
 *     static void stat_run(void *arg)
 *     {
 *         struct stat_call *call = arg;
 *
 *         call->rc = thrumi_original.stat(call->path, call->into);
 *     }
 *
 *     thrumi_elsewhere(stat_run, &call);
 *     return call.rc;
 *
 * One that may take for ever is a job on the heap with copies of all that it
 * reads, and room for what it writes. It belongs to the caller and to the thread,
 * and the last of them frees it; so a wait that is ended leaves it behind.
 *
 *     struct ask_job {
 *         struct thrumi_job job; (the first member)
 *         ...
 *     };
 *
 *     struct ask_job *ask = thrumi_job_new(sizeof(*ask), ask_run, ask_drop);
 *     rc = thrumi_job_wait(&ask->job);
 *     if (rc == 0)
 *         take the result out of it
 *     thrumi_job_unref(&ask->job);
 *
 * In both the caller's errno is what the original finds and leaves. Where there
 * is no thread to be had the call is made in the caller's.
 */
#ifndef THRUMI_MONKEY_ELSEWHERE_H
#define THRUMI_MONKEY_ELSEWHERE_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Calls fn(arg) elsewhere. It has returned, once, when this has. */
void thrumi_elsewhere(void (*fn)(void *arg), void *arg);

/* Does a code of Thrum's calls on files say that nobody was found who could wait
 * for the disk? Then it is waited for where the call was made. */
static inline bool thrumi_elsewhere_nobody(int64_t code)
{
    return code == -EAGAIN || code == -EDEADLK;
}

struct thrumi_job {
    atomic_uint refs;
    int error;   /* errno: what run finds, and leaves */
    bool always; /* to be set by who makes it: it runs whatever happens */
    void (*run)(struct thrumi_job *job);
    void (*drop)(
        struct thrumi_job *job); /* frees what it has, but not itself */
};

/* A job of that many bytes, zeroed but for its head; NULL without memory. `drop`
 * may be NULL, and is called in the thread of whoever comes last. */
void *thrumi_job_new(size_t size, void (*run)(struct thrumi_job *job),
                     void (*drop)(struct thrumi_job *job));

/* Runs the job elsewhere, once. Returns 0 when it has run; -ECANCELED or
 * -ETIMEDOUT when the wait was ended before: it may run now, or later, or (unless
 * always) never, and nothing in it may be looked at any more. */
int thrumi_job_wait(struct thrumi_job *job);

/* The caller's last word on a job. */
void thrumi_job_unref(struct thrumi_job *job);

#endif /* THRUMI_MONKEY_ELSEWHERE_H */
