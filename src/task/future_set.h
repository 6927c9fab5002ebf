/* SPDX-License-Identifier: MIT */
/*
 * task/future_set.h - a set whose members carry a pointer of their adder's.
 */
#ifndef THRUMI_TASK_FUTURE_SET_H
#define THRUMI_TASK_FUTURE_SET_H

#include <thrum/future.h>

/* As thrum_future_set_add() and _next(), with the pointer. */
int thrumi_future_set_add(thrum_future_set *set, thrum_future *future,
                          void *tag);
int thrumi_future_set_next(thrum_future_set *set, thrum_time deadline,
                           thrum_future **ret, void **ret_tag);

#endif /* THRUMI_TASK_FUTURE_SET_H */
