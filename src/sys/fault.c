/* SPDX-License-Identifier: MIT */
/*
 * sys/fault.c - the seam through which tests make calls of sys/ fail.
 */
#include "sys/fault.h"

#ifdef THRUMI_FAULTS
# include <stdatomic.h>
# include <stddef.h>

static struct {
    _Atomic(thrumi_fault_fn *) fn;
    void *arg;
} fault_state;

void thrumi_fault_set(thrumi_fault_fn *fn, void *arg)
{
    fault_state.arg = arg;
    /* release: pairs with the acquire in thrumi_fault() */
    atomic_store_explicit(&fault_state.fn, fn, memory_order_release);
}

bool thrumi_fault(const char *call)
{
    thrumi_fault_fn *fn =
        atomic_load_explicit(&fault_state.fn, memory_order_acquire);

    return fn != NULL && fn(call, fault_state.arg);
}
#else
/* An empty file is not C. */
typedef int thrumi_fault_none;
#endif
