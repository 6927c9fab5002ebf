/* SPDX-License-Identifier: MIT */
/*
 * coro/backtrace.h - where a strand that stands still is.
 */
#ifndef THRUMI_CORO_BACKTRACE_H
#define THRUMI_CORO_BACKTRACE_H

#include "coro/strand.h"

/* The return addresses of its frames, the innermost first; how many. 0 if it
 * runs. Whoever calls sees to it that it stands still meanwhile. */
int thrumi_backtrace(struct thrumi_strand *strand, void **frames, int max);

#endif /* THRUMI_CORO_BACKTRACE_H */
