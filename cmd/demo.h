/* SPDX-License-Identifier: MIT */
/*
 * demo.h - `thrum fetch --demo`: the same URLs with each executor in turn.
 */
#ifndef DEMO_H
#define DEMO_H

#include "fetch.h"

struct demo_options {
    int urls;     /* how many; 0: 100 */
    int delay_ms; /* that the server takes for each; below 0: 100 */
    /* The options of each run. `executor`, `results`, `output` are not looked
     * at; `timeline` NULL is thrum-timeline.html. */
    struct fetch_options fetch;
};

/* Runs it, prints a table and writes the timeline page. Call it before the
 * program has any thread. Returns an exit status. */
int demo_run(const struct demo_options *options);

#endif /* DEMO_H */
