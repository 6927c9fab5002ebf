/* SPDX-License-Identifier: MIT */
/*
 * sys/guard.h - memory that cannot be touched.
 */
#ifndef THRUMI_SYS_GUARD_H
#define THRUMI_SYS_GUARD_H

#include <stdbool.h>
#include <stddef.h>

/* Makes whole pages of a private anonymous mapping trap. What was in them is
 * gone. They stay so when the memory around them is given back. Returns 0 or
 * -errno: -ENOMEM when the process has all the mappings that it may have. */
int thrumi_guard_install(void *low, size_t size);

/* Do guards cost no mapping here? */
bool thrumi_guard_is_light(void);

#endif /* THRUMI_SYS_GUARD_H */
