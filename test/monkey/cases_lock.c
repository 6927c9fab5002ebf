/* SPDX-License-Identifier: MIT */
/*
 * cases_lock.c - mutexes, of pthreads and of C11.
 */
#include <errno.h>
#include <pthread.h>
#include <threads.h>

#include "holder.h"

/* ---- pthread_mutex ---- */

static void mutex_take(void *mutex)
{
    CHECK_INT(pthread_mutex_lock(mutex), 0);
}

static void mutex_give(void *mutex)
{
    CHECK_INT(pthread_mutex_unlock(mutex), 0);
}

static void mutex_make(pthread_mutex_t *mutex, int type)
{
    pthread_mutexattr_t attributes;

    CHECK_INT(pthread_mutexattr_init(&attributes), 0);
    CHECK_INT(pthread_mutexattr_settype(&attributes, type), 0);
    CHECK_INT(pthread_mutex_init(mutex, &attributes), 0);
    pthread_mutexattr_destroy(&attributes);
}

static const int mutex_types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE,
                                  PTHREAD_MUTEX_ERRORCHECK,
                                  PTHREAD_MUTEX_ADAPTIVE_NP};

/* Calls fn with a mutex of each type that somebody holds. */
static void each_held_mutex(void (*fn)(pthread_mutex_t *mutex))
{
    for (size_t i = 0; i < sizeof(mutex_types) / sizeof(mutex_types[0]); i++) {
        pthread_mutex_t mutex;
        struct holder holder = HOLDER(mutex_take, mutex_give, &mutex);

        mutex_make(&mutex, mutex_types[i]);
        holder_begin(&holder);
        fn(&mutex);
        holder_end(&holder);
        CHECK_INT(pthread_mutex_destroy(&mutex), 0);
    }
}

static void lock_it(pthread_mutex_t *mutex)
{
    CHECK_INT(pthread_mutex_lock(mutex), 0);
    CHECK_INT(pthread_mutex_unlock(mutex), 0);
}

CASE(pthread_mutex_lock)
{
    each_held_mutex(lock_it);
}

static void lock_it_in_time(pthread_mutex_t *mutex)
{
    struct timespec past = {0, 0};
    struct timespec at = in_long(CLOCK_REALTIME);
    struct timespec wrong = {0, -1};

    if (case_in_greenlet()) {
        CHECK_INT(pthread_mutex_timedlock(mutex, &past), ETIMEDOUT);
        CHECK_INT(pthread_mutex_timedlock(mutex, &wrong), EINVAL);
    }
    CHECK_INT(pthread_mutex_timedlock(mutex, &at), 0);
    CHECK_INT(pthread_mutex_unlock(mutex), 0);
}

CASE(pthread_mutex_timedlock)
{
    each_held_mutex(lock_it_in_time);
}

static void lock_it_by_clock(pthread_mutex_t *mutex)
{
    struct timespec at = in_long(CLOCK_MONOTONIC);

    if (TEST_TSAN && !case_in_greenlet())
        return; /* it does not know this one, and takes it for unlocked */
    CHECK_INT(pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &at), 0);
    CHECK_INT(pthread_mutex_unlock(mutex), 0);
}

CASE(pthread_mutex_clocklock)
{
    each_held_mutex(lock_it_by_clock);
}

static void try_it(pthread_mutex_t *mutex)
{
    int rc = pthread_mutex_trylock(mutex);

    if (case_in_greenlet())
        CHECK_INT(rc, EBUSY);
    if (rc == 0)
        CHECK_INT(pthread_mutex_unlock(mutex), 0);
}

/* P20: a second greenlet of the thread is another owner. */
CASE(pthread_mutex_trylock)
{
    each_held_mutex(try_it);
}

static void unlock_what_is_not_mine(pthread_mutex_t *mutex)
{
    pthread_mutex_t *of = mutex;

    if (case_in_greenlet() && (of->__data.__kind & 3) != 0 &&
        (of->__data.__kind & 3) != PTHREAD_MUTEX_ADAPTIVE_NP)
        CHECK_INT(pthread_mutex_unlock(mutex), EPERM);
}

CASE(pthread_mutex_unlock)
{
    pthread_mutex_t mutex;

    each_held_mutex(unlock_what_is_not_mine);
    mutex_make(&mutex, PTHREAD_MUTEX_RECURSIVE);
    for (int i = 0; i < 3; i++)
        CHECK_INT(pthread_mutex_lock(&mutex), 0);
    for (int i = 0; i < 3; i++)
        CHECK_INT(pthread_mutex_unlock(&mutex), 0);
    if (!TEST_TSAN) /* which tells of it */
        CHECK_INT(pthread_mutex_unlock(&mutex), EPERM);
    CHECK_INT(pthread_mutex_destroy(&mutex), 0);
    mutex_make(&mutex, PTHREAD_MUTEX_ERRORCHECK);
    CHECK_INT(pthread_mutex_lock(&mutex), 0);
    CHECK_INT(pthread_mutex_lock(&mutex), EDEADLK);
    CHECK_INT(pthread_mutex_unlock(&mutex), 0);
    CHECK_INT(pthread_mutex_destroy(&mutex), 0);
}

/* ---- mtx ---- */

static void mtx_take(void *mutex)
{
    CHECK_INT(mtx_lock(mutex), thrd_success);
}

static void mtx_give(void *mutex)
{
    CHECK_INT(mtx_unlock(mutex), thrd_success);
}

static void mtx_case(void (*fn)(mtx_t *mutex))
{
    mtx_t mutex;
    struct holder holder = HOLDER(mtx_take, mtx_give, &mutex);

    CHECK_INT(mtx_init(&mutex, mtx_recursive | mtx_timed), thrd_success);
    holder_begin(&holder);
    fn(&mutex);
    holder_end(&holder);
    mtx_destroy(&mutex);
}

static void mtx_lock_it(mtx_t *mutex)
{
    mtx_take(mutex);
    mtx_give(mutex);
}

CASE(mtx_lock)
{
    mtx_case(mtx_lock_it);
}

CASE(mtx_unlock)
{
    mtx_case(mtx_lock_it);
}

static void mtx_try_it(mtx_t *mutex)
{
    int rc = mtx_trylock(mutex);

    if (case_in_greenlet())
        CHECK_INT(rc, thrd_busy);
    if (rc == thrd_success)
        mtx_give(mutex);
}

CASE(mtx_trylock)
{
    mtx_case(mtx_try_it);
}

static void mtx_time_it(mtx_t *mutex)
{
    struct timespec past = {0, 0};
    struct timespec at = in_long(CLOCK_REALTIME);

    if (case_in_greenlet())
        CHECK_INT(mtx_timedlock(mutex, &past), thrd_timedout);
    CHECK_INT(mtx_timedlock(mutex, &at), thrd_success);
    mtx_give(mutex);
}

CASE(mtx_timedlock)
{
    mtx_case(mtx_time_it);
}
