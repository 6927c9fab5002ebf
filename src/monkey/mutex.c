/* SPDX-License-Identifier: MIT */
/*
 * monkey/mutex.c - pthread_mutex, and mtx of C11, which is the same object.
 *
 * The mutex that is taken is the real one, by its own trylock, so that threads
 * and code that is not patched are excluded as ever, and robust, shared and
 * priority-inheriting mutexes stay what they are. A greenlet that cannot have it
 * waits in the lot. One that is held by another greenlet of the same thread is
 * nothing special: a plain mutex says EBUSY, and of those that ask for the thread
 * monkey/owners.h knows better.
 */
#include <errno.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "monkey/hooks.h"
#include "monkey/locks.h"
#include "monkey/lot.h"
#include "monkey/owners.h"
#include "monkey/span.h"

/* ---- taking ---- */

static int mutex_try(void *object)
{
    pthread_mutex_t *mutex = object;
    bool matters = thrumi_owners_matter(mutex);
    int rc;

    if (matters && thrumi_owners_ask_mutex(mutex) == THRUMI_OWNER_OTHER)
        return EBUSY;
    rc = thrumi_original.pthread_mutex_trylock(mutex);
    if (matters && (rc == 0 || rc == EOWNERDEAD))
        (void)thrumi_owners_add(mutex);
    return rc;
}

/* Has the caller's greenlet locked an error-checking one already? */
static bool mutex_is_own(const pthread_mutex_t *mutex)
{
    return thrumi_owners_matter(mutex) &&
           thrumi_owners_ask_mutex(mutex) == THRUMI_OWNER_SELF;
}

static int mutex_take(pthread_mutex_t *mutex, thrum_time deadline)
{
    int rc;

    if (!mutex_is_own(mutex))
        return thrumi_lot_take(mutex, mutex_try, deadline);
    /* again, or the error that it is: the thread is its owner */
    rc = thrumi_original.pthread_mutex_lock(mutex);
    if (rc == 0)
        (void)thrumi_owners_add(mutex);
    return rc;
}

/* What is no time is an error only where it would have to wait. */
static int mutex_take_in_time(pthread_mutex_t *mutex, clockid_t clock,
                              const struct timespec *at)
{
    int rc;

    if (thrumi_span_is_point(at))
        return mutex_take(mutex, thrumi_span_at_clock(clock, at));
    rc = mutex_try(mutex);
    return rc == EBUSY ? EINVAL : rc;
}

int thrumi_locks_take(pthread_mutex_t *mutex)
{
    return mutex_take(mutex, THRUM_FOREVER);
}

int thrumi_hook_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (thrumi_monkey_outside())
        return thrumi_original.pthread_mutex_lock(mutex);
    return mutex_take(mutex, THRUM_FOREVER);
}

int thrumi_hook_pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    if (thrumi_monkey_outside())
        return thrumi_original.pthread_mutex_trylock(mutex);
    return mutex_try(mutex);
}

int thrumi_hook_pthread_mutex_timedlock(pthread_mutex_t *mutex,
                                        const struct timespec *at)
{
    if (thrumi_monkey_outside())
        return thrumi_original.pthread_mutex_timedlock(mutex, at);
    return mutex_take_in_time(mutex, CLOCK_REALTIME, at);
}

int thrumi_hook_pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
                                        const struct timespec *at)
{
    if (thrumi_monkey_outside() ||
        (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC))
        return thrumi_original.pthread_mutex_clocklock(mutex, clock, at);
    return mutex_take_in_time(mutex, clock, at);
}

/* ---- giving back ---- */

/* Is it not for this thread to unlock, though it is not in a greenlet? */
static bool mutex_is_strange(const pthread_mutex_t *mutex)
{
    return mutex->__data.__owner != gettid();
}

/* Whoever unlocks has it: what is remembered is dropped before another can take
 * it. False: it is another greenlet's, and not to be unlocked. */
static bool mutex_forget(pthread_mutex_t *mutex)
{
    /* relaxed: what this thread has put there it sees */
    if (thrumi_likely(atomic_load_explicit(&thrumi_owners_known,
                                           memory_order_relaxed) == 0) ||
        !thrumi_owners_matter(mutex))
        return true;
    switch (thrumi_owners_ask_mutex(mutex)) {
    case THRUMI_OWNER_NONE:
        return true;
    case THRUMI_OWNER_OTHER:
        if (!thrumi_monkey_outside() || mutex_is_strange(mutex))
            return false;
        break;
    case THRUMI_OWNER_SELF:
        break;
    }
    thrumi_owners_drop(mutex);
    return true;
}

int thrumi_hook_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    int rc;

    if (!mutex_forget(mutex))
        return EPERM;
    rc = thrumi_original.pthread_mutex_unlock(mutex);
    if (rc == 0)
        thrumi_lot_wake(mutex, 0);
    return rc;
}

/* ---- C11 ---- */

static int mutex_to_thrd(int rc)
{
    switch (rc) {
    case 0:
        return thrd_success;
    case EBUSY:
        return thrd_busy;
    case ETIMEDOUT:
        return thrd_timedout;
    case ENOMEM:
        return thrd_nomem;
    default:
        return thrd_error;
    }
}

static pthread_mutex_t *mutex_of(mtx_t *mutex)
{
    return (pthread_mutex_t *)(void *)mutex;
}

int thrumi_hook_mtx_lock(mtx_t *mutex)
{
    if (thrumi_monkey_outside())
        return thrumi_original.mtx_lock(mutex);
    return mutex_to_thrd(mutex_take(mutex_of(mutex), THRUM_FOREVER));
}

int thrumi_hook_mtx_trylock(mtx_t *mutex)
{
    if (thrumi_monkey_outside())
        return thrumi_original.mtx_trylock(mutex);
    return mutex_to_thrd(mutex_try(mutex_of(mutex)));
}

int thrumi_hook_mtx_timedlock(mtx_t *restrict mutex,
                              const struct timespec *restrict at)
{
    if (thrumi_monkey_outside())
        return thrumi_original.mtx_timedlock(mutex, at);
    return mutex_to_thrd(
        mutex_take_in_time(mutex_of(mutex), CLOCK_REALTIME, at));
}

int thrumi_hook_mtx_unlock(mtx_t *mutex)
{
    int rc;

    if (!thrumi_monkey_outside())
        return mutex_to_thrd(thrumi_hook_pthread_mutex_unlock(mutex_of(mutex)));
    if (!mutex_forget(mutex_of(mutex)))
        return thrd_error;
    rc = thrumi_original.mtx_unlock(mutex);
    thrumi_lot_wake(mutex, 0);
    return rc;
}
