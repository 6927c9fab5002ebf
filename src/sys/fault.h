/* SPDX-License-Identifier: MIT */
/*
 * sys/fault.h - the seam through which tests make calls of sys/ fail.
 *
 * In the library that is installed it is nothing at all. In libthrum-all each
 * call that can fail asks first, by name; the test's hook says whether it is
 * to fail this time.
 */
#ifndef THRUMI_SYS_FAULT_H
#define THRUMI_SYS_FAULT_H

#include <stdbool.h>

#ifdef THRUMI_FAULTS
typedef bool thrumi_fault_fn(const char *call, void *arg);
/* NULL: nothing fails. Set while no other thread is inside the library. */
void thrumi_fault_set(thrumi_fault_fn *fn, void *arg);
bool thrumi_fault(const char *call);
#else
# define thrumi_fault(call) false
#endif

#endif /* THRUMI_SYS_FAULT_H */
