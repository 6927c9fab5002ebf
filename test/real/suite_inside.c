/* SPDX-License-Identifier: MIT */
/*
 * test/real/suite_inside.c - stands around hiredis' test.c in its object.
 *
 * That is compiled with names of ours for three functions: main, which is to be
 * called; printf, by which it says what tests there are; and redisSetTimeout. Its
 * times are 1 and 10 ms, in one of which the server is to answer. They are made
 * longer here, for a busy machine's sake; the longest is still a third of what
 * it has the server sleep.
 */
#include <hiredis.h>
#include <stdarg.h>
#include <stdio.h>

#include "suite.h"

#define INSIDE_TIMES 100

int hiredis_main(int argc, char **argv);
int hiredis_printf(const char *format, ...);
int hiredis_set_timeout(redisContext *redis, struct timeval span);
int suite_main(struct suite *suite, int argc, const char **argv);

static struct suite *inside_suite;

int hiredis_printf(const char *format, ...)
{
    char text[400];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    inside_suite->said(inside_suite, format, text);
    return n;
}

int hiredis_set_timeout(redisContext *redis, struct timeval span)
{
    long usec = (span.tv_sec * 1000000 + span.tv_usec) * INSIDE_TIMES;

    span.tv_sec = usec / 1000000;
    span.tv_usec = usec % 1000000;
    return redisSetTimeout(redis, span);
}

int suite_main(struct suite *suite, int argc, const char **argv)
{
    inside_suite = suite;
    return hiredis_main(argc, (char **)argv);
}
