/* SPDX-License-Identifier: MIT */
/*
 * coro/backtrace.c - where a strand that stands still is.
 *
 * The unwinder of the C library walks our own stack up to the walk of sys/ctx,
 * whose caller appears to be what stopped on the other one, and goes on there.
 * What it found before that place is dropped.
 */
#include "coro/backtrace.h"

#include <string.h>

#include "sys/unwind.h"

#define BACKTRACE_MOST 128

struct backtrace {
    void *found[BACKTRACE_MOST];
    int count;
};

static void backtrace_take(void *arg)
{
    struct backtrace *trace = arg;

    trace->count = thrumi_unwind(trace->found, BACKTRACE_MOST);
}

int thrumi_backtrace(struct thrumi_strand *strand, void **frames, int max)
{
    void *pc = thrumi_strand_pc(strand);
    struct backtrace trace = {.count = 0};
    int first = 0;

    if (pc == NULL || !THRUMI_CTX_WALK)
        return 0;
    thrumi_ctx_walk(&strand->ctx, backtrace_take, &trace);
    while (first < trace.count && trace.found[first] != pc)
        first++;
    if (max > trace.count - first)
        max = trace.count - first;
    if (max > 0)
        memcpy(frames, trace.found + first, (size_t)max * sizeof(*frames));
    return max;
}
