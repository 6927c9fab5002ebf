/* SPDX-License-Identifier: MIT */
/*
 * pool/floor_shippable_peer.c - fib on the library of floor_shippable.h.
 */
#include "pool/floor_shippable.h"
#include "pool/harness.h"

static void fib_run(const void *arg, void *result)
{
    int n = *(const int *)arg;
    int fewer = n - 1, fewest = n - 2;
    long forked = 0, own;

    if (n < 2) {
        *(long *)result = n;
        return;
    }
    struct job *job = shippable_fork(fib_run, &fewer, sizeof fewer);
    fib_run(&fewest, &own);
    shippable_join(job, &forked, sizeof forked);
    *(long *)result = forked + own;
}

static long shippable_fib(int n)
{
    long value = 0;

    shippable_call(fib_run, &n, sizeof n, &value, sizeof value);
    return value;
}

const struct bench_peer bench_peer = {
    .start = shippable_start,
    .fib = shippable_fib,
};
