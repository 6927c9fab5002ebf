/* SPDX-License-Identifier: MIT */
/*
 * coro/harness.c - runs one workload of the coro suite on one peer.
 *
 * When a workload is over its contexts stand wherever they stand: the process
 * leaves by _exit().
 */
#include "coro/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRESH   1000
#define MANY    100000
#define MILLION 1000000

static bool harness_can(long n)
{
    return !bench_peer.most || n <= bench_peer.most;
}

/* ---- switches ---- */

static bool harness_ring(enum bench_body body, long k)
{
    if (!bench_peer.ring || !harness_can(k))
        return false;
    bench_say_time(bench_peer.ring(body, k), 2 * k);
    return true;
}

static bool run_switch0(void)
{
    return harness_ring(BENCH_DEPTH0, 2);
}

static bool run_switch1(void)
{
    return harness_ring(BENCH_DEPTH1, 2);
}

static bool run_switch3(void)
{
    return harness_ring(BENCH_DEPTH3, 2);
}

static bool run_switch6(void)
{
    return harness_ring(BENCH_DEPTH6, 2);
}

static bool run_switchdiff(void)
{
    return harness_ring(BENCH_DIFFERENT, 2);
}

static bool run_robin100(void)
{
    return harness_ring(BENCH_DEPTH1, bench_scaled(100));
}

static bool run_robin1000(void)
{
    return harness_ring(BENCH_DEPTH1, bench_scaled(1000));
}

static bool run_robin10000(void)
{
    return harness_ring(BENCH_DEPTH1, bench_scaled(10000));
}

static bool run_robin100000(void)
{
    return harness_ring(BENCH_DEPTH1, bench_scaled(100000));
}

/* ---- generators ---- */

static bool run_next(void)
{
    if (!bench_peer.next)
        return false;
    bench_say_time(bench_peer.next(), 100);
    return true;
}

static bool run_send(void)
{
    if (!bench_peer.send)
        return false;
    bench_say_time(bench_peer.send(), 100);
    return true;
}

static bool harness_yieldfrom(int depth)
{
    if (!bench_peer.yieldfrom)
        return false;
    bench_say_time(bench_peer.yieldfrom(depth), 100);
    return true;
}

static bool run_yieldfrom1(void)
{
    return harness_yieldfrom(1);
}

static bool run_yieldfrom10(void)
{
    return harness_yieldfrom(10);
}

static bool run_yieldfrom100(void)
{
    return harness_yieldfrom(100);
}

/* ---- making them ---- */

static bool run_create(void)
{
    if (!bench_peer.create)
        return false;
    bench_say_time(bench_peer.create, 100);
    return true;
}

/* Resident before anything is measured. */
static struct bench_coro *harness_coros(long n)
{
    struct bench_coro *all = malloc((size_t)n * sizeof *all);

    if (!all)
        bench_die("no memory");
    memset(all, 0xff, (size_t)n * sizeof *all);
    return all;
}

/* The first of the process but for one: no stack was used before. */
static bool run_createfresh(void)
{
    long n = FRESH;

    if (!bench_peer.park || !harness_can(n))
        return false;
    bench_peer.create(1);
    struct bench_coro *all = harness_coros(n);
    uint64_t begin = bench_now();
    bench_peer.park(all, n);
    bench_peer.finish(all, n);
    bench_say("time", (double)(bench_now() - begin) / (double)n);
    return true;
}

/* ---- memory ---- */

static bool harness_parked(long n)
{
    if (!bench_peer.park || !harness_can(n))
        return false;
    bench_peer.create(1);
    struct bench_coro *all = harness_coros(n);
    long before = bench_taken();
    bench_peer.park(all, n);
    bench_say("bytes", (double)(bench_taken() - before) / (double)n);
    return true;
}

static bool run_parked(void)
{
    return harness_parked(bench_scaled(MILLION));
}

static bool run_parked100k(void)
{
    return harness_parked(bench_scaled(MANY));
}

static const struct bench_workload workloads[] = {
    {"switch0", run_switch0},
    {"switch1", run_switch1},
    {"switch3", run_switch3},
    {"switch6", run_switch6},
    {"switchdiff", run_switchdiff},
    {"next", run_next},
    {"send", run_send},
    {"yieldfrom1", run_yieldfrom1},
    {"yieldfrom10", run_yieldfrom10},
    {"yieldfrom100", run_yieldfrom100},
    {"create", run_create},
    {"createfresh", run_createfresh},
    {"parked", run_parked},
    {"parked100k", run_parked100k},
    {"robin100", run_robin100},
    {"robin1000", run_robin1000},
    {"robin10000", run_robin10000},
    {"robin100000", run_robin100000},
};

int main(int argc, char **argv)
{
    const struct bench_workload *chosen = bench_chosen(
        argc, argv, workloads, sizeof workloads / sizeof workloads[0]);

    if (!chosen)
        return 2;
    if (bench_peer.start)
        bench_peer.start();
    _exit(chosen->run() ? 0 : BENCH_NOT_RUN);
}
