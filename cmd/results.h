/* SPDX-License-Identifier: MIT */
/*
 * results.h - what came of each URL, in a file for programs.
 */
#ifndef RESULTS_H
#define RESULTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "fetch.h"

struct results {
    FILE *stream; /* NULL: nothing to write, or no longer */
    bool is_standard_output;
    enum fetch_format format; /* JSON or CSV */
};

/* What format a file of this name has: CSV if it ends so, JSON otherwise. */
enum fetch_format results_format_of(const char *path);

/* Opens the file, "-" being the standard output, and writes a head if the
 * format has one. Returns 0 or -errno. */
int results_open(struct results *results, const char *path,
                 enum fetch_format format);

/* Adds a record, at once. `start` is seconds since 1970. Returns 0 or -errno,
 * the first time: then nothing more is written. */
int results_add(struct results *results, const struct fetch_record *record,
                double start);

/* Returns 0 or -errno. */
int results_close(struct results *results);

/* The notations themselves. */
void results_write_json(FILE *out, const struct fetch_record *record,
                        double start);
void results_write_csv(FILE *out, const struct fetch_record *record,
                       double start);

#endif /* RESULTS_H */
