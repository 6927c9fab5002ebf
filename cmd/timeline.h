/* SPDX-License-Identifier: MIT */
/*
 * timeline.h - runs of `thrum fetch` as a picture.
 */
#ifndef TIMELINE_H
#define TIMELINE_H

#include <stddef.h>

#include "fetch.h"

/* Writes a page with a panel for each of the runs, whose records were kept.
 * `about` says in a sentence what was fetched. Returns 0 or -errno. */
int timeline_write(const char *path, const char *about,
                   const struct fetch_report *reports, size_t n);

#endif /* TIMELINE_H */
