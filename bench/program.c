/* SPDX-License-Identifier: MIT */
/*
 * program.c - the arguments, the clock and the numbers of a benchmark program.
 */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

long bench_scale = 1;

uint64_t bench_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * BENCH_NANO + (uint64_t)now.tv_nsec;
}

void bench_say(const char *metric, double value)
{
    printf("%s %.4f\n", metric, value);
    fflush(stdout);
}

void bench_die(const char *what)
{
    fprintf(stderr, "wrong answer: %s\n", what);
    exit(1);
}

const struct bench_workload *
bench_chosen(int argc, char **argv, const struct bench_workload *all, size_t n)
{
    bench_scale = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
    for (size_t i = 0; bench_scale > 0 && i < n; i++)
        if (!strcmp(all[i].name, argv[1]))
            return &all[i];
    fprintf(stderr, "usage: %s WORKLOAD SCALE\n", argv[0]);
    return NULL;
}
