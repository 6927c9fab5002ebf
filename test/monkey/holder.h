/* SPDX-License-Identifier: MIT */
/*
 * test/monkey/holder.h - somebody beside a case, who holds what it wants.
 *
 * In a greenlet the case finds it held for certain, since the other one gives it
 * back after a turn of the case's.
 */
#ifndef TEST_MONKEY_HOLDER_H
#define TEST_MONKEY_HOLDER_H

#include <time.h>

#include "cases.h"

#define LONG_S 60 /* from now: later than anything here takes */

static inline struct timespec in_long(clockid_t clock)
{
    struct timespec at = {0, 0};

    clock_gettime(clock, &at);
    at.tv_sec += LONG_S;
    return at;
}

/* ---- who holds ---- */

struct holder {
    void (*take)(void *object);
    void (*give)(void *object);
    void *object;
    thrum_event held;
    struct beside *beside;
};

static inline void *hold(void *arg)
{
    struct holder *holder = arg;

    holder->take(holder->object);
    thrum_event_set(&holder->held);
    CHECK_INT(thrum_pass(), 0);
    holder->give(holder->object);
    return NULL;
}

static inline void holder_begin(struct holder *holder)
{
    thrum_event_init(&holder->held);
    holder->beside = beside(hold, holder);
    CHECK_INT(thrum_event_wait(&holder->held, THRUM_FOREVER), 0);
}

static inline void holder_end(struct holder *holder)
{
    beside_end(holder->beside);
    thrum_event_fini(&holder->held);
}

#define HOLDER(lock, unlock, thing)           \
 {                                            \
  lock, unlock, thing, THRUM_EVENT_INIT, NULL \
 }

#endif /* TEST_MONKEY_HOLDER_H */
