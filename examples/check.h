/* SPDX-License-Identifier: MIT */
/*
 * check.h - ends an example, with the reason, when a call failed.
 *
 * A program would handle the codes; an example shows the way when all goes
 * well. CHECK() gives the call's value back, so counts can be used.
 */
#ifndef EXAMPLES_CHECK_H
#define EXAMPLES_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#include <thrum.h>

#define CHECK(call) check_code((call), #call)

static inline int check_code(int rc, const char *call)
{
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", call, thrum_strerror(rc));
        exit(1);
    }
    return rc;
}

#endif /* EXAMPLES_CHECK_H */
