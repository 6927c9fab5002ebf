/* SPDX-License-Identifier: MIT */
/*
 * cmd/timeline.h - a picture of runs: one HTML file, a bar per request.
 */
#ifndef THRUM_CMD_TIMELINE_H
#define THRUM_CMD_TIMELINE_H

#include "fetch.h"

/* Writes the page for `n` reports that have their records, all on one time
 * axis; under a temporary name first. 0, or -errno: -ENOMEM when a report has
 * lost its records. */
int timeline_write(const char *path, const struct fetch_report *reports,
                   size_t n);

#endif /* THRUM_CMD_TIMELINE_H */
