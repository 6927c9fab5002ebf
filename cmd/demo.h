/* SPDX-License-Identifier: MIT */
/*
 * cmd/demo.h - `thrum fetch --demo`: the same list with each executor.
 */
#ifndef THRUM_CMD_DEMO_H
#define THRUM_CMD_DEMO_H

#include "fetch.h"

/* Starts the server, fetches `urls` URLs with each executor in turn, prints a
 * table and writes the timeline. Returns the exit status. */
int demo_run(const struct fetch_options *options, int delay_ms, int urls);

#endif /* THRUM_CMD_DEMO_H */
