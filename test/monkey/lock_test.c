/* SPDX-License-Identifier: MIT */
/*
 * lock_test.c - locks of pthreads from threads and greenlets together.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

#include "cases.h"

#define MANY 50

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
        futures[i] = case_spawn(count, arg);
    for (int i = 0; i < 4; i++)
        case_await(futures[i]);
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
    case_patch();
    for (int i = 0; i < 4; i++)
        threads[i] = spawn_thread(i < 2 ? count_in_greenlets : count, &counter);
    for (int i = 0; i < 4; i++)
        join_thread(threads[i]);
    case_unpatch();
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
    thrum_future *futures[2] = {case_spawn(produce, arg),
                                case_spawn(consume, arg)};

    case_await(futures[0]);
    case_await(futures[1]);
    return NULL;
}

TEST(P20_conditions_are_told_across_threads_and_greenlets)
{
    struct buffer buffer = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                            .changed = PTHREAD_COND_INITIALIZER,
                            .total = test_scale(2000)};
    struct test_thread *threads[4];

    case_patch();
    threads[0] = spawn_thread(both_in_greenlets, &buffer);
    threads[1] = spawn_thread(both_in_greenlets, &buffer);
    threads[2] = spawn_thread(produce, &buffer);
    threads[3] = spawn_thread(consume, &buffer);
    for (int i = 0; i < 4; i++)
        join_thread(threads[i]);
    case_unpatch();
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

    case_patch();
    threads[0] = spawn_thread(count_in_greenlets, &counter);
    threads[1] = spawn_thread(hold_and_unlock_original, &counter);
    join_thread(threads[0]);
    join_thread(threads[1]);
    case_unpatch();
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
    case_patch();
    future = case_spawn(wait_for_semaphore, &stuck);
    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(thrum_future_kill(future, THRUM_NOW), -ETIMEDOUT);
    assert_int_equal(sem_post(&stuck.semaphore), 0);
    case_await(future);
    case_unpatch();
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
        waits[i] = case_spawn(lock_once, counter);
    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(in_child(lock_in_child, counter), 0);
    CHECK_INT(pthread_mutex_unlock(&counter->mutex), 0);
    for (int i = 0; i < 3; i++)
        case_await(waits[i]);
    return NULL;
}

TEST(P29_a_child_keeps_the_locks_of_the_greenlet_that_forks)
{
    struct counter counter = {.mutex = PTHREAD_MUTEX_INITIALIZER};

    case_patch();
    case_await(case_spawn(fork_while_others_wait, &counter));
    case_unpatch();
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
    case_patch();
    for (int i = 0; i < MANY; i++)
        futures[i] = case_spawn(sem_take_and_give, &semaphore);
    for (int i = 0; i < MANY; i++)
        case_await(futures[i]);
    case_unpatch();
    assert_int_equal(sem_destroy(&semaphore), 0);
}

/* ---- times and clocks ---- */

static void *take_in_odd_times(void *arg)
{
    const struct timespec far = {INT64_MAX, 0}, past = {INT64_MIN, 0},
                          old = {-20000000000, 0};
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    sem_t semaphore;

    CHECK_INT(sem_init(&semaphore, 0, 1), 0);
    CHECK_INT(sem_timedwait(&semaphore, &far), 0);
    CHECK_INT(sem_timedwait(&semaphore, &past), -1);
    CHECK_INT(errno, ETIMEDOUT);
    CHECK_INT(sem_timedwait(&semaphore, &old), -1);
    CHECK_INT(errno, ETIMEDOUT);
    CHECK_INT(sem_destroy(&semaphore), 0);
    CHECK_INT(pthread_mutex_lock(&mutex), 0);
    CHECK_INT(pthread_mutex_timedlock(&mutex, &past), ETIMEDOUT);
    CHECK_INT(pthread_mutex_unlock(&mutex), 0);
    return arg;
}

TEST(P20_no_time_is_too_far_away_or_too_long_past)
{
    case_patch();
    case_await(case_spawn(take_in_odd_times, NULL));
    case_unpatch();
}

static void *take_by_odd_clock(void *arg)
{
    const struct timespec at = {1, 0};
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
    sem_t semaphore;

    CHECK_INT(sem_init(&semaphore, 0, 0), 0);
    CHECK_INT(sem_clockwait(&semaphore, clock, &at), -1);
    CHECK_INT(errno, EINVAL);
    CHECK_INT(sem_destroy(&semaphore), 0);
    CHECK_INT(pthread_rwlock_clockrdlock(&lock, clock, &at), EINVAL);
    CHECK_INT(pthread_rwlock_clockwrlock(&lock, clock, &at), EINVAL);
    CHECK_INT(pthread_mutex_lock(&mutex), 0);
    CHECK_INT(pthread_cond_clockwait(&condition, &mutex, clock, &at), EINVAL);
    CHECK_INT(pthread_mutex_unlock(&mutex), 0);
    return arg;
}

TEST(P20_a_clock_that_locks_do_not_go_by_is_EINVAL)
{
    case_patch();
    case_await(case_spawn(take_by_odd_clock, NULL));
    case_unpatch();
}

/* ---- conditions of several processes ---- */

struct told {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    bool yes; /* guarded by mutex */
};

static void *wait_to_be_told(void *arg)
{
    struct told *told = arg;

    CHECK_INT(pthread_mutex_lock(&told->mutex), 0);
    while (!told->yes)
        CHECK_INT(pthread_cond_wait(&told->condition, &told->mutex), 0);
    CHECK_INT(pthread_mutex_unlock(&told->mutex), 0);
    return NULL;
}

/* As another process would, which has no hooks. */
static void tell_as_others(struct told *told)
{
    int (*signal)(pthread_cond_t *) =
        (int (*)(pthread_cond_t *))thrum_monkey_original("pthread_cond_signal");

    CHECK_INT(pthread_mutex_lock(&told->mutex), 0);
    told->yes = true;
    CHECK_INT(signal(&told->condition), 0);
    CHECK_INT(pthread_mutex_unlock(&told->mutex), 0);
}

TEST(P42_a_condition_that_others_tell_is_looked_at_again)
{
    struct told told = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    pthread_condattr_t attributes;
    thrum_future *waiter;

    pthread_condattr_init(&attributes);
    pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    assert_int_equal(pthread_cond_init(&told.condition, &attributes), 0);
    pthread_condattr_destroy(&attributes);
    case_patch();
    waiter = case_spawn(wait_to_be_told, &told);
    assert_int_equal(thrum_pass(), 0);
    tell_as_others(&told);
    case_await(waiter);
    case_unpatch();
    assert_int_equal(pthread_cond_destroy(&told.condition), 0);
}

/* ---- whose it is ---- */

static void init_recursive(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    assert_int_equal(pthread_mutex_init(mutex, &attributes), 0);
    pthread_mutexattr_destroy(&attributes);
}

static void *lock_only(void *mutex)
{
    CHECK_INT(pthread_mutex_lock(mutex), 0);
    return NULL;
}

static void *lock_and_unlock(void *mutex)
{
    CHECK_INT(pthread_mutex_lock(mutex), 0);
    CHECK_INT(pthread_mutex_unlock(mutex), 0);
    return NULL;
}

TEST(P20_memory_of_a_locked_mutex_is_another_one_later)
{
    pthread_mutex_t mutex;

    if (TEST_TSAN)
        TEST_SKIP("it tells of a mutex that is made anew while it is locked");
    init_recursive(&mutex);
    case_patch();
    case_await(case_spawn(lock_only, &mutex));
    init_recursive(&mutex);
    case_await(case_spawn(lock_and_unlock, &mutex));
    case_unpatch();
    assert_int_equal(pthread_mutex_destroy(&mutex), 0);
}

static void *unlock_of_others(void *mutex)
{
    CHECK_INT(pthread_mutex_unlock(mutex), EPERM);
    return NULL;
}

static void *try_to_lock(void *mutex)
{
    CHECK_INT(pthread_mutex_trylock(mutex), EBUSY);
    return NULL;
}

static void *lock_against_others(void *mutex)
{
    struct test_thread *thread;

    CHECK_INT(pthread_mutex_lock(mutex), 0);
    thread = spawn_thread(unlock_of_others, mutex);
    join_thread(thread);
    case_await(case_spawn(unlock_of_others, mutex));
    case_await(case_spawn(try_to_lock, mutex));
    CHECK_INT(pthread_mutex_unlock(mutex), 0);
    return NULL;
}

TEST(P20_who_has_not_locked_it_unlocks_nothing)
{
    pthread_mutex_t mutex;

    if (TEST_TSAN)
        TEST_SKIP("it tells of what is unlocked by others");
    init_recursive(&mutex);
    case_patch();
    case_await(case_spawn(lock_against_others, &mutex));
    case_unpatch();
    assert_int_equal(pthread_mutex_destroy(&mutex), 0);
}

/* ---- once in a child ---- */

static pthread_once_t slow_once;
static unsigned slow_begun;
static thrum_event slow_may_end = THRUM_EVENT_INIT;

static void begin_slowly(void)
{
    if (slow_begun++ == 0)
        CHECK_INT(thrum_event_wait(&slow_may_end, THRUM_FOREVER), 0);
}

static void *once_slowly(void *arg)
{
    CHECK_INT(pthread_once(&slow_once, begin_slowly), 0);
    return arg;
}

static int once_in_child(void *arg)
{
    (void)once_slowly(arg);
    CHECK_INT(slow_begun, 2);
    return 0;
}

static void *fork_while_it_is_done(void *arg)
{
    thrum_future *first = case_spawn(once_slowly, NULL);

    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(in_child(once_in_child, NULL), 0);
    thrum_event_set(&slow_may_end);
    case_await(first);
    return arg;
}

TEST(P29_a_child_does_once_what_its_parent_is_in_the_middle_of)
{
    if (TEST_TSAN)
        TEST_SKIP("its own once is under way in the child for ever");
    slow_once = PTHREAD_ONCE_INIT;
    slow_begun = 0;
    slow_may_end = (thrum_event)THRUM_EVENT_INIT;
    case_patch();
    case_await(case_spawn(fork_while_it_is_done, NULL));
    case_unpatch();
    assert_int_equal(slow_begun, 1);
}

/* ---- signal handlers ---- */

static sem_t handled;

static void post_in_handler(int signal)
{
    (void)signal;
    CHECK_INT(sem_post(&handled), 0);
}

static void *kill_it_often(void *arg)
{
    pthread_t *to = arg;

    for (int i = 0; i < 100; i++)
        CHECK_INT(pthread_kill(*to, SIGUSR1), 0);
    return NULL;
}

static void *wait_to_be_handled(void *arg)
{
    CHECK_INT(sem_wait(&handled), 0);
    return arg;
}

TEST(P28_a_handler_posts_a_semaphore)
{
    const struct sigaction action = {.sa_handler = post_in_handler};
    pthread_t self = pthread_self();
    struct test_thread *thread;
    struct sigaction before;

    assert_int_equal(sem_init(&handled, 0, 0), 0);
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    case_patch();
    thread = spawn_thread(kill_it_often, &self);
    case_await(case_spawn(wait_to_be_handled, NULL));
    join_thread(thread);
    case_unpatch();
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    assert_int_equal(sem_destroy(&handled), 0);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("lock", argc, argv);
}
