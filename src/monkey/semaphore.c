/* SPDX-License-Identifier: MIT */
/*
 * monkey/semaphore.c - sem_t: taken by its own try, and waited for in the lot.
 */
#include <errno.h>

#include "monkey/hooks.h"
#include "monkey/lot.h"
#include "monkey/span.h"

static int semaphore_try(void *semaphore)
{
    int error = errno;

    if (sem_trywait(semaphore) == 0)
        return 0;
    if (errno != EAGAIN)
        return errno;
    errno = error;
    return EBUSY;
}

static int semaphore_take(sem_t *semaphore, thrum_time deadline)
{
    return (int)thrumi_to_errno(
        -thrumi_lot_take(semaphore, semaphore_try, deadline));
}

int thrumi_hook_sem_wait(sem_t *semaphore)
{
    if (thrumi_monkey_outside())
        return thrumi_original.sem_wait(semaphore);
    return semaphore_take(semaphore, THRUM_FOREVER);
}

int thrumi_hook_sem_timedwait(sem_t *semaphore, const struct timespec *at)
{
    if (thrumi_monkey_outside() || !thrumi_span_is_point(at))
        return thrumi_original.sem_timedwait(semaphore, at);
    return semaphore_take(semaphore, thrumi_span_at_clock(CLOCK_REALTIME, at));
}

int thrumi_hook_sem_clockwait(sem_t *semaphore, clockid_t clock,
                              const struct timespec *at)
{
    if (thrumi_monkey_outside() || !thrumi_span_is_point_of(clock, at))
        return thrumi_original.sem_clockwait(semaphore, clock, at);
    return semaphore_take(semaphore, thrumi_span_at_clock(clock, at));
}

/* From signal handlers too. */
int thrumi_hook_sem_post(sem_t *semaphore)
{
    int rc = thrumi_original.sem_post(semaphore);

    thrumi_lot_wake(semaphore, THRUMI_LOT_SIGNAL);
    return rc;
}
