/* SPDX-License-Identifier: MIT */
/*
 * program.h - what every benchmark program is: one workload in one process.
 *
 *     <suite>-<implementation> WORKLOAD SCALE
 *
 * It runs the workload with its sizes divided by the scale, and prints a line
 * "metric value" for each number. A workload is a function that says false
 * where the implementation has no such thing: exit status 77.
 */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_NANO    1000000000L
#define BENCH_NOT_RUN 77

struct bench_workload {
    const char *name;
    bool (*run)(void);
};

extern long bench_scale; /* every size is divided by it */

/* The monotonic clock. */
uint64_t bench_now(void);

/* Prints a number; ends the process because of a wrong answer. */
void bench_say(const char *metric, double value);
_Noreturn void bench_die(const char *what);

/* Reads the arguments into bench_scale and finds the workload; NULL, and it
 * has said how it is called, when there is no such one. */
const struct bench_workload *
bench_chosen(int argc, char **argv, const struct bench_workload *all, size_t n);

#endif /* BENCH_PROGRAM_H */
