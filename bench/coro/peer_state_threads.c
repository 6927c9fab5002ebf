/* SPDX-License-Identifier: MIT */
/*
 * coro/peer_state_threads.c - State Threads, with a condition for every thread.
 *
 * The one that stops signals the condition of the next and waits for its own:
 * this version has no yield, and a sleep of no time goes by way of epoll. A
 * thread that is new stands in the run queue already, and misses the signal.
 */
#include <st.h>

#include "coro/harness.h"

/* context: its condition, its thread */

static inline void peer_switch(struct bench_coro *from, struct bench_coro *to)
{
    st_cond_signal(to->context[0]);
    st_cond_wait(from->context[0]);
}

static void *peer_main(void *arg)
{
    struct bench_coro *self = arg;

    self->body(self);
    return NULL;
}

static void peer_make(struct bench_coro *coro)
{
    coro->context[0] = st_cond_new();
    coro->context[1] = st_thread_create(peer_main, coro, 1, 64 * 1024);
    if (!coro->context[1])
        bench_die("st_thread_create");
}

static void peer_finish(struct bench_coro *coro)
{
    st_cond_signal(coro->context[0]);
    if (st_thread_join(coro->context[1], NULL) < 0)
        bench_die("st_thread_join");
    st_cond_destroy(coro->context[0]);
}

#include "coro/pull.h"
#include "coro/ring.h"

static void peer_start(void)
{
    st_set_eventsys(ST_EVENTSYS_ALT);
    if (st_init() < 0)
        bench_die("st_init");
    ring_main.context[0] = st_cond_new();
}

const struct bench_peer bench_peer = {
    .start = peer_start,
    RING_PEER,
    PULL_PEER,
};
