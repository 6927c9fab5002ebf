/* SPDX-License-Identifier: MIT */
/*
 * cases_thread.c - what is done once, the end of threads, barriers.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <threads.h>
#include <unistd.h>

#include "holder.h"

/* ---- once ---- */

static struct {
    thrum_event under_way;
    thrum_event go_on;
    unsigned calls;
} slow;

static void slow_init(void)
{
    slow.calls++;
    thrum_event_set(&slow.under_way);
    CHECK_INT(thrum_event_wait(&slow.go_on, THRUM_FOREVER), 0);
}

static void *once_call(void *control)
{
    CHECK_INT(pthread_once(control, slow_init), 0);
    return NULL;
}

static void *let_go_on(void *arg)
{
    (void)arg;
    thrum_event_set(&slow.go_on);
    return NULL;
}

CASE(pthread_once)
{
    pthread_once_t control = PTHREAD_ONCE_INIT;
    struct beside *first, *other;

    thrum_event_init(&slow.under_way);
    thrum_event_init(&slow.go_on);
    slow.calls = 0;
    first = beside(once_call, &control);
    CHECK_INT(thrum_event_wait(&slow.under_way, THRUM_FOREVER), 0);
    other = beside(let_go_on, NULL);
    CHECK_INT(pthread_once(&control, slow_init), 0);
    CHECK_INT(slow.calls, 1);
    beside_end(first);
    beside_end(other);
}

static unsigned flag_calls;

static void flag_init(void)
{
    flag_calls++;
}

CASE(call_once)
{
    once_flag flag = ONCE_FLAG_INIT;

    flag_calls = 0;
    call_once(&flag, flag_init);
    call_once(&flag, flag_init);
    CHECK_INT(flag_calls, 1);
}

/* ---- threads ---- */

/* A thread that ends when somebody beside the case says so. */
struct ending {
    struct ends ends;
    struct beside *teller;
};

static void *end_when_told(void *arg)
{
    const struct ending *ending = arg;

    CHECK_INT(read(ending->ends.here, &(char){0}, 1), 1);
    return (void *)arg;
}

static int end_thrd(void *arg)
{
    (void)end_when_told(arg);
    return 7;
}

static void *tell_end(void *arg)
{
    const struct ending *ending = arg;

    CHECK_INT(write(ending->ends.there, "x", 1), 1);
    return NULL;
}

static pthread_t ending_begin(struct ending *ending)
{
    pthread_t thread;

    ending->ends = ends_of_pipe();
    CHECK_INT(pthread_create(&thread, NULL, end_when_told, ending), 0);
    ending->teller = beside(tell_end, ending);
    return thread;
}

static void ending_end(struct ending *ending, void *result)
{
    CHECK(result == ending);
    beside_end(ending->teller);
    ends_close(&ending->ends);
}

CASE(pthread_join)
{
    struct ending ending;
    pthread_t thread = ending_begin(&ending);
    void *result = NULL;

    CHECK_INT(pthread_join(thread, &result), 0);
    ending_end(&ending, result);
    if (!TEST_TSAN) /* which ends the program */
        CHECK_INT(pthread_join(pthread_self(), NULL), EDEADLK);
}

CASE(pthread_timedjoin_np)
{
    struct timespec past = {1, 0};
    struct timespec at = in_long(CLOCK_REALTIME);
    struct ending ending;
    pthread_t thread = ending_begin(&ending);
    void *result = NULL;
    int rc = pthread_timedjoin_np(thread, &result, &past);

    if (rc == ETIMEDOUT)
        rc = pthread_timedjoin_np(thread, &result, &at);
    CHECK_INT(rc, 0);
    ending_end(&ending, result);
}

CASE(pthread_clockjoin_np)
{
    struct timespec at = in_long(CLOCK_MONOTONIC);
    struct ending ending;
    void *result = NULL;
    pthread_t thread;

    if (TEST_TSAN && !case_in_greenlet())
        return; /* it does not know this one, and takes it for running */
    thread = ending_begin(&ending);
    CHECK_INT(pthread_clockjoin_np(thread, &result, CLOCK_MONOTONIC, &at), 0);
    ending_end(&ending, result);
}

CASE(thrd_join)
{
    struct ending ending = {.ends = ends_of_pipe()};
    thrd_t thread;
    int result = 0;

    if (TEST_TSAN) { /* thrd_create() crashes under it */
        ends_close(&ending.ends);
        return;
    }
    CHECK_INT(thrd_create(&thread, end_thrd, &ending), thrd_success);
    ending.teller = beside(tell_end, &ending);
    CHECK_INT(thrd_join(thread, &result), thrd_success);
    CHECK_INT(result, 7);
    ending_end(&ending, &ending);
}

static void *meet(void *barrier)
{
    int rc = pthread_barrier_wait(barrier);

    CHECK(rc == 0 || rc == PTHREAD_BARRIER_SERIAL_THREAD);
    return NULL;
}

CASE(pthread_barrier_wait)
{
    pthread_barrier_t barrier;
    struct beside *others[3];

    CHECK_INT(pthread_barrier_init(&barrier, NULL, 4), 0);
    for (int i = 0; i < 3; i++)
        others[i] = beside(meet, &barrier);
    (void)meet(&barrier);
    for (int i = 0; i < 3; i++)
        beside_end(others[i]);
    CHECK_INT(pthread_barrier_destroy(&barrier), 0);
}
