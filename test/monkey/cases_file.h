/* SPDX-License-Identifier: MIT */
/*
 * test/monkey/cases_file.h - a folder with a file in it.
 */
#ifndef TEST_MONKEY_CASES_FILE_H
#define TEST_MONKEY_CASES_FILE_H

#include "cases.h"

#define SCRATCH_TEXT "hello, world"

struct scratch {
    char folder[64];
    char path[80];  /* a file with that text */
    char other[80]; /* nothing yet */
    int fd;         /* the file, to be read and written */
};

void scratch_open(struct scratch *scratch);
void scratch_close(struct scratch *scratch); /* removes the other too */

#endif /* TEST_MONKEY_CASES_FILE_H */
