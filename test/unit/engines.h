/* SPDX-License-Identifier: MIT */
/*
 * test/unit/engines.h - an engine and a caller of it, without a hub.
 *
 * The caller's context parks by turning the engine until it is woken, as a hub
 * does that has nothing else to run.
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
    struct thrumi_context context;
    struct thrumi_context *before; /* what ran here */
    struct thrumi_engine *engine;
    void (*meanwhile)(struct rig *rig); /* called in each park */
    int (*fails)(struct rig *rig);      /* what the park says besides */
    int fd;
    unsigned parks;
    unsigned turns;
};

static inline int rig_park(struct thrumi_context *context,
                           struct thrumi_parking *parking, thrum_time deadline)
{
    struct rig *rig = thrumi_container_of(context, struct rig, context);
    int rc;

    rig->parks++;
    while (atomic_load(&parking->word) == 0) {
        if (rig->meanwhile != NULL)
            rig->meanwhile(rig);
        rc = rig->fails != NULL ? rig->fails(rig) : 0;
        if (rc != 0)
            return rc;
        if (atomic_load(&parking->word) != 0)
            break;
        if (thrumi_time_past(deadline))
            return -ETIMEDOUT;
        rig->turns++;
        rc = rig->engine->ops->turn(rig->engine, deadline);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static inline void rig_unpark(struct thrumi_context *context,
                              struct thrumi_parking *parking)
{
    (void)context;
    atomic_store(&parking->word, 1);
}

static inline void rig_open(struct rig *rig,
                            const struct thrumi_engine_ops *ops)
{
    memset(rig, 0, sizeof(*rig));
    rig->before = thrumi_context_running();
    thrumi_context_init(&rig->context);
    rig->context.park = rig_park;
    rig->context.unpark = rig_unpark;
    assert_int_equal(ops->open(&rig->engine), 0);
    thrumi_self()->running = &rig->context;
}

static inline void rig_close(struct rig *rig)
{
    assert_int_equal(rig->engine->ops->waiting(rig->engine), 0);
    rig->engine->ops->close(rig->engine);
    thrumi_self()->running = rig->before;
}

static inline int64_t rig_run(struct rig *rig, struct thrumi_io *io,
                              thrum_time deadline)
{
    return rig->engine->ops->run(rig->engine, io, deadline);
}

#endif /* TEST_ENGINES_H */
