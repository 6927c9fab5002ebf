/* SPDX-License-Identifier: MIT */
/*
 * pool/admission.h - the limit of a bounded queue, and waiting for room.
 */
#ifndef THRUMI_POOL_ADMISSION_H
#define THRUMI_POOL_ADMISSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <thrum/thread_pool.h>

#include "base/list.h"
#include "sys/mutex.h"

struct thrumi_admission {
    uint64_t limit; /* 0: none, and nothing is counted */
    _Atomic uint64_t inside;
    atomic_uint waiting; /* length of the list */
    struct thrumi_mutex lock;
    struct thrumi_link waiters; /* guarded by lock; oldest first */
    int closed;                 /* guarded by lock; 0, or why */
};

void thrumi_admission_init(struct thrumi_admission *admission, uint64_t limit);

/* Takes one place also when there is none: what a task submits is not held up
 * by the limit, but it leaves as all others do. */
void thrumi_admission_enter(struct thrumi_admission *admission);
/* What the policy says: takes a place, waiting for it if that is it, 0; or 1
 * when the caller is to run the task; or why not: -ETIMEDOUT, why it was closed,
 * or a code of the wait. `block_ns`: how long to wait; 0: for ever. */
int thrumi_admission_admit(struct thrumi_admission *admission,
                           thrum_queue_policy policy, int64_t block_ns);
/* Gives a place back. */
void thrumi_admission_leave(struct thrumi_admission *admission);
/* Sends all who wait away, now and later. */
void thrumi_admission_close(struct thrumi_admission *admission, int code);

#endif /* THRUMI_POOL_ADMISSION_H */
