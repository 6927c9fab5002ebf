/* SPDX-License-Identifier: MIT */
/*
 * task/callback.h - settlements under way, for callbacks that never return.
 */
#ifndef THRUMI_TASK_CALLBACK_H
#define THRUMI_TASK_CALLBACK_H

#include "task/context.h"

/* A future whose list is being worked off on this stack. */
struct thrumi_drain {
    struct thrumi_drain *outer;
    struct thrumi_context *context; /* where it runs */
    thrum_future *future;
    bool owns; /* the frame drops a reference of its own afterwards */
    bool done;
};

/* Goes on with one whose callback has ended its thread. */
void thrumi_drain_resume(struct thrumi_drain *drain);

/* At the end of its frame, however that is left; see thrumi_body_leave(). */
static inline void thrumi_drain_leave(struct thrumi_drain *drain)
{
    if (thrumi_unlikely(!drain->done))
        thrumi_drain_resume(drain);
}

/* Goes on where callbacks ended their thread: every future whose list was
 * being worked off on this context's stack is worked off to its end. */
void thrumi_callback_resume(struct thrumi_context *context);

#endif /* THRUMI_TASK_CALLBACK_H */
