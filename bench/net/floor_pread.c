/* SPDX-License-Identifier: MIT */
/*
 * net/floor_pread.c - a page by one system call.
 */
#include <unistd.h>

#include "net/harness.h"

static int floor_fd;

static void floor_read(long n)
{
    static char page[BENCH_PAGE];

    for (long i = 0; i < n; i++)
        if (pread(floor_fd, page, BENCH_PAGE, bench_place()) != BENCH_PAGE)
            bench_die("pread");
}

static bench_run *floor_file(int fd)
{
    floor_fd = fd;
    return floor_read;
}

const struct bench_peer bench_peer = {.file = floor_file};
