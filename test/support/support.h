/* SPDX-License-Identifier: MIT */
/*
 * test/support/support.h - between the files of test/support.
 */
#ifndef TEST_SUPPORT_H
#define TEST_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>

/* What there is of things that must not leak. */
struct leak_counts {
    size_t descriptors;
    size_t threads;
    size_t blocks;
};

/* Lets the library take its memory from here. */
void faulty_alloc_install(void);

/* Counts; `threads_expected` and fewer are waited for, since a thread that was
 * joined can still be seen for a moment. */
void leak_count(struct leak_counts *counts);
void leak_await_threads(size_t expected);
/* Prints the children and threads that are left; true if there are none. */
bool leak_no_children(void);

/* Begins to watch over this program: after so many seconds it is ended, with
 * the stacks of all its threads printed. */
void watchdog_start(const char *file, unsigned seconds);
unsigned watchdog_seconds(void);

/* What the environment says of engines; false when the tests cannot run here,
 * which was printed. */
bool engine_prepare(void);
/* Sees that there is a hub with its engine, if the environment wants it so. */
void engine_hub(void);

/* Failed checks up to now. */
unsigned test_checks_failed(void);

#endif /* TEST_SUPPORT_H */
