/* SPDX-License-Identifier: MIT */
/*
 * monkey/time.c - sleep and its like.
 *
 * A span is slept by the monotonic clock, which is that of a relative sleep by
 * CLOCK_REALTIME too. A sleep to a point of a clock that can be set, or goes on
 * while the machine is suspended, is a timer of the system's.
 */
#include <poll.h>
#include <sys/timerfd.h>

#include <thrum/green.h>
#include <thrum/net.h>

#include "monkey/hooks.h"
#include "monkey/span.h"

#define TIME_LOOK_MS 50 /* from one look at a clock to the next */

/* To a point of the monotonic clock, or until a signal handler has run. */
static int time_sleep_until(thrum_time end)
{
    bool before = thrum_hub_interruptible(true);
    int rc = thrum_sleep(end);

    (void)thrum_hub_interruptible(before);
    return rc;
}

/* Sleeps; what is left when it is ended early is told. */
static int time_sleep(const struct timespec *span, struct timespec *left)
{
    thrum_time end = thrumi_span_end(span);
    int rc = time_sleep_until(end);

    if (rc < 0 && left != NULL)
        *left = thrumi_span_left(end);
    return rc;
}

unsigned thrumi_hook_sleep(unsigned seconds)
{
    struct timespec span = {seconds, 0};
    int rc;

    if (thrumi_monkey_outside())
        return thrumi_original.sleep(seconds);
    rc = time_sleep(&span, &span);
    if (rc == 0)
        return 0;
    (void)thrumi_to_errno(rc);
    return (unsigned)span.tv_sec;
}

int thrumi_hook_usleep(useconds_t microseconds)
{
    if (thrumi_monkey_outside())
        return thrumi_original.usleep(microseconds);
    return (int)thrumi_to_errno(time_sleep_until(thrum_in_us(microseconds)));
}

int thrumi_hook_nanosleep(const struct timespec *span, struct timespec *left)
{
    if (thrumi_monkey_outside() || span == NULL || !thrumi_span_is_valid(span))
        return thrumi_original.nanosleep(span, left);
    return (int)thrumi_to_errno(time_sleep(span, left));
}

int thrumi_hook_thrd_sleep(const struct timespec *span, struct timespec *left)
{
    if (thrumi_monkey_outside() || span == NULL || !thrumi_span_is_valid(span))
        return thrumi_original.thrd_sleep(span, left);
    return time_sleep(span, left) == 0 ? 0 : -1;
}

int thrumi_hook_sched_yield(void)
{
    if (thrumi_monkey_outside())
        return thrumi_original.sched_yield();
    return (int)thrumi_to_errno(thrum_pass());
}

void thrumi_hook_thrd_yield(void)
{
    if (thrumi_monkey_outside())
        thrumi_original.thrd_yield();
    else
        (void)thrum_pass();
}

/* ---- by a clock ---- */

static bool time_is_reached(clockid_t clock, const struct timespec *point)
{
    struct timespec now;

    if (clock_gettime(clock, &now) != 0)
        return true;
    if (now.tv_sec != point->tv_sec)
        return now.tv_sec > point->tv_sec;
    return now.tv_nsec >= point->tv_nsec;
}

/* The same point by a clock that has timers. */
static struct timespec time_by_timer(clockid_t clock,
                                     const struct timespec *point)
{
    struct timespec at = *point;
    struct timespec tai;
    struct timespec utc;

    if (clock != CLOCK_TAI || clock_gettime(CLOCK_TAI, &tai) != 0 ||
        clock_gettime(CLOCK_REALTIME, &utc) != 0)
        return at;
    /* whole seconds apart; the second was asked for a moment later */
    at.tv_sec -= tai.tv_sec - utc.tv_sec + (tai.tv_nsec > utc.tv_nsec);
    return at;
}

/* Makes the descriptor readable at that point, or once the clock is set. */
static void time_arm(int fd, clockid_t clock, const struct timespec *point)
{
    struct itimerspec at = {.it_value = time_by_timer(clock, point)};

    /* -ECANCELED: it was set just now, and is armed all the same */
    (void)timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at,
                          NULL);
}

/* No descriptor is left: the clock is looked at. */
static int time_look(clockid_t clock, const struct timespec *point)
{
    int rc = 0;

    while (rc == 0 && !time_is_reached(clock, point))
        rc = time_sleep_until(thrum_in_ms(TIME_LOOK_MS));
    return rc;
}

static int time_wait(clockid_t clock, const struct timespec *point)
{
    int fd = timerfd_create(clock == CLOCK_TAI ? CLOCK_REALTIME : clock,
                            TFD_CLOEXEC | TFD_NONBLOCK);
    bool before;
    int rc = 0;

    if (fd < 0)
        return time_look(clock, point);
    (void)thrum_fd_fresh(fd);
    before = thrum_hub_interruptible(true);
    while (rc >= 0 && !time_is_reached(clock, point)) {
        time_arm(fd, clock, point);
        rc = thrum_poll_one(fd, POLLIN, THRUM_FOREVER);
    }
    (void)thrum_hub_interruptible(before);
    (void)thrum_close(fd);
    return rc < 0 ? rc : 0;
}

static int time_sleep_to(clockid_t clock, const struct timespec *point)
{
    if (clock == CLOCK_MONOTONIC)
        return time_sleep_until(thrumi_span_at(point));
    return time_is_reached(clock, point) ? thrum_pass()
                                         : time_wait(clock, point);
}

/* A span by the clock that goes on while the machine is suspended. */
static int time_sleep_through(const struct timespec *span,
                              struct timespec *left)
{
    struct timespec point;
    struct timespec now;
    int64_t ns;
    int rc;

    if (clock_gettime(CLOCK_BOOTTIME, &now) != 0)
        return time_sleep(span, left);
    ns = thrumi_span_sum(&now, span);
    point = thrumi_span_of(ns);
    rc = time_sleep_to(CLOCK_BOOTTIME, &point);
    if (rc < 0 && left != NULL && clock_gettime(CLOCK_BOOTTIME, &now) == 0)
        *left = thrumi_span_of(ns - thrumi_span_ns(&now));
    return rc;
}

static bool time_is_known(clockid_t clock)
{
    return clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME ||
           clock == CLOCK_BOOTTIME || clock == CLOCK_TAI;
}

/* Unlike the others this one returns the error. */
int thrumi_hook_clock_nanosleep(clockid_t clock, int flags,
                                const struct timespec *span,
                                struct timespec *left)
{
    int rc;

    if (thrumi_monkey_outside() || span == NULL ||
        !thrumi_span_is_valid(span) || !time_is_known(clock))
        return thrumi_original.clock_nanosleep(clock, flags, span, left);
    if ((flags & TIMER_ABSTIME) != 0)
        rc = time_sleep_to(clock, span);
    else if (clock == CLOCK_BOOTTIME)
        rc = time_sleep_through(span, left);
    else
        rc = time_sleep(span, left);
    if (rc == 0)
        return 0;
    return thrumi_to_error(rc);
}
