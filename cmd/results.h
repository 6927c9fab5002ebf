/* SPDX-License-Identifier: MIT */
/*
 * results.h - what came of each URL, as a line of JSON or CSV.
 */
#ifndef RESULTS_H
#define RESULTS_H

#include "fetch.h"

struct results; /* opaque, one owner */

/* Opens a results file; "-" is the standard output. FETCH_FORMAT_AUTO is what
 * the name ends with, .csv or anything else for JSON. `append`: the lines come
 * after those of another run. 0 or -errno. */
int results_open(const char *path, enum fetch_format format, bool append,
                 struct results **ret);

/* Adds a line; makes all lines up to now visible to readers. After an error
 * both do nothing. 0, or -errno of the first error. */
int results_add(struct results *results, const struct fetch_record *record);
int results_flush(struct results *results);

/* Closes it; NULL is allowed. 0, or -errno of the first error. */
int results_close(struct results *results);

/* One line each, with its end. */
void results_write_json(FILE *out, const struct fetch_record *record);
void results_write_csv_header(FILE *out);
void results_write_csv(FILE *out, const struct fetch_record *record);

#endif /* RESULTS_H */
