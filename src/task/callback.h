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
    thrum_future *future;
    bool owns; /* the frame drops a reference of its own afterwards */
};

/* Goes on where callbacks ended their thread: every future whose list was
 * being worked off on this context's stack is worked off to its end. */
void thrumi_callback_resume(struct thrumi_context *context);

#endif /* THRUMI_TASK_CALLBACK_H */
