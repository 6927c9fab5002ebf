/* SPDX-License-Identifier: MIT */
/*
 * measure.c - time for one, memory for all.
 */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "program.h"

#define SPAN_NS    (BENCH_NANO / 5)
#define WARM_NS    (SPAN_NS / 10)
#define FEW_AT_ALL 2

long bench_scaled(long n)
{
    n /= bench_scale;
    return n < FEW_AT_ALL ? FEW_AT_ALL : n;
}

static uint64_t measure_run(bench_run *run, long n)
{
    uint64_t begin = bench_now();

    run(n);
    return bench_now() - begin;
}

void bench_say_time(bench_run *run, long least)
{
    long n = least;
    uint64_t ns = measure_run(run, n);

    while (ns < (uint64_t)(WARM_NS / bench_scale)) {
        n *= 2;
        ns = measure_run(run, n);
    }
    n = (long)((double)n * (double)SPAN_NS / (double)bench_scale / (double)ns);
    n = n < least ? least : n;
    bench_say("time", (double)measure_run(run, n) / (double)n);
}

/* A line of /proc/self/status, in bytes. */
static long measure_status(const char *name)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long kib = -1;

    while (file && kib < 0 && fgets(line, sizeof line, file))
        if (!strncmp(line, name, strlen(name)))
            kib = strtol(line + strlen(name), NULL, 10);
    if (kib < 0)
        bench_die("/proc/self/status");
    fclose(file);
    return kib * 1024;
}

long bench_taken(void)
{
    return measure_status("VmRSS:") + measure_status("VmPTE:");
}

uint64_t bench_cpu(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * BENCH_NANO + (uint64_t)used.tv_nsec;
}
