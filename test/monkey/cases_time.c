/* SPDX-License-Identifier: MIT */
/*
 * cases_time.c - sleeps: in a greenlet, whoever is beside has a turn meanwhile.
 */
#include <sched.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"

#define SHORT 20000000L /* ns */

static void *have_a_turn(void *arg)
{
    atomic_store((atomic_bool *)arg, true);
    return NULL;
}

/* One beside, who says when he had a turn. */
struct turn {
    atomic_bool had;
    struct beside *beside;
};

static void turn_begin(struct turn *turn)
{
    atomic_init(&turn->had, false);
    turn->beside = beside(have_a_turn, &turn->had);
}

/* A thread has its turn when the system gives it one. */
static void turn_end(struct turn *turn)
{
    CHECK(!case_in_greenlet() || atomic_load(&turn->had));
    beside_end(turn->beside);
}

CASE(sleep)
{
    struct turn turn;

    turn_begin(&turn);
    CHECK_INT(sleep(1), 0);
    turn_end(&turn);
}

CASE(usleep)
{
    struct turn turn;

    turn_begin(&turn);
    CHECK_INT(usleep(SHORT / 1000), 0);
    turn_end(&turn);
}

CASE(nanosleep)
{
    struct timespec span = {0, SHORT};
    struct turn turn;

    turn_begin(&turn);
    CHECK_INT(nanosleep(&span, &span), 0);
    turn_end(&turn);
}

CASE(clock_nanosleep)
{
    const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
                                CLOCK_TAI};

    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        struct timespec span = {0, SHORT};
        struct timespec now;
        struct turn turn;

        turn_begin(&turn);
        CHECK_INT(clock_nanosleep(clocks[i], 0, &span, &span), 0);
        turn_end(&turn);
        turn_begin(&turn);
        CHECK_INT(clock_gettime(clocks[i], &span), 0);
        span.tv_sec += span.tv_nsec >= 1000000000 - SHORT;
        span.tv_nsec = (span.tv_nsec + SHORT) % 1000000000;
        CHECK_INT(clock_nanosleep(clocks[i], TIMER_ABSTIME, &span, NULL), 0);
        CHECK_INT(clock_gettime(clocks[i], &now), 0);
        CHECK(now.tv_sec > span.tv_sec ||
              (now.tv_sec == span.tv_sec && now.tv_nsec >= span.tv_nsec));
        turn_end(&turn);
    }
}

CASE(thrd_sleep)
{
    struct timespec span = {0, SHORT};
    struct turn turn;

    turn_begin(&turn);
    CHECK_INT(thrd_sleep(&span, NULL), 0);
    turn_end(&turn);
}

CASE(sched_yield)
{
    struct turn turn;

    turn_begin(&turn);
    CHECK_INT(sched_yield(), 0);
    turn_end(&turn);
}

CASE(thrd_yield)
{
    struct turn turn;

    turn_begin(&turn);
    thrd_yield();
    turn_end(&turn);
}
