/* SPDX-License-Identifier: MIT */
/*
 * time_test.c - sleeps in greenlets: what ends them, and what they say then.
 */
#include <errno.h>
#include <stdint.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"

#define LONG_S 100000

/* One call that sleeps for so long. */
struct sleeper {
    struct timespec span;
    struct timespec left;
    int rc;
    int error;
    bool ended;
};

static void *by_sleep(void *arg)
{
    struct sleeper *sleeper = arg;

    sleeper->left.tv_sec = sleep((unsigned)sleeper->span.tv_sec);
    sleeper->error = errno;
    sleeper->rc = sleeper->left.tv_sec > 0 ? -1 : 0;
    sleeper->ended = true;
    return NULL;
}

static void *by_usleep(void *arg)
{
    struct sleeper *sleeper = arg;
    long us = sleeper->span.tv_nsec / 1000;

    sleeper->rc = usleep(us > 0 ? (useconds_t)us : ~0u);
    sleeper->error = errno;
    sleeper->left.tv_sec = LONG_S; /* it does not say */
    sleeper->ended = true;
    return NULL;
}

static void *by_nanosleep(void *arg)
{
    struct sleeper *sleeper = arg;

    sleeper->rc = nanosleep(&sleeper->span, &sleeper->left);
    sleeper->error = errno;
    sleeper->ended = true;
    return NULL;
}

static void *by_thrd_sleep(void *arg)
{
    struct sleeper *sleeper = arg;

    sleeper->rc = thrd_sleep(&sleeper->span, &sleeper->left);
    sleeper->error = ECANCELED; /* it does not say */
    sleeper->ended = true;
    return NULL;
}

static void by_clock(struct sleeper *sleeper, clockid_t clock)
{
    sleeper->error = clock_nanosleep(clock, 0, &sleeper->span, &sleeper->left);
    sleeper->rc = sleeper->error != 0 ? -1 : 0;
    sleeper->ended = true;
}

static void *by_realtime(void *arg)
{
    by_clock(arg, CLOCK_REALTIME);
    return NULL;
}

static void *by_boottime(void *arg)
{
    by_clock(arg, CLOCK_BOOTTIME);
    return NULL;
}

/* To a point of the clock. */
static void to_point(struct sleeper *sleeper, clockid_t clock)
{
    struct timespec point;

    CHECK_INT(clock_gettime(clock, &point), 0);
    point.tv_sec += sleeper->span.tv_sec;
    point.tv_nsec += sleeper->span.tv_nsec;
    point.tv_sec += point.tv_nsec / 1000000000;
    point.tv_nsec %= 1000000000;
    sleeper->error = clock_nanosleep(clock, TIMER_ABSTIME, &point, NULL);
    sleeper->rc = sleeper->error != 0 ? -1 : 0;
    sleeper->left.tv_sec = LONG_S; /* it does not say */
    sleeper->ended = true;
}

static void *to_monotonic(void *arg)
{
    to_point(arg, CLOCK_MONOTONIC);
    return NULL;
}

static void *to_realtime(void *arg)
{
    to_point(arg, CLOCK_REALTIME);
    return NULL;
}

static void *to_tai(void *arg)
{
    to_point(arg, CLOCK_TAI);
    return NULL;
}

static void *to_boottime(void *arg)
{
    to_point(arg, CLOCK_BOOTTIME);
    return NULL;
}

static thrum_fn *const calls[] = {
    by_usleep,    by_nanosleep, by_thrd_sleep, by_realtime, by_boottime,
    to_monotonic, to_realtime,  to_tai,        to_boottime, by_sleep};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

TEST_GREEN(P33_a_sleep_ends_no_other)
{
    for (size_t i = 0; i < CALLS - 1; i++) { /* sleep() knows seconds alone */
        struct sleeper late = {.span = {LONG_S, 0}};
        struct sleeper soon = {.span = {0, 1000000}};
        thrum_future *future = case_spawn(calls[i], &late);

        (void)calls[i](&soon);
        CHECK_INT(soon.rc, 0);
        CHECK(!late.ended);
        CHECK_INT(thrum_future_kill(future, THRUM_FOREVER), 0);
        thrum_future_unref(future);
    }
}

TEST_GREEN(P33_a_sleep_that_is_killed_says_how_much_is_left)
{
    for (size_t i = 0; i < CALLS; i++) {
        struct sleeper sleeper = {.span = {LONG_S, 0}};
        thrum_future *future = case_spawn(calls[i], &sleeper);

        CHECK_INT(thrum_pass(), 0);
        CHECK(!sleeper.ended);
        CHECK_INT(thrum_future_kill(future, THRUM_FOREVER), 0);
        CHECK_INT(sleeper.rc, -1);
        CHECK_INT(sleeper.error, ECANCELED);
        CHECK(sleeper.left.tv_sec > LONG_S / 2);
        CHECK(sleeper.left.tv_sec <= LONG_S);
        thrum_future_unref(future);
    }
}

TEST_GREEN(P33_the_deadline_of_a_block_is_ETIMEDOUT)
{
    struct timespec span = {LONG_S, 0};

    THRUM_WITH_DEADLINE(limit, thrum_in_ms(1)) {
        errno = 0;
        CHECK_INT(nanosleep(&span, NULL), -1);
        CHECK_INT(errno, ETIMEDOUT);
        CHECK_INT(clock_nanosleep(CLOCK_BOOTTIME, 0, &span, NULL), ETIMEDOUT);
    }
    CHECK(thrum_expired(&limit));
}

TEST_GREEN(P33_a_sleep_without_an_end_can_be_killed)
{
    struct sleeper sleeper = {.span = {INT64_MAX, 999999999}};
    thrum_future *future = case_spawn(by_nanosleep, &sleeper);

    CHECK_INT(thrum_pass(), 0);
    CHECK(!sleeper.ended);
    CHECK_INT(thrum_future_kill(future, THRUM_FOREVER), 0);
    CHECK(sleeper.left.tv_sec > LONG_S);
    thrum_future_unref(future);
}

TEST_GREEN(P33_a_point_that_is_past_is_no_wait)
{
    const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
                                CLOCK_TAI};
    const struct timespec past = {0, 0};

    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++)
        CHECK_INT(clock_nanosleep(clocks[i], TIMER_ABSTIME, &past, NULL), 0);
}

TEST_GREEN(P33_sleep_refuses_what_the_system_refuses)
{
    const struct timespec bad[] = {{0, 1000000000}, {0, -1}, {-1, 0}};
    const struct timespec good = {0, 1};

    for (size_t i = 0; i < 3; i++) {
        errno = 0;
        CHECK_INT(nanosleep(&bad[i], NULL), -1);
        CHECK_INT(errno, EINVAL);
        CHECK_INT(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &bad[i], NULL),
                  EINVAL);
        CHECK(thrd_sleep(&bad[i], NULL) < -1);
    }
    CHECK_INT(clock_nanosleep(12345, 0, &good, NULL), EINVAL);
    CHECK_INT(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &good, NULL), EINVAL);
}

static void *say_so(void *arg)
{
    *(bool *)arg = true;
    return NULL;
}

TEST_GREEN(P33_who_yields_lets_the_others_go_on)
{
    bool said = false;
    struct beside *other = beside(say_so, &said);

    while (!said)
        CHECK_INT(sched_yield(), 0);
    beside_end(other);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("time", argc, argv);
}
