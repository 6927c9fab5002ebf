/* SPDX-License-Identifier: MIT */
/*
 * cases_sync.c - conditions, read-write and spin locks, semaphores.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <threads.h>

#include "holder.h"

/* ---- conditions ---- */

static void mutex_take(pthread_mutex_t *mutex)
{
    CHECK_INT(pthread_mutex_lock(mutex), 0);
}

static void mutex_give(pthread_mutex_t *mutex)
{
    CHECK_INT(pthread_mutex_unlock(mutex), 0);
}

struct told {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    int (*tell)(pthread_cond_t *condition);
    bool flag;
};

static void *tell(void *arg)
{
    struct told *told = arg;

    mutex_take(&told->mutex);
    told->flag = true;
    CHECK_INT(told->tell(&told->condition), 0);
    mutex_give(&told->mutex);
    return NULL;
}

typedef int condition_wait_fn(pthread_cond_t *condition,
                              pthread_mutex_t *mutex);

static void condition_case(condition_wait_fn *wait,
                           int (*how)(pthread_cond_t *condition))
{
    struct told told = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
                        how, false};
    struct beside *teller;

    mutex_take(&told.mutex);
    teller = beside(tell, &told);
    while (!told.flag)
        CHECK_INT(wait(&told.condition, &told.mutex), 0);
    mutex_give(&told.mutex);
    beside_end(teller);
    CHECK_INT(pthread_cond_destroy(&told.condition), 0);
}

static int wait_in_time(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    struct timespec at = in_long(CLOCK_REALTIME);

    return pthread_cond_timedwait(condition, mutex, &at);
}

static int wait_by_clock(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    struct timespec at = in_long(CLOCK_MONOTONIC);

    return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &at);
}

CASE(pthread_cond_wait)
{
    condition_case(pthread_cond_wait, pthread_cond_signal);
}

CASE(pthread_cond_signal)
{
    condition_case(pthread_cond_wait, pthread_cond_signal);
}

CASE(pthread_cond_broadcast)
{
    condition_case(pthread_cond_wait, pthread_cond_broadcast);
}

CASE(pthread_cond_clockwait)
{
    condition_case(wait_by_clock, pthread_cond_signal);
}

CASE(pthread_cond_timedwait)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition;
    pthread_condattr_t attributes;
    struct timespec at = in_long(CLOCK_MONOTONIC);

    condition_case(wait_in_time, pthread_cond_signal);
    /* By the clock that it was given: in that of the calendar it is past. */
    at.tv_sec -= 2 * LONG_S;
    CHECK_INT(pthread_condattr_init(&attributes), 0);
    CHECK_INT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC), 0);
    CHECK_INT(pthread_cond_init(&condition, &attributes), 0);
    mutex_take(&mutex);
    if (at.tv_sec > 0)
        CHECK_INT(pthread_cond_timedwait(&condition, &mutex, &at), ETIMEDOUT);
    mutex_give(&mutex);
    CHECK_INT(pthread_cond_destroy(&condition), 0);
    pthread_condattr_destroy(&attributes);
}

struct cnd_told {
    mtx_t mutex;
    cnd_t condition;
    int (*tell)(cnd_t *condition);
    bool flag;
};

static void *cnd_tell(void *arg)
{
    struct cnd_told *told = arg;

    (void)mtx_lock(&told->mutex);
    told->flag = true;
    CHECK_INT(told->tell(&told->condition), thrd_success);
    (void)mtx_unlock(&told->mutex);
    return NULL;
}

static void cnd_case(bool timed, int (*how)(cnd_t *condition))
{
    struct timespec at = in_long(CLOCK_REALTIME);
    struct cnd_told told = {.tell = how};
    struct beside *teller;

    CHECK_INT(mtx_init(&told.mutex, mtx_plain), thrd_success);
    CHECK_INT(cnd_init(&told.condition), thrd_success);
    (void)mtx_lock(&told.mutex);
    teller = beside(cnd_tell, &told);
    while (!told.flag)
        CHECK_INT(timed ? cnd_timedwait(&told.condition, &told.mutex, &at)
                        : cnd_wait(&told.condition, &told.mutex),
                  thrd_success);
    (void)mtx_unlock(&told.mutex);
    beside_end(teller);
    cnd_destroy(&told.condition);
    mtx_destroy(&told.mutex);
}

CASE(cnd_wait)
{
    cnd_case(false, cnd_signal);
}

CASE(cnd_signal)
{
    cnd_case(false, cnd_signal);
}

CASE(cnd_broadcast)
{
    cnd_case(false, cnd_broadcast);
}

CASE(cnd_timedwait)
{
    cnd_case(true, cnd_signal);
}

/* ---- read-write and spin locks ---- */

static void rwlock_take(void *lock)
{
    CHECK_INT(pthread_rwlock_wrlock(lock), 0);
}

static void rwlock_give(void *lock)
{
    CHECK_INT(pthread_rwlock_unlock(lock), 0);
}

static void rwlock_case(int (*take)(pthread_rwlock_t *lock))
{
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    struct holder holder = HOLDER(rwlock_take, rwlock_give, &lock);

    holder_begin(&holder);
    CHECK_INT(take(&lock), 0);
    rwlock_give(&lock);
    holder_end(&holder);
    CHECK_INT(pthread_rwlock_destroy(&lock), 0);
}

static int timed_read(pthread_rwlock_t *lock)
{
    struct timespec at = in_long(CLOCK_REALTIME);

    return pthread_rwlock_timedrdlock(lock, &at);
}

static int timed_write(pthread_rwlock_t *lock)
{
    struct timespec at = in_long(CLOCK_REALTIME);

    return pthread_rwlock_timedwrlock(lock, &at);
}

static int clock_read(pthread_rwlock_t *lock)
{
    struct timespec at = in_long(CLOCK_MONOTONIC);

    return pthread_rwlock_clockrdlock(lock, CLOCK_MONOTONIC, &at);
}

static int clock_write(pthread_rwlock_t *lock)
{
    struct timespec at = in_long(CLOCK_MONOTONIC);

    return pthread_rwlock_clockwrlock(lock, CLOCK_MONOTONIC, &at);
}

CASE(pthread_rwlock_rdlock)
{
    rwlock_case(pthread_rwlock_rdlock);
}

CASE(pthread_rwlock_wrlock)
{
    rwlock_case(pthread_rwlock_wrlock);
}

CASE(pthread_rwlock_unlock)
{
    rwlock_case(pthread_rwlock_wrlock);
}

CASE(pthread_rwlock_timedrdlock)
{
    rwlock_case(timed_read);
}

CASE(pthread_rwlock_timedwrlock)
{
    rwlock_case(timed_write);
}

CASE(pthread_rwlock_clockrdlock)
{
    rwlock_case(clock_read);
}

CASE(pthread_rwlock_clockwrlock)
{
    rwlock_case(clock_write);
}

static pthread_spinlock_t spin;

static void spin_take(void *unused)
{
    (void)unused;
    CHECK_INT(pthread_spin_lock(&spin), 0);
}

static void spin_give(void *unused)
{
    (void)unused;
    CHECK_INT(pthread_spin_unlock(&spin), 0);
}

CASE(pthread_spin_lock)
{
    struct holder holder = HOLDER(spin_take, spin_give, NULL);

    CHECK_INT(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE), 0);
    holder_begin(&holder);
    spin_take(NULL);
    spin_give(NULL);
    holder_end(&holder);
}

/* ---- semaphores ---- */

static void *post(void *semaphore)
{
    CHECK_INT(sem_post(semaphore), 0);
    return NULL;
}

static void semaphore_case(int (*take)(sem_t *semaphore))
{
    sem_t semaphore;
    struct beside *poster;

    CHECK_INT(sem_init(&semaphore, 0, 0), 0);
    poster = beside(post, &semaphore);
    CHECK_INT(take(&semaphore), 0);
    beside_end(poster);
    CHECK_INT(sem_destroy(&semaphore), 0);
}

static int timed_take(sem_t *semaphore)
{
    struct timespec at = in_long(CLOCK_REALTIME);

    return sem_timedwait(semaphore, &at);
}

static int clock_take(sem_t *semaphore)
{
    struct timespec at = in_long(CLOCK_MONOTONIC);

    return sem_clockwait(semaphore, CLOCK_MONOTONIC, &at);
}

CASE(sem_wait)
{
    semaphore_case(sem_wait);
}

CASE(sem_post)
{
    semaphore_case(sem_wait);
}

CASE(sem_clockwait)
{
    semaphore_case(clock_take);
}

CASE(sem_timedwait)
{
    struct timespec past = {1, 0};
    sem_t semaphore;

    semaphore_case(timed_take);
    CHECK_INT(sem_init(&semaphore, 0, 0), 0);
    CHECK_INT(sem_timedwait(&semaphore, &past), -1);
    CHECK_INT(errno, ETIMEDOUT);
    CHECK_INT(sem_destroy(&semaphore), 0);
}
