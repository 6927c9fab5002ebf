/* SPDX-License-Identifier: MIT */
/*
 * coro/guard_cost.c - what guards of different sizes cost, as a table.
 *
 *     build/bench-build/bench/coro/coro-guard-cost [STACKS]
 *
 * Run by hand; docs/design/stacks.md shows what it said once. Stacks of 64 KiB
 * lie side by side in one mapping, each above a guard made by
 * MADV_GUARD_INSTALL. Of each stack one page is touched. Every row is a process
 * of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

#define KIB    ((size_t)1024)
#define STACK  (64 * KIB)
#define STACKS 100000L
#define ADVICE 102 /* MADV_GUARD_INSTALL, since Linux 6.13 */

struct row {
    size_t guard;
    size_t stride;
    long stacks;
    char *base;
};

/* A line of /proc/self/status, in bytes. */
static double row_memory(const char *name)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    double bytes = 0;

    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, name, strlen(name)))
            bytes = 1024.0 * (double)strtol(line + strlen(name), NULL, 10);
    if (file)
        fclose(file);
    return bytes;
}

static void row_map(struct row *row)
{
    size_t size = row->stride * (size_t)row->stacks;

    row->base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (row->base == MAP_FAILED)
        bench_die("mmap");
    madvise(row->base, size, MADV_NOHUGEPAGE);
}

static char *row_low(const struct row *row, long i)
{
    return row->base + (size_t)i * row->stride;
}

/* ns for each */
static double row_guard(const struct row *row)
{
    uint64_t begin = bench_now();

    for (long i = 0; i < row->stacks; i++)
        if (madvise(row_low(row, i), row->guard, ADVICE) < 0)
            bench_die("no cheap guards in this kernel");
    return (double)(bench_now() - begin) / (double)row->stacks;
}

static double row_touch(const struct row *row)
{
    uint64_t begin = bench_now();

    for (long i = 0; i < row->stacks; i++)
        row_low(row, i)[row->stride - 1] = 1;
    return (double)(bench_now() - begin) / (double)row->stacks;
}

static void row_print(size_t guard, long stacks)
{
    struct row row = {guard, guard + STACK, stacks, NULL};

    row_map(&row);
    double resident = row_memory("VmRSS:"), tables = row_memory("VmPTE:");
    double make = guard ? row_guard(&row) : 0;
    double touch = row_touch(&row);
    resident = (row_memory("VmRSS:") - resident) / (double)stacks;
    tables = (row_memory("VmPTE:") - tables) / (double)stacks;
    printf("%9zu %10zu %13.0f %14.0f %10.0f %13.0f %10.0f\n", guard / KIB,
           row.stride / KIB, make, touch, resident, tables, resident + tables);
}

static void row_run(size_t guard, long stacks)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        row_print(guard, stacks);
        fflush(stdout);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
        exit(1);
}

int main(int argc, char **argv)
{
    static const size_t guards[] = {0, 4, 16, 32, 48, 64};
    long stacks = argc > 1 ? strtol(argv[1], NULL, 10) : STACKS;

    if (stacks < 1) {
        fprintf(stderr, "usage: %s [STACKS]\n", argv[0]);
        return 2;
    }
    printf("%ld stacks of %zu KiB, one page of each touched; for each:\n"
           "guard KiB stride KiB make guard ns first touch ns resident B "
           "page tables B together B\n",
           stacks, STACK / KIB);
    fflush(stdout);
    for (size_t i = 0; i < sizeof guards / sizeof guards[0]; i++)
        row_run(guards[i] * KIB, stacks);
    return 0;
}
