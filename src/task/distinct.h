/* SPDX-License-Identifier: MIT */
/*
 * task/distinct.h - the same futures, each of them once.
 */
#ifndef THRUMI_TASK_DISTINCT_H
#define THRUMI_TASK_DISTINCT_H

#include <stddef.h>

#include <thrum/future.h>

/* Makes an array of the different ones among n, in the order of their first
 * places. Returns how many, -ENOMEM, or -EINVAL if one is NULL. The caller
 * frees the array with thrumi_free(). */
int thrumi_distinct(thrum_future *const *futures, size_t n,
                    thrum_future ***ret);

#endif /* THRUMI_TASK_DISTINCT_H */
