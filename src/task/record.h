/* SPDX-License-Identifier: MIT */
/*
 * task/record.h - memory for futures: 64 bytes each, reused.
 */
#ifndef THRUMI_TASK_RECORD_H
#define THRUMI_TASK_RECORD_H

#include "task/context.h"

#define THRUMI_RECORD_SIZE 64

/* A record's memory, or NULL. */
void *thrumi_record_alloc(void);
void thrumi_record_free(void *memory);
/* Gives what a thread keeps to the others, when it ends. */
void thrumi_record_flush(struct thrumi_self *self);

#endif /* THRUMI_TASK_RECORD_H */
