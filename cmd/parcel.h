/* SPDX-License-Identifier: MIT */
/*
 * parcel.h - one URL to a process that shares no memory, and what came of it
 * back.
 */
#ifndef PARCEL_H
#define PARCEL_H

#include <limits.h>

#include <thrum/executor.h>

#include "fetch.h"
#include "lanes.h"

/* What every worker process is told once. */
struct parcel_setup {
    double timeout; /* as in fetch_options */
    int retries;
    uint64_t max_bytes;
    int64_t begin_ns;      /* the clock is that of all processes */
    char output[PATH_MAX]; /* directory for bodies, or "" */
};

/* -ENAMETOOLONG when the directory's name is. */
int parcel_setup_init(struct parcel_setup *setup,
                      const struct fetch_options *options, int64_t begin_ns);

/* The initializer of a worker process; gets the setup. 0 or a negative code. */
int parcel_prepare(void *setup);

/* Submits the fetching of a record's URL. */
int parcel_submit(thrum_executor *executor, const struct fetch_record *record,
                  thrum_future **ret);

/* Fills in the record, when the future has settled: with what has come, or with
 * why its worker has ended instead. False when it was cancelled. */
bool parcel_open(thrum_future *future, struct lanes *lanes,
                 struct fetch_record *record);

#endif /* PARCEL_H */
