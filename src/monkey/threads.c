/* SPDX-License-Identifier: MIT */
/*
 * monkey/threads.c - the end of a thread, and barriers.
 *
 * Whether a thread has ended pthread_tryjoin_np() tells, which nothing announces:
 * so it is looked at again and again, as in the lot. A barrier counts threads and
 * has no try; the wait is made by a thread of the offload pool in the greenlet's
 * place, so that no more can wait than that pool has threads.
 */
#include <errno.h>
#include <threads.h>

#include "monkey/elsewhere.h"
#include "monkey/hooks.h"
#include "monkey/lot.h"
#include "monkey/span.h"

struct threads_join {
    pthread_t thread;
    void *result;
};

static int threads_try_join(void *arg)
{
    struct threads_join *join = arg;

    return pthread_tryjoin_np(join->thread, &join->result);
}

static int threads_join(pthread_t thread, void **ret, thrum_time deadline)
{
    struct threads_join join = {thread, NULL};
    int rc;

    if (pthread_equal(thread, pthread_self()))
        return EDEADLK;
    rc = thrumi_lot_take(&join, threads_try_join, deadline);
    if (rc == 0 && ret != NULL)
        *ret = join.result;
    return rc;
}

int thrumi_hook_pthread_join(pthread_t thread, void **ret)
{
    if (thrumi_monkey_outside())
        return thrumi_original.pthread_join(thread, ret);
    return threads_join(thread, ret, THRUM_FOREVER);
}

int thrumi_hook_pthread_timedjoin_np(pthread_t thread, void **ret,
                                     const struct timespec *at)
{
    if (thrumi_monkey_outside() || (at != NULL && !thrumi_span_is_point(at)))
        return thrumi_original.pthread_timedjoin_np(thread, ret, at);
    return threads_join(thread, ret, thrumi_span_at_clock(CLOCK_REALTIME, at));
}

int thrumi_hook_pthread_clockjoin_np(pthread_t thread, void **ret,
                                     clockid_t clock, const struct timespec *at)
{
    if (thrumi_monkey_outside() ||
        (at != NULL && !thrumi_span_is_point_of(clock, at)))
        return thrumi_original.pthread_clockjoin_np(thread, ret, clock, at);
    return threads_join(thread, ret, thrumi_span_at_clock(clock, at));
}

int thrumi_hook_thrd_join(thrd_t thread, int *ret)
{
    void *result;
    int rc;

    if (thrumi_monkey_outside())
        return thrumi_original.thrd_join(thread, ret);
    rc = threads_join(thread, &result, THRUM_FOREVER);
    if (rc == 0 && ret != NULL)
        *ret = (int)(uintptr_t)result;
    return rc == 0 ? thrd_success : thrd_error;
}

/* ---- barriers ---- */

struct threads_barrier {
    pthread_barrier_t *barrier;
    int rc;
};

static void threads_wait_barrier(void *arg)
{
    struct threads_barrier *wait = arg;

    wait->rc = thrumi_original.pthread_barrier_wait(wait->barrier);
}

int thrumi_hook_pthread_barrier_wait(pthread_barrier_t *barrier)
{
    struct threads_barrier wait = {barrier, 0};

    if (thrumi_monkey_outside())
        return thrumi_original.pthread_barrier_wait(barrier);
    thrumi_elsewhere(threads_wait_barrier, &wait);
    return wait.rc;
}
