/* SPDX-License-Identifier: MIT */
/*
 * sys/allbarrier.h - a fence on every thread of the process.
 */
#ifndef THRUMI_SYS_ALLBARRIER_H
#define THRUMI_SYS_ALLBARRIER_H

#include <stdbool.h>

/* When it returns, every other thread has passed a full fence since it was
 * called. False: the kernel has no such thing (membarrier(2), Linux 4.14). */
bool thrumi_all_barrier(void);

#endif /* THRUMI_SYS_ALLBARRIER_H */
