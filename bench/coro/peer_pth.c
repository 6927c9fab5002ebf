/* SPDX-License-Identifier: MIT */
/*
 * coro/peer_pth.c - GNU Pth: threads of its own, and pth_yield() to a named one.
 *
 * Its scheduler runs at every yield, with a select(), and files threads in a
 * list that it walks: so not ten thousand of them.
 */
#include <pth.h>

#include "coro/harness.h"

static pth_attr_t peer_attributes;

static inline void peer_switch(struct bench_coro *from, struct bench_coro *to)
{
    (void)from;
    if (!pth_yield(to->context[0]))
        bench_die("pth_yield");
}

static void *peer_main(void *arg)
{
    struct bench_coro *self = arg;

    self->body(self);
    return NULL;
}

static void peer_make(struct bench_coro *coro)
{
    coro->context[0] = pth_spawn(peer_attributes, peer_main, coro);
    if (!coro->context[0])
        bench_die("pth_spawn");
}

static void peer_finish(struct bench_coro *coro)
{
    if (!pth_join(coro->context[0], NULL))
        bench_die("pth_join");
}

#include "coro/pull.h"
#include "coro/ring.h"

static void peer_start(void)
{
    if (!pth_init())
        bench_die("pth_init");
    ring_main.context[0] = pth_self();
    peer_attributes = pth_attr_new();
    pth_attr_set(peer_attributes, PTH_ATTR_STACK_SIZE, 64 * 1024);
}

const struct bench_peer bench_peer = {
    .most = 2000,
    .start = peer_start,
    RING_PEER,
    PULL_PEER,
};
