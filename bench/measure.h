/* SPDX-License-Identifier: MIT */
/*
 * measure.h - how long one of a thing takes, and what memory the process has.
 *
 * What is timed is a function that does it n times. It runs a few times as a
 * warm-up, until it is known how often it has to run for the fifth of a second
 * that is then measured.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdint.h>

typedef void bench_run(long n);

/* n divided by the scale, but not less than 2. */
long bench_scaled(long n);

/* Says the ns ("time") for one of what `run` does; `least` is how many it
 * takes for it to be warm. */
void bench_say_time(bench_run *run, long least);

/* Resident memory and page tables, in bytes. */
long bench_taken(void);

/* CPU time of the process, all threads, in ns. */
uint64_t bench_cpu(void);

#endif /* BENCH_MEASURE_H */
