/* SPDX-License-Identifier: MIT */
/*
 * green/harness.h - the workloads of the green suite, and what a peer gives.
 *
 * A peer is one file that fills in `bench_peer`; harness.c has main() and runs
 * one workload. What is NULL the peer does not have.
 */
#ifndef BENCH_GREEN_HARNESS_H
#define BENCH_GREEN_HARNESS_H

#include <stdbool.h>

#include "measure.h"
#include "program.h"

struct bench_peer {
    void (*start)(void); /* NULL: nothing to do */

    /* One gives its turn away, and goes on after the others: n times in all.
     * `k` take turns. */
    bench_run *(*yield)(long k);

    /* Starts one, waits for its end; again. */
    bench_run *spawnjoin;

    /* Starts many that nobody waits for, lets them run; again. */
    bench_run *detach;

    /* Two hand an item to and fro by two queues, n times one way. */
    bench_run *hop;

    /* Starts n; returns when all of them sleep for a long time. */
    void (*park)(long n);
};

extern const struct bench_peer bench_peer;

#endif /* BENCH_GREEN_HARNESS_H */
