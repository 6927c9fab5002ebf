/* SPDX-License-Identifier: MIT */
/*
 * task/local.h - the end of what a greenlet or thread has of thrum_local.
 */
#ifndef THRUMI_TASK_LOCAL_H
#define THRUMI_TASK_LOCAL_H

struct thrumi_locals;

/* Destroys the values and frees the table; then `*locals` is NULL. */
void thrumi_locals_end(struct thrumi_locals **locals);

#endif /* THRUMI_TASK_LOCAL_H */
