/* SPDX-License-Identifier: MIT */
/*
 * task/waitgraph.h - finding waits that could never end.
 */
#ifndef THRUMI_TASK_WAITGRAPH_H
#define THRUMI_TASK_WAITGRAPH_H

#include "task/context.h"

/* Says that the context is about to wait for the future without a deadline.
 * Returns 0; or -EDEADLK when the future's task waits, directly or through
 * others, for a task that runs in this very context. `*ret_queue` is the
 * executor in whose queue the task lies that all of them wait for in the end;
 * it is left alone if there is none. */
int thrumi_waitgraph_enter(struct thrumi_context *context, thrum_future *future,
                           thrum_executor **ret_queue);
void thrumi_waitgraph_leave(struct thrumi_context *context);
/* The same without the lock, for a future that will be settled by the context's
 * own thread. */
int thrumi_waitgraph_enter_own(struct thrumi_context *context,
                               thrum_future *future);
void thrumi_waitgraph_leave_own(struct thrumi_context *context);
/* Logs the cycle that the context's wait for the future would close, in words;
 * nothing if it would close none. */
void thrumi_waitgraph_tell(struct thrumi_context *context,
                           thrum_future *future);

/* Waits until nobody is looking at a context that is about to be freed. */
void thrumi_waitgraph_barrier(void);

#endif /* THRUMI_TASK_WAITGRAPH_H */
