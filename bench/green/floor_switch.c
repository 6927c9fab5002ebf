/* SPDX-License-Identifier: MIT */
/*
 * green/floor_switch.c - bare switches, without a scheduler.
 *
 * A turn is one switch to the next in a ring: no run queue. One that is started
 * gets the stack that was used last, runs, and switches back: nothing holds its
 * result. x86-64; other processors: exit status 77.
 */
#include "green/harness.h"

#if defined(__x86_64__)

# include <stdlib.h>

# include "coro/bare_switch.h"
# include "coro/stacks.h"

struct context {
    void *sp;
    struct context *next;
};

static struct context floor_main;
static struct context *floor_stopped; /* goes on when the main one stops */
static long floor_left;               /* turns until the main one's */

static void *floor_new(void *stack, void (*fn)(void *), void *arg)
{
    return floor_ready(floor_call(stack, (void *)fn, arg));
}

static void floor_turns(void *arg)
{
    struct context *self = arg;

    for (;;) {
        struct context *to = self->next;
        if (__builtin_expect(--floor_left < 0, 0)) {
            floor_stopped = self;
            to = &floor_main;
        }
        floor_switch(&self->sp, to->sp);
    }
}

static void floor_yield_run(long n)
{
    floor_left = n;
    floor_switch(&floor_main.sp, floor_stopped->sp);
}

static bench_run *floor_yield(long k)
{
    struct context *ring = calloc((size_t)k, sizeof *ring);

    for (long i = 0; i < k; i++) {
        ring[i].sp = floor_new(stacks_take(), floor_turns, &ring[i]);
        ring[i].next = &ring[(i + 1) % k];
    }
    floor_stopped = &ring[0];
    return floor_yield_run;
}

static void floor_once(void *arg)
{
    struct context *self = arg;

    floor_left++;
    floor_switch(&self->sp, floor_main.sp);
}

static void floor_spawnjoin(long n)
{
    struct context one;

    floor_left = 0;
    for (long i = 0; i < n; i++) {
        void *stack = stacks_take();
        one.sp = floor_new(stack, floor_once, &one);
        floor_switch(&floor_main.sp, one.sp);
        stacks_give(stack);
    }
    if (floor_left != n)
        bench_die("number of runs");
}

const struct bench_peer bench_peer = {
    .yield = floor_yield,
    .spawnjoin = floor_spawnjoin,
};

#else

const struct bench_peer bench_peer = {.start = NULL};

#endif
