/* SPDX-License-Identifier: MIT */
/*
 * monkey/condition.c - pthread_cond, and cnd of C11, which is the same object.
 *
 * A greenlet that waits is known to the lot alone, and threads to the real
 * condition. So to signal is to signal both: each may wake one, and a wait that
 * was woken for nothing is allowed to any.
 *
 * Which clock a condition goes by, and whether other processes have it too, is
 * read from its inside, see glibc's nptl/pthread_condattr_setclock: there is no
 * call that tells. Other processes wake nobody here, so of those a wait ends by
 * itself after a moment.
 */
#include <errno.h>
#include <threads.h>

#include "monkey/hooks.h"
#include "monkey/locks.h"
#include "monkey/lot.h"
#include "monkey/span.h"

#define CONDITION_SHARED    1u /* of __wrefs */
#define CONDITION_MONOTONIC 2u
#define CONDITION_LOOK_MS   10

static clockid_t condition_clock(const pthread_cond_t *condition)
{
    return condition->__data.__wrefs & CONDITION_MONOTONIC ? CLOCK_MONOTONIC
                                                           : CLOCK_REALTIME;
}

/* To when it waits, though it may be told that it was woken. */
static thrum_time condition_patience(const pthread_cond_t *condition,
                                     thrum_time deadline)
{
    thrum_time look = thrum_in_ms(CONDITION_LOOK_MS);

    if ((condition->__data.__wrefs & CONDITION_SHARED) == 0 ||
        deadline.ns <= look.ns)
        return deadline;
    return look;
}

/* It waits from before the mutex is given back. One that is woken when its time
 * is over was woken: nobody else was in its place. */
static int condition_wait(void *condition, pthread_mutex_t *mutex,
                          thrum_time deadline)
{
    thrum_time patience = condition_patience(condition, deadline);
    struct thrumi_lot_wait wait;
    bool woken;
    int rc;

    thrumi_lot_enter(&wait, condition);
    rc = thrumi_hook_pthread_mutex_unlock(mutex);
    if (rc != 0) {
        (void)thrumi_lot_leave(&wait);
        return rc;
    }
    (void)thrumi_lot_wait(&wait, patience);
    woken = thrumi_lot_leave(&wait) || patience.ns != deadline.ns;
    rc = thrumi_locks_take(mutex);
    return rc == 0 && !woken ? ETIMEDOUT : rc;
}

int thrumi_hook_pthread_cond_wait(pthread_cond_t *condition,
                                  pthread_mutex_t *mutex)
{
    if (thrumi_monkey_outside())
        return thrumi_original.pthread_cond_wait(condition, mutex);
    return condition_wait(condition, mutex, THRUM_FOREVER);
}

int thrumi_hook_pthread_cond_timedwait(pthread_cond_t *condition,
                                       pthread_mutex_t *mutex,
                                       const struct timespec *at)
{
    if (thrumi_monkey_outside() || !thrumi_span_is_point(at))
        return thrumi_original.pthread_cond_timedwait(condition, mutex, at);
    return condition_wait(condition, mutex,
                          thrumi_span_at_clock(condition_clock(condition), at));
}

int thrumi_hook_pthread_cond_clockwait(pthread_cond_t *condition,
                                       pthread_mutex_t *mutex, clockid_t clock,
                                       const struct timespec *at)
{
    if (thrumi_monkey_outside() || !thrumi_span_is_point_of(clock, at))
        return thrumi_original.pthread_cond_clockwait(condition, mutex, clock,
                                                      at);
    return condition_wait(condition, mutex, thrumi_span_at_clock(clock, at));
}

int thrumi_hook_pthread_cond_signal(pthread_cond_t *condition)
{
    int rc = thrumi_original.pthread_cond_signal(condition);

    thrumi_lot_wake(condition, 0);
    return rc;
}

int thrumi_hook_pthread_cond_broadcast(pthread_cond_t *condition)
{
    int rc = thrumi_original.pthread_cond_broadcast(condition);

    thrumi_lot_wake(condition, THRUMI_LOT_ALL);
    return rc;
}

/* ---- C11 ---- */

static int condition_to_thrd(int rc)
{
    if (rc == 0)
        return thrd_success;
    return rc == ETIMEDOUT ? thrd_timedout : thrd_error;
}

int thrumi_hook_cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    if (thrumi_monkey_outside())
        return thrumi_original.cnd_wait(condition, mutex);
    return condition_to_thrd(condition_wait(
        condition, (pthread_mutex_t *)(void *)mutex, THRUM_FOREVER));
}

int thrumi_hook_cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                              const struct timespec *restrict at)
{
    if (thrumi_monkey_outside() || !thrumi_span_is_point(at))
        return thrumi_original.cnd_timedwait(condition, mutex, at);
    return condition_to_thrd(
        condition_wait(condition, (pthread_mutex_t *)(void *)mutex,
                       thrumi_span_at_clock(CLOCK_REALTIME, at)));
}

int thrumi_hook_cnd_signal(cnd_t *condition)
{
    int rc = thrumi_original.cnd_signal(condition);

    thrumi_lot_wake(condition, 0);
    return rc;
}

int thrumi_hook_cnd_broadcast(cnd_t *condition)
{
    int rc = thrumi_original.cnd_broadcast(condition);

    thrumi_lot_wake(condition, THRUMI_LOT_ALL);
    return rc;
}
