/* SPDX-License-Identifier: MIT */
/*
 * coro/peer_thrum.c - Thrum's greenlets and generators, with their defaults.
 */
#include <stdio.h>
#include <stdlib.h>
#include <thrum.h>

#include "coro/harness.h"

static void peer_failed(const char *call, int rc)
{
    fprintf(stderr, "%s: %s\n", call, thrum_strerror(rc));
    exit(1);
}

static inline void peer_check(const char *call, int rc)
{
    if (rc < 0)
        peer_failed(call, rc);
}

/* ---- greenlets ---- */

/* The value of every switch is who it goes to: of use in the first one. */
static inline void peer_switch(struct bench_coro *from, struct bench_coro *to)
{
    (void)from;
    peer_check("thrum_greenlet_switch",
               thrum_greenlet_switch(to->context[0], to, NULL));
}

static void *peer_main(void *arg)
{
    struct bench_coro *self = arg;

    self->body(self);
    return NULL;
}

static void peer_make(struct bench_coro *coro)
{
    thrum_greenlet *greenlet;

    peer_check("thrum_greenlet_new",
               thrum_greenlet_new(peer_main, NULL, NULL, &greenlet));
    coro->context[0] = greenlet;
}

static void peer_finish(struct bench_coro *coro)
{
    peer_switch(NULL, coro);
    thrum_greenlet_unref(coro->context[0]);
}

#include "coro/ring.h"

static void peer_start(void)
{
    ring_main.context[0] = thrum_greenlet_current();
}

/* With a look at the guards: what is counted is what they cost, too. */
static void peer_park(struct bench_coro *all, long n)
{
    thrum_stack_info info = THRUM_STACK_INFO;

    ring_park(all, n);
    for (long i = 0; i < n; i += n / 100 + 1) {
        peer_check("thrum_greenlet_stack",
                   thrum_greenlet_stack(all[i].context[0], &info));
        if (!info.guard_size)
            bench_die("a stack without a guard");
    }
}

/* ---- generators ---- */

static thrum_generator *peer_generator;
static long peer_expected;

static void *peer_count(void *arg)
{
    (void)arg;
    for (long i = 0; thrum_yield((void *)i, NULL) == 0; i++)
        ;
    return NULL;
}

static void peer_next_run(long n)
{
    void *value;

    for (long i = 0; i < n; i++) {
        peer_check("thrum_generator_next",
                   thrum_generator_next(peer_generator, &value));
        if (value != (void *)peer_expected++)
            bench_die("a value");
    }
}

static void peer_new(thrum_fn *fn, void *arg, thrum_generator **ret)
{
    peer_check("thrum_generator_new",
               thrum_generator_new(fn, arg, 0, NULL, ret));
}

static bench_run *peer_next(void)
{
    peer_new(peer_count, NULL, &peer_generator);
    return peer_next_run;
}

/* Yields what was sent, plus 1. */
static void *peer_echo(void *arg)
{
    char *sent = arg;

    while (thrum_yield(sent + 1, (void **)&sent) == 0)
        ;
    return NULL;
}

static void peer_send_run(long n)
{
    void *value;

    for (long i = 0; i < n; i++) {
        peer_check("thrum_generator_send",
                   thrum_generator_send(peer_generator, (void *)i, &value));
        if (value != (void *)(i + 1))
            bench_die("an answer");
    }
}

static bench_run *peer_send(void)
{
    peer_new(peer_echo, NULL, &peer_generator);
    peer_check("thrum_generator_next",
               thrum_generator_next(peer_generator, NULL));
    return peer_send_run;
}

static void *peer_delegate(void *arg)
{
    long depth = (long)arg;
    thrum_generator *inner;

    peer_new(depth > 1 ? peer_delegate : peer_count, (void *)(depth - 1),
             &inner);
    peer_check("thrum_yield_from", thrum_yield_from(inner, NULL));
    thrum_generator_unref(inner);
    return NULL;
}

static bench_run *peer_yieldfrom(int depth)
{
    peer_new(peer_delegate, (void *)(long)depth, &peer_generator);
    return peer_next_run;
}

const struct bench_peer bench_peer = {
    .start = peer_start,
    .ring = ring_ready,
    .create = ring_create,
    .park = peer_park,
    .finish = ring_finish,
    .next = peer_next,
    .send = peer_send,
    .yieldfrom = peer_yieldfrom,
};
