/* SPDX-License-Identifier: MIT */
/*
 * base/wheel.h - many timers, of which nearly all are cancelled.
 *
 * A hierarchical timer wheel: to start and to cancel a timer costs the same
 * however many there are. Time is a count of ticks, whatever the owner lets a
 * tick be; the wheel reads no clock.
 *
 * Locking: none; the owner has it.
 */
#ifndef THRUMI_BASE_WHEEL_H
#define THRUMI_BASE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define THRUMI_WHEEL_BITS   6
#define THRUMI_WHEEL_SLOTS  (1u << THRUMI_WHEEL_BITS) /* of a level */
#define THRUMI_WHEEL_LEVELS 6u

/* Lies in what is timed; zeroed, it is not started. */
struct thrumi_timer {
    struct thrumi_link link; /* in a slot */
    uint64_t tick;           /* when it expires */
};

struct thrumi_wheel {
    uint64_t now;
    /* A bit for each slot that is not empty; the last word is that of `far`. */
    uint64_t full[THRUMI_WHEEL_LEVELS + 1];
    /* Lists of timers; the last is `far`, for what is beyond all levels. */
    struct thrumi_link slot[THRUMI_WHEEL_LEVELS * THRUMI_WHEEL_SLOTS + 1];
};

void thrumi_wheel_init(struct thrumi_wheel *wheel, uint64_t now_tick);
/* Lets a timer that is not started expire at `tick`, or, when that is not
 * after now, as soon as it is asked for what has expired. */
void thrumi_wheel_start(struct thrumi_wheel *wheel, struct thrumi_timer *timer,
                        uint64_t tick);
/* Nothing for a timer that is not started. */
void thrumi_wheel_cancel(struct thrumi_wheel *wheel,
                         struct thrumi_timer *timer);
/* When to look for expired timers: not later than the first of them expires,
 * though maybe before; UINT64_MAX when there is none. */
uint64_t thrumi_wheel_next(const struct thrumi_wheel *wheel);
/* Takes one timer off that has expired at `now_tick`, or returns NULL when
 * there is none (any more). They come in the order of their ticks, those of
 * one tick in the order in which they were started. */
struct thrumi_timer *thrumi_wheel_expire(struct thrumi_wheel *wheel,
                                         uint64_t now_tick);

static inline bool thrumi_timer_started(const struct thrumi_timer *timer)
{
    return thrumi_link_listed(&timer->link);
}

#endif /* THRUMI_BASE_WHEEL_H */
