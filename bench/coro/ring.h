/* SPDX-License-Identifier: MIT */
/*
 * coro/ring.h - contexts that switch to each other, by the peer's own switch.
 *
 * The peer's file defines these three and then includes this one:
 *
 *     peer_make(coro)        readies coro->body to be run by a switch; what it
 *                            does after the body's end gives control to the
 *                            one that waits in peer_finish()
 *     peer_switch(from, to)  stops `from`, which runs, lets `to` go on
 *     peer_finish(coro)      from the first context: lets it run to its end,
 *                            gives back what it took
 *
 * The first context, ring_main, is the process's own. When the switches that a
 * measurement asks for are done, whoever runs switches to it.
 *
 * A loop stands where the switch is, or a number of calls above it; the calls
 * return after every switch, as they do where real code waits in its depths.
 */
#ifndef BENCH_CORO_RING_H
#define BENCH_CORO_RING_H

#include <stdlib.h>

#include "coro/harness.h"

#define RING_CALL static __attribute__((noinline)) void

/* After a call: it is not the last thing, and may have changed anything. */
#define RING_RETURN() __asm__ volatile("" ::: "memory")

static struct bench_coro ring_main;
static struct bench_coro *ring_stopped; /* goes on when the first stops */
static long ring_left;                  /* switches until the first one's */

/* Whose turn it is after `self`. */
static inline struct bench_coro *ring_turn(struct bench_coro *self)
{
    if (__builtin_expect(--ring_left >= 0, 1))
        return self->next;
    ring_stopped = self;
    return &ring_main;
}

RING_CALL ring_nest1(struct bench_coro *self)
{
    peer_switch(self, ring_turn(self));
    RING_RETURN();
}

RING_CALL ring_nest2(struct bench_coro *self)
{
    ring_nest1(self);
    RING_RETURN();
}

RING_CALL ring_nest3(struct bench_coro *self)
{
    ring_nest2(self);
    RING_RETURN();
}

RING_CALL ring_nest4(struct bench_coro *self)
{
    ring_nest3(self);
    RING_RETURN();
}

RING_CALL ring_nest5(struct bench_coro *self)
{
    ring_nest4(self);
    RING_RETURN();
}

RING_CALL ring_nest6(struct bench_coro *self)
{
    ring_nest5(self);
    RING_RETURN();
}

RING_CALL ring_depth0(struct bench_coro *self)
{
    for (;;)
        peer_switch(self, ring_turn(self));
}

RING_CALL ring_depth1(struct bench_coro *self)
{
    for (;;)
        ring_nest1(self);
}

RING_CALL ring_depth3(struct bench_coro *self)
{
    for (;;)
        ring_nest3(self);
}

RING_CALL ring_depth6(struct bench_coro *self)
{
    for (;;)
        ring_nest6(self);
}

/* Not the code of ring_depth0(), or the two would be made one. */
RING_CALL ring_other(struct bench_coro *self)
{
    for (;;) {
        struct bench_coro *to = ring_turn(self);
        self->value = to;
        peer_switch(self, to);
    }
}

static void (*ring_body(enum bench_body body, long i))(struct bench_coro *)
{
    static void (*const bodies[])(struct bench_coro *) = {
        [BENCH_DEPTH0] = ring_depth0,    [BENCH_DEPTH1] = ring_depth1,
        [BENCH_DEPTH3] = ring_depth3,    [BENCH_DEPTH6] = ring_depth6,
        [BENCH_DIFFERENT] = ring_depth0,
    };
    return body == BENCH_DIFFERENT && i % 2 ? ring_other : bodies[body];
}

static void ring_go(long n)
{
    ring_left = n;
    peer_switch(&ring_main, ring_stopped);
}

static bench_run *ring_ready(enum bench_body body, long k)
{
    struct bench_coro *ring = calloc((size_t)k, sizeof *ring);

    for (long i = 0; i < k; i++) {
        ring[i].body = ring_body(body, i);
        ring[i].next = &ring[(i + 1) % k];
        peer_make(&ring[i]);
    }
    ring_stopped = &ring[0];
    return ring_go;
}

/* ---- one at a time ---- */

static void ring_once(struct bench_coro *self)
{
    (void)self;
    ring_left++;
}

static void ring_create(long n)
{
    struct bench_coro coro = {.body = ring_once};

    ring_left = 0;
    for (long i = 0; i < n; i++) {
        peer_make(&coro);
        peer_finish(&coro);
    }
    if (ring_left != n)
        bench_die("number of runs");
}

/* ---- all at once ---- */

static void ring_half_way(struct bench_coro *self)
{
    peer_switch(self, &ring_main);
    ring_left++;
}

static void ring_park(struct bench_coro *all, long n)
{
    for (long i = 0; i < n; i++) {
        all[i].body = ring_half_way;
        peer_make(&all[i]);
        peer_switch(&ring_main, &all[i]);
    }
}

static void ring_finish(struct bench_coro *all, long n)
{
    ring_left = 0;
    for (long i = 0; i < n; i++)
        peer_finish(&all[i]);
    if (ring_left != n)
        bench_die("number of ends");
}

#define RING_PEER                                              \
 .ring = ring_ready, .create = ring_create, .park = ring_park, \
 .finish = ring_finish

#endif /* BENCH_CORO_RING_H */
