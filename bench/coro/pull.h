/* SPDX-License-Identifier: MIT */
/*
 * coro/pull.h - generators out of switches: a value there, a switch back.
 *
 * After coro/ring.h, for peers that have no generators of their own.
 */
#ifndef BENCH_CORO_PULL_H
#define BENCH_CORO_PULL_H

#include "coro/ring.h"

static struct bench_coro pull_generator;
static long pull_expected;

static void pull_count(struct bench_coro *self)
{
    for (long i = 0;; i++) {
        self->value = (void *)i;
        peer_switch(self, &ring_main);
    }
}

static void pull_next_run(long n)
{
    for (long i = 0; i < n; i++) {
        peer_switch(&ring_main, &pull_generator);
        if (pull_generator.value != (void *)pull_expected++)
            bench_die("a value");
    }
}

static bench_run *pull_next(void)
{
    pull_generator.body = pull_count;
    peer_make(&pull_generator);
    return pull_next_run;
}

/* Yields what was sent, plus 1. */
static void pull_echo(struct bench_coro *self)
{
    for (;;) {
        self->value = (char *)self->value + 1;
        peer_switch(self, &ring_main);
    }
}

static void pull_send_run(long n)
{
    for (long i = 0; i < n; i++) {
        pull_generator.value = (void *)i;
        peer_switch(&ring_main, &pull_generator);
        if (pull_generator.value != (void *)(i + 1))
            bench_die("an answer");
    }
}

static bench_run *pull_send(void)
{
    pull_generator.body = pull_echo;
    peer_make(&pull_generator);
    return pull_send_run;
}

#define PULL_PEER .next = pull_next, .send = pull_send

#endif /* BENCH_CORO_PULL_H */
