/* SPDX-License-Identifier: MIT */
/*
 * task/submit.h - handing a task that was made before to an executor.
 */
#ifndef THRUMI_TASK_SUBMIT_H
#define THRUMI_TASK_SUBMIT_H

#include <thrum/executor.h>

/* Hands the task, with the queue's reference, to its executor. Refused, both
 * references are still there. */
int thrumi_submit_enqueue(thrum_executor *executor, thrum_future *task);

#endif /* THRUMI_TASK_SUBMIT_H */
