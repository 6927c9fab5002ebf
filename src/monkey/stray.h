/* SPDX-License-Identifier: MIT */
/*
 * monkey/stray.h - is it a system call that may wait?
 */
#ifndef THRUMI_MONKEY_STRAY_H
#define THRUMI_MONKEY_STRAY_H

#include <stdbool.h>

#include "sys/dispatch.h"

/* By its number and arguments, and by what its descriptor is. It is not asked
 * whether there is something to wait for now. */
bool thrumi_stray_may_wait(const struct thrumi_dispatched *call);

/* Does it wait for a word of memory? libc does so on behalf of malloc(), too. */
bool thrumi_stray_is_futex(const struct thrumi_dispatched *call);

#endif /* THRUMI_MONKEY_STRAY_H */
