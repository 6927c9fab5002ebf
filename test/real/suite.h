/* SPDX-License-Identifier: MIT */
/*
 * test/real/suite.h - another project's test program, run as a function.
 *
 * suite.py compiles it into shared objects together with suite_inside.c, one for
 * each that runs at a time since it has static variables. suite_host.c loads
 * them, and is told of all that they print.
 */
#ifndef TEST_SUITE_H
#define TEST_SUITE_H

struct suite {
    /* What it prints: the format as it is in the source, and the text. */
    void (*said)(struct suite *suite, const char *format, const char *text);
};

/* Its main(), called once; found by name. */
typedef int suite_main_fn(struct suite *suite, int argc, const char **argv);

#endif /* TEST_SUITE_H */
