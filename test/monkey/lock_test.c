/* SPDX-License-Identifier: MIT */
/*
 * lock_test.c - locks of pthreads from threads and greenlets together.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "cases.h"

#define MANY 50

static void patch(void)
{
    assert_int_equal(thrum_monkey_patch_all(), 0);
}

static void unpatch(void)
{
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
}

static thrum_future *green(thrum_fn *fn, void *arg)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;
    thrum_future *future = NULL;

    options.stack_size = 256u * 1024;
    CHECK_INT(thrum_spawn_with(fn, arg, 0, &options, &future), 0);
    return future;
}

static void await(thrum_future *future)
{
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
}

/* ---- exclusion ---- */

struct counter {
    pthread_mutex_t mutex;
    unsigned rounds;
    unsigned value; /* guarded by mutex */
    unsigned inside;
};

/* Gives its turn away while it has the mutex. */
static void *count(void *arg)
{
    struct counter *counter = arg;

    for (unsigned i = 0; i < counter->rounds; i++) {
        CHECK_INT(pthread_mutex_lock(&counter->mutex), 0);
        CHECK_INT(counter->inside++, 0);
        counter->value++;
        if (i % 4 == 0)
            CHECK_INT(thrum_pass(), 0);
        CHECK_INT(--counter->inside, 0);
        CHECK_INT(pthread_mutex_unlock(&counter->mutex), 0);
    }
    return NULL;
}

static void *count_in_greenlets(void *arg)
{
    thrum_future *futures[4];

    for (int i = 0; i < 4; i++)
        futures[i] = green(count, arg);
    for (int i = 0; i < 4; i++)
        await(futures[i]);
    return NULL;
}

static void exclude(int type)
{
    struct counter counter = {.rounds = test_scale(400)};
    struct test_thread *threads[4];
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type);
    assert_int_equal(pthread_mutex_init(&counter.mutex, &attributes), 0);
    pthread_mutexattr_destroy(&attributes);
    patch();
    for (int i = 0; i < 4; i++)
        threads[i] = spawn_thread(i < 2 ? count_in_greenlets : count, &counter);
    for (int i = 0; i < 4; i++)
        join_thread(threads[i]);
    unpatch();
    assert_int_equal(counter.value, counter.rounds * (4 + 4 + 1 + 1));
    assert_int_equal(pthread_mutex_destroy(&counter.mutex), 0);
}

TEST(P20_a_mutex_excludes_threads_and_greenlets)
{
    exclude(PTHREAD_MUTEX_NORMAL);
}

TEST(P20_a_recursive_mutex_excludes_greenlets_of_a_thread)
{
    exclude(PTHREAD_MUTEX_RECURSIVE);
}

TEST(P20_an_error_checking_mutex_excludes_greenlets_of_a_thread)
{
    exclude(PTHREAD_MUTEX_ERRORCHECK);
}

/* ---- conditions: a bounded buffer ---- */

struct buffer {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned full; /* of 3 */
    unsigned put;
    unsigned got;
    unsigned total;
};

static void *produce(void *arg)
{
    struct buffer *buffer = arg;

    for (bool more = true; more;) {
        CHECK_INT(pthread_mutex_lock(&buffer->mutex), 0);
        while (buffer->full == 3 && buffer->put < buffer->total)
            CHECK_INT(pthread_cond_wait(&buffer->changed, &buffer->mutex), 0);
        more = buffer->put < buffer->total;
        buffer->put += more;
        buffer->full += more;
        CHECK_INT(pthread_cond_broadcast(&buffer->changed), 0);
        CHECK_INT(pthread_mutex_unlock(&buffer->mutex), 0);
    }
    return NULL;
}

static void *consume(void *arg)
{
    struct buffer *buffer = arg;

    for (bool more = true; more;) {
        CHECK_INT(pthread_mutex_lock(&buffer->mutex), 0);
        while (buffer->full == 0 && buffer->got < buffer->total)
            CHECK_INT(pthread_cond_wait(&buffer->changed, &buffer->mutex), 0);
        more = buffer->got < buffer->total;
        buffer->got += more;
        buffer->full -= more;
        CHECK_INT(pthread_cond_broadcast(&buffer->changed), 0);
        CHECK_INT(pthread_mutex_unlock(&buffer->mutex), 0);
    }
    return NULL;
}

static void *both_in_greenlets(void *arg)
{
    thrum_future *futures[2] = {green(produce, arg), green(consume, arg)};

    await(futures[0]);
    await(futures[1]);
    return NULL;
}

TEST(P20_conditions_are_told_across_threads_and_greenlets)
{
    struct buffer buffer = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                            .changed = PTHREAD_COND_INITIALIZER,
                            .total = test_scale(2000)};
    struct test_thread *threads[4];

    patch();
    threads[0] = spawn_thread(both_in_greenlets, &buffer);
    threads[1] = spawn_thread(both_in_greenlets, &buffer);
    threads[2] = spawn_thread(produce, &buffer);
    threads[3] = spawn_thread(consume, &buffer);
    for (int i = 0; i < 4; i++)
        join_thread(threads[i]);
    unpatch();
    assert_int_equal(buffer.put, buffer.total);
    assert_int_equal(buffer.got, buffer.total);
}

/* ---- code that is not patched ---- */

static void *hold_and_unlock_original(void *arg)
{
    int (*lock)(pthread_mutex_t *) =
        (int (*)(pthread_mutex_t *))thrum_monkey_original("pthread_mutex_lock");
    int (*unlock)(pthread_mutex_t *) = (int (*)(
        pthread_mutex_t *))thrum_monkey_original("pthread_mutex_unlock");
    struct counter *counter = arg;

    for (unsigned i = 0; i < counter->rounds; i++) {
        CHECK_INT(lock(&counter->mutex), 0);
        CHECK_INT(counter->inside++, 0);
        counter->value++;
        CHECK_INT(--counter->inside, 0);
        CHECK_INT(unlock(&counter->mutex), 0);
    }
    return NULL;
}

TEST(P20_who_is_not_patched_is_excluded_too)
{
    struct counter counter = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                              .rounds = test_scale(400)};
    struct test_thread *threads[2];

    patch();
    threads[0] = spawn_thread(count_in_greenlets, &counter);
    threads[1] = spawn_thread(hold_and_unlock_original, &counter);
    join_thread(threads[0]);
    join_thread(threads[1]);
    unpatch();
    assert_int_equal(counter.value, counter.rounds * 5);
}

/* ---- no cancellation points ---- */

struct stuck {
    sem_t semaphore;
    int rc;
    int error;
};

static void *wait_for_semaphore(void *arg)
{
    struct stuck *stuck = arg;

    stuck->rc = sem_wait(&stuck->semaphore);
    stuck->error = errno;
    return stuck;
}

TEST(P20_a_kill_does_not_end_a_wait_for_a_lock)
{
    struct stuck stuck = {.rc = -1};
    thrum_future *future;

    assert_int_equal(sem_init(&stuck.semaphore, 0, 0), 0);
    patch();
    future = green(wait_for_semaphore, &stuck);
    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(thrum_future_kill(future, THRUM_NOW), -ETIMEDOUT);
    assert_int_equal(sem_post(&stuck.semaphore), 0);
    await(future);
    unpatch();
    assert_int_equal(stuck.rc, 0);
    assert_int_equal(sem_destroy(&stuck.semaphore), 0);
}

/* ---- fork ---- */

/* The child has none of those that wait, and what this greenlet has. (Not of a
 * recursive mutex: that knows the parent's thread.) */
static int lock_in_child(void *arg)
{
    struct counter *counter = arg;

    CHECK_INT(pthread_mutex_trylock(&counter->mutex), EBUSY);
    CHECK_INT(pthread_mutex_unlock(&counter->mutex), 0);
    CHECK_INT(pthread_mutex_lock(&counter->mutex), 0);
    CHECK_INT(pthread_mutex_unlock(&counter->mutex), 0);
    return 0;
}

static void *lock_once(void *arg)
{
    struct counter *counter = arg;

    CHECK_INT(pthread_mutex_lock(&counter->mutex), 0);
    CHECK_INT(pthread_mutex_unlock(&counter->mutex), 0);
    return NULL;
}

static void *fork_while_others_wait(void *arg)
{
    struct counter *counter = arg;
    thrum_future *waits[3];

    CHECK_INT(pthread_mutex_lock(&counter->mutex), 0);
    for (int i = 0; i < 3; i++)
        waits[i] = green(lock_once, counter);
    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(in_child(lock_in_child, counter), 0);
    CHECK_INT(pthread_mutex_unlock(&counter->mutex), 0);
    for (int i = 0; i < 3; i++)
        await(waits[i]);
    return NULL;
}

TEST(P29_a_child_keeps_the_locks_of_the_greenlet_that_forks)
{
    struct counter counter = {.mutex = PTHREAD_MUTEX_INITIALIZER};

    patch();
    await(green(fork_while_others_wait, &counter));
    unpatch();
}

/* ---- many ---- */

static void *sem_take_and_give(void *arg)
{
    CHECK_INT(sem_wait(arg), 0);
    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(sem_post(arg), 0);
    return NULL;
}

TEST(P42_many_greenlets_take_turns_at_a_semaphore)
{
    thrum_future *futures[MANY];
    sem_t semaphore;

    assert_int_equal(sem_init(&semaphore, 0, 2), 0);
    patch();
    for (int i = 0; i < MANY; i++)
        futures[i] = green(sem_take_and_give, &semaphore);
    for (int i = 0; i < MANY; i++)
        await(futures[i]);
    unpatch();
    assert_int_equal(sem_destroy(&semaphore), 0);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("lock", argc, argv);
}
