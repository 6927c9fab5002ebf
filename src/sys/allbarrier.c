/* SPDX-License-Identifier: MIT */
/*
 * sys/allbarrier.c - a fence on every thread of the process.
 */
#include "sys/allbarrier.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/fault.h"

static bool allbarrier_call(int command)
{
    return syscall(SYS_membarrier, command, 0, 0) == 0;
}

bool thrumi_all_barrier(void)
{
    /* a process registers once; to do it again is harmless */
    return !thrumi_fault("membarrier") &&
           allbarrier_call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
           allbarrier_call(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}
