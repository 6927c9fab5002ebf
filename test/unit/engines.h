/* SPDX-License-Identifier: MIT */
/*
 * test/unit/engines.h - an engine and a caller of it, without a hub.
 *
 * The caller parks by turning the engine until it is woken, as in a hub that has
 * nothing else to run.
 */
#ifndef TEST_ENGINES_H
#define TEST_ENGINES_H

#include <errno.h>
#include <string.h>

#include "hub/engine.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "task/context.h"
#include "thrum_test.h"

struct rig {
    struct thrumi_scheduler scheduler;
    struct thrumi_engine *engine;
    void (*meanwhile)(struct rig *rig); /* called in each park */
    int (*fails)(struct rig *rig);      /* what the park says besides */
    int fd;
    unsigned parks;
    unsigned turns;
};

static inline bool rig_woken(struct thrumi_parking *parking)
{
    return atomic_load(&parking->word) == THRUMI_PARKING_WOKEN;
}

static inline int rig_park(struct thrumi_scheduler *scheduler,
                           struct thrumi_parking *parking, thrum_time deadline,
                           unsigned flags)
{
    struct rig *rig = thrumi_container_of(scheduler, struct rig, scheduler);
    bool masked = (flags & THRUMI_PARK_MASKED) != 0;
    int rc = 0;

    rig->parks++;
    while (!rig_woken(parking)) {
        if (rig->meanwhile != NULL && !masked)
            rig->meanwhile(rig);
        if (rig->fails != NULL && !masked)
            rc = rig->fails(rig);
        if (rc != 0 || rig_woken(parking))
            return rc;
        if (thrumi_time_past(deadline))
            return -ETIMEDOUT;
        rig->turns++;
        rc = rig->engine->ops->turn(rig->engine, deadline);
        if (rc == -EINTR)
            rc = 0;
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* The kernel interrupts a turn also for what is left to do of a ring that this
 * process has closed. */
static inline int rig_turn(const struct rig *rig, thrum_time deadline)
{
    int rc;

    do
        rc = rig->engine->ops->turn(rig->engine, deadline);
    while (rc == -EINTR);
    return rc;
}

static inline void rig_unpark(struct thrumi_scheduler *scheduler,
                              struct thrumi_parking *parking)
{
    (void)scheduler;
    atomic_store(&parking->word, THRUMI_PARKING_WOKEN);
}

static inline void rig_open(struct rig *rig,
                            const struct thrumi_engine_ops *ops)
{
    memset(rig, 0, sizeof(*rig));
    rig->scheduler.park = rig_park;
    rig->scheduler.unpark = rig_unpark;
    assert_int_equal(ops->open(&rig->engine), 0);
    thrumi_self()->scheduler = &rig->scheduler;
}

static inline void rig_close(struct rig *rig)
{
    assert_int_equal(rig->engine->ops->waiting(rig->engine), 0);
    rig->engine->ops->close(rig->engine);
    thrumi_self()->scheduler = NULL;
}

static inline int64_t rig_run(struct rig *rig, struct thrumi_io *io,
                              thrum_time deadline)
{
    return rig->engine->ops->run(rig->engine, io, deadline);
}

#endif /* TEST_ENGINES_H */
