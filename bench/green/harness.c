/* SPDX-License-Identifier: MIT */
/*
 * green/harness.c - runs one workload of the green suite on one peer.
 *
 * When a workload is over whatever sleeps still sleeps: the process leaves by
 * _exit().
 */
#include "green/harness.h"

#include <unistd.h>

#define FEW    2
#define TURNS  20 /* of each, before the time that is measured */
#define MANY   1000
#define PARKED 100000

static bool harness_time(bench_run *run, long least)
{
    if (!run)
        return false;
    bench_say_time(run, least);
    return true;
}

static bool harness_yield(long k)
{
    return bench_peer.yield && harness_time(bench_peer.yield(k), TURNS * k);
}

static bool run_yield(void)
{
    return harness_yield(FEW);
}

static bool run_yield1000(void)
{
    return harness_yield(bench_scaled(MANY));
}

static bool run_spawnjoin(void)
{
    return harness_time(bench_peer.spawnjoin, MANY);
}

static bool run_spawn_detached(void)
{
    return harness_time(bench_peer.detach, MANY);
}

static bool run_hop(void)
{
    return harness_time(bench_peer.hop, MANY);
}

/* The first one's stack and whatever is made once are not counted. */
static bool run_bytes(void)
{
    long n = bench_scaled(PARKED);

    if (!bench_peer.park)
        return false;
    bench_peer.park(1);
    long before = bench_taken();
    bench_peer.park(n);
    bench_say("bytes", (double)(bench_taken() - before) / (double)n);
    return true;
}

static const struct bench_workload workloads[] = {
    {"spawnjoin", run_spawnjoin},
    {"spawn-detached", run_spawn_detached},
    {"yield", run_yield},
    {"yield1000", run_yield1000},
    {"hop", run_hop},
    {"bytes", run_bytes},
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
