/* SPDX-License-Identifier: MIT */
/*
 * monkey/rwlock.c - pthread_rwlock and pthread_spinlock: taken by their own
 * tries, and waited for in the lot.
 */
#include <errno.h>

#include <thrum/green.h>

#include "monkey/hooks.h"
#include "monkey/lot.h"
#include "monkey/span.h"

static int rwlock_try_read(void *lock)
{
    return pthread_rwlock_tryrdlock(lock);
}

static int rwlock_try_write(void *lock)
{
    return pthread_rwlock_trywrlock(lock);
}

int thrumi_hook_pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    if (thrumi_monkey_outside())
        return thrumi_original.pthread_rwlock_rdlock(lock);
    return thrumi_lot_take(lock, rwlock_try_read, THRUM_FOREVER);
}

int thrumi_hook_pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
    if (thrumi_monkey_outside())
        return thrumi_original.pthread_rwlock_wrlock(lock);
    return thrumi_lot_take(lock, rwlock_try_write, THRUM_FOREVER);
}

int thrumi_hook_pthread_rwlock_timedrdlock(pthread_rwlock_t *lock,
                                           const struct timespec *at)
{
    if (thrumi_monkey_outside() || !thrumi_span_is_point(at))
        return thrumi_original.pthread_rwlock_timedrdlock(lock, at);
    return thrumi_lot_take(lock, rwlock_try_read,
                           thrumi_span_at_clock(CLOCK_REALTIME, at));
}

int thrumi_hook_pthread_rwlock_timedwrlock(pthread_rwlock_t *lock,
                                           const struct timespec *at)
{
    if (thrumi_monkey_outside() || !thrumi_span_is_point(at))
        return thrumi_original.pthread_rwlock_timedwrlock(lock, at);
    return thrumi_lot_take(lock, rwlock_try_write,
                           thrumi_span_at_clock(CLOCK_REALTIME, at));
}

int thrumi_hook_pthread_rwlock_clockrdlock(pthread_rwlock_t *lock,
                                           clockid_t clock,
                                           const struct timespec *at)
{
    if (thrumi_monkey_outside() || !thrumi_span_is_point_of(clock, at))
        return thrumi_original.pthread_rwlock_clockrdlock(lock, clock, at);
    return thrumi_lot_take(lock, rwlock_try_read,
                           thrumi_span_at_clock(clock, at));
}

int thrumi_hook_pthread_rwlock_clockwrlock(pthread_rwlock_t *lock,
                                           clockid_t clock,
                                           const struct timespec *at)
{
    if (thrumi_monkey_outside() || !thrumi_span_is_point_of(clock, at))
        return thrumi_original.pthread_rwlock_clockwrlock(lock, clock, at);
    return thrumi_lot_take(lock, rwlock_try_write,
                           thrumi_span_at_clock(clock, at));
}

/* Readers may all go on, so all look. */
int thrumi_hook_pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
    int rc = thrumi_original.pthread_rwlock_unlock(lock);

    if (rc == 0)
        thrumi_lot_wake(lock, THRUMI_LOT_ALL);
    return rc;
}

/* Who has it will give it back soon, if that is not one of this thread's: so
 * those have a turn. */
int thrumi_hook_pthread_spin_lock(pthread_spinlock_t *lock)
{
    int rc;

    if (thrumi_monkey_outside())
        return thrumi_original.pthread_spin_lock(lock);
    rc = pthread_spin_trylock(lock);
    while (rc == EBUSY) {
        (void)thrum_pass();
        rc = pthread_spin_trylock(lock);
    }
    return rc;
}
