/* SPDX-License-Identifier: MIT */
/*
 * monkey/process.h - waiting for children as wait4(2) does, in greenlets.
 */
#ifndef THRUMI_MONKEY_PROCESS_H
#define THRUMI_MONKEY_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

struct rusage;

/* The child, or a code: -ECHILD, -ECANCELED, -ETIMEDOUT. */
int64_t thrumi_process_wait4(pid_t pid, int *status, int options,
                             struct rusage *usage);

#endif /* THRUMI_MONKEY_PROCESS_H */
