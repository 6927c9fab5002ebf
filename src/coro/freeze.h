/* SPDX-License-Identifier: MIT */
/*
 * coro/freeze.h - stopping all switches of the process for a while.
 */
#ifndef THRUMI_CORO_FREEZE_H
#define THRUMI_CORO_FREEZE_H

#include <stdbool.h>

/* From here on what stands still stays so, in every thread but the caller's,
 * until thaw. False: the system has no way to make sure of that, and only the
 * caller's own stacks can be read. One at a time. */
bool thrumi_strands_freeze(void);
void thrumi_strands_thaw(void);

#endif /* THRUMI_CORO_FREEZE_H */
