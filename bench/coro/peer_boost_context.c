/* SPDX-License-Identifier: MIT */
/*
 * coro/peer_boost_context.c - Boost.Context's jump_fcontext(), from C.
 *
 * Its two functions are declared here: the library's header for them is C++,
 * they themselves are assembly. A jump tells where it came from, and that is
 * where one can jump back to, once.
 */
#include "coro/harness.h"
#include "coro/stacks.h"

struct peer_transfer {
    void *context; /* of the one that jumped */
    void *data;
};

struct peer_transfer jump_fcontext(void *to, void *data);
void *make_fcontext(void *top, size_t size,
                    void (*fn)(struct peer_transfer from));

static struct bench_coro *peer_to; /* for those that begin */

static inline void peer_arrive(struct peer_transfer transfer)
{
    struct bench_coro *from = transfer.data;
    from->context[0] = transfer.context;
}

static inline void peer_switch(struct bench_coro *from, struct bench_coro *to)
{
    peer_to = to;
    peer_arrive(jump_fcontext(to->context[0], from));
}

static void peer_main(struct peer_transfer transfer);

static void peer_make(struct bench_coro *coro)
{
    coro->stack = stacks_take();
    coro->context[0] = make_fcontext(coro->stack, STACKS_SIZE, peer_main);
}

static void peer_finish(struct bench_coro *coro);

#include "coro/ring.h"

static void peer_main(struct peer_transfer transfer)
{
    struct bench_coro *self = peer_to;

    peer_arrive(transfer);
    self->body(self);
    peer_switch(self, &ring_main);
}

static void peer_finish(struct bench_coro *coro)
{
    peer_switch(&ring_main, coro);
    stacks_give(coro->stack);
}

#include "coro/pull.h"

const struct bench_peer bench_peer = {RING_PEER, PULL_PEER};
