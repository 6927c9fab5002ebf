/* SPDX-License-Identifier: MIT */
/*
 * coro/peer_ucontext.c - the C library's swapcontext().
 *
 * A context is 936 bytes, and lies at the top of its stack.
 */
#include <ucontext.h>

#include "coro/harness.h"
#include "coro/stacks.h"

static ucontext_t peer_first;

static inline void peer_switch(struct bench_coro *from, struct bench_coro *to)
{
    swapcontext(from->context[0], to->context[0]);
}

static void peer_make(struct bench_coro *coro);
static void peer_finish(struct bench_coro *coro);

#include "coro/ring.h"

/* makecontext() passes integers. */
static void peer_main(unsigned low, unsigned high)
{
    struct bench_coro *self =
        (struct bench_coro *)((uintptr_t)high << 16 << 16 | low);

    self->body(self); /* then the context's uc_link: the first one */
}

static void peer_make(struct bench_coro *coro)
{
    coro->stack = stacks_take();
    ucontext_t *context = (ucontext_t *)coro->stack - 1;
    uintptr_t self = (uintptr_t)coro;

    getcontext(context);
    context->uc_stack.ss_size = STACKS_SIZE - sizeof *context;
    context->uc_stack.ss_sp = (char *)coro->stack - STACKS_SIZE;
    context->uc_link = &peer_first;
    makecontext(context, (void (*)(void))peer_main, 2, (unsigned)self,
                (unsigned)(self >> 16 >> 16));
    coro->context[0] = context;
}

static void peer_finish(struct bench_coro *coro)
{
    peer_switch(&ring_main, coro);
    stacks_give(coro->stack);
}

#include "coro/pull.h"

static void peer_start(void)
{
    ring_main.context[0] = &peer_first;
}

const struct bench_peer bench_peer = {
    .start = peer_start,
    RING_PEER,
    PULL_PEER,
};
