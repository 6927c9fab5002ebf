/* SPDX-License-Identifier: MIT */
/*
 * coro/harness.h - the workloads of the coro suite, and what a peer gives.
 *
 * A peer is one file that fills in `bench_peer`; harness.c has main() and runs
 * one workload. One whose contexts can be switched to by name says how that is
 * done and includes coro/ring.h, which has the loops: they are compiled with
 * the peer, so that nothing lies between a loop and the switch. coro/pull.h has
 * generators made of switches, for peers with none of their own.
 *
 * Everything timed is a function that does it n times.
 */
#ifndef BENCH_CORO_HARNESS_H
#define BENCH_CORO_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "measure.h"
#include "program.h"

/* One context; the fields without a comment are ring.h's. */
struct bench_coro {
    void *context[3]; /* the peer's */
    void *stack;      /* the peer's */
    struct bench_coro *next;
    void (*body)(struct bench_coro *self);
    void *value;
    void *unused; /* a cache line in all */
};

/* Where the two sides of a switch stand. */
enum bench_body {
    BENCH_DEPTH0, /* in the loop */
    BENCH_DEPTH1, /* in a function that the loop calls */
    BENCH_DEPTH3,
    BENCH_DEPTH6,
    BENCH_DIFFERENT, /* in the loop, and every other context in another loop */
};

struct bench_peer {
    long most;           /* contexts that it can have at once; 0: any number */
    void (*start)(void); /* NULL: nothing to do */

    /* A ring of k contexts, each of which switches to the next. */
    bench_run *(*ring)(enum bench_body body, long k);

    /* Makes a context, runs it to its end, takes it away. */
    bench_run *create;

    /* Has the contexts at `all` begin, and stand still half-way; then has
     * them go on, to their ends. */
    void (*park)(struct bench_coro *all, long n);
    void (*finish)(struct bench_coro *all, long n);

    /* Generators; NULL: it has no such thing. `depth` counts the generators
     * between the one that is pulled and the one that yields. */
    bench_run *(*next)(void);
    bench_run *(*send)(void);
    bench_run *(*yieldfrom)(int depth);
};

extern const struct bench_peer bench_peer;

#endif /* BENCH_CORO_HARNESS_H */
