/* SPDX-License-Identifier: MIT */
/*
 * sys/interrupted.h - where a signal has interrupted a thread.
 */
#ifndef THRUMI_SYS_INTERRUPTED_H
#define THRUMI_SYS_INTERRUPTED_H

#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

/* NULL where it is not known how to tell. */
struct thrumi_interrupted {
    const void *pc;
    const void *sp;
};

/* By the third argument of a handler. */
static inline struct thrumi_interrupted
thrumi_interrupted_at(const void *context)
{
    struct thrumi_interrupted place = {NULL, NULL};
#if defined(__x86_64__)
    const ucontext_t *at = context;

    place.pc = (const void *)(uintptr_t)at->uc_mcontext.gregs[REG_RIP];
    place.sp = (const void *)(uintptr_t)at->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    const ucontext_t *at = context;

    place.pc = (const void *)(uintptr_t)at->uc_mcontext.pc;
    place.sp = (const void *)(uintptr_t)at->uc_mcontext.sp;
#else
    (void)context;
#endif
    return place;
}

#endif /* THRUMI_SYS_INTERRUPTED_H */
