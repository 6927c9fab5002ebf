/* SPDX-License-Identifier: MIT */
/*
 * late.c - an object that is loaded while a test runs.
 *
 * It lies in a folder that only those find whose RUNPATH names it.
 */
#include <unistd.h>

ssize_t late_read(int fd, void *into, size_t n);
void *late_read_of_data(void);
const void *late_data(void);

/* A pointer that the loader fills in, in pages that are read-only then. */
static ssize_t (*const late_in_data)(int, void *, size_t) = read;

ssize_t late_read(int fd, void *into, size_t n)
{
    return read(fd, into, n);
}

void *late_read_of_data(void)
{
    ssize_t (*const volatile *at)(int, void *, size_t) = &late_in_data;

    return (void *)*at;
}

/* Where that pointer lies. */
const void *late_data(void)
{
    return &late_in_data;
}
