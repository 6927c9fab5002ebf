/* SPDX-License-Identifier: MIT */
/*
 * cmd/fetch.h - fetching a list of URLs: what is asked for, what came of it.
 *
 * fetch_run() is the whole job on one executor; `thrum fetch` calls it once,
 * the demo once per executor.
 */
#ifndef THRUM_CMD_FETCH_H
#define THRUM_CMD_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What came of one URL. */
struct fetch_record {
    size_t index; /* in the list, from 0 */
    char *url;    /* owned */
    long status;  /* HTTP's, 0: none was received */
    uint64_t bytes;
    int64_t start_ns; /* since the run began */
    int64_t duration_ns;
    int worker;   /* who fetched it, from 0: its lane */
    int attempts; /* 1 when the first one did it */
    bool ok;
    bool cancelled;  /* the run was stopped before it was done */
    char error[256]; /* "" when ok */
};

enum fetch_progress {
    FETCH_PROGRESS_AUTO,
    FETCH_PROGRESS_ALWAYS,
    FETCH_PROGRESS_NEVER
};
enum fetch_format {
    FETCH_FORMAT_AUTO,
    FETCH_FORMAT_JSON,
    FETCH_FORMAT_CSV
};

struct fetch_options {
    const char *executor; /* its name; see executors.h */
    int workers;          /* 0: the executor's default */
    double timeout;       /* seconds per attempt; 0: none */
    int retries;
    uint64_t max_bytes;  /* per body; 0: no limit */
    const char *output;  /* directory for bodies, or NULL */
    const char *results; /* file for a line per URL, or NULL */
    bool append_results; /* to those of a run before */
    enum fetch_format format;
    enum fetch_progress progress;
    const char *timeline; /* HTML file, or NULL */
    bool keep_records;    /* fill fetch_report.records */
    bool quiet;
};

/* Where the URLs come from: the next one (valid until the next call), NULL at
 * the end. `*ret_error`: 0, or -errno when reading failed. */
struct fetch_source {
    const char *(*next)(void *self, int *ret_error);
    void *self;
    size_t count; /* if known; else 0 */
};

struct fetch_report {
    const char *executor;
    int workers;
    struct fetch_record *records; /* if they were to be kept, by index; NULL
                                   * if there was no memory for them */
    size_t capacity;              /* of records */
    size_t count;
    size_t ok;
    size_t failed;
    size_t cancelled;
    int64_t wall_ns;
    long worker_kib;     /* what worker processes had resident at most, added
                          * up; 0 without such */
    bool interrupted;    /* Ctrl-C */
    bool results_failed; /* the results file could not be written */
    int error;           /* why it ended before the list did, or 0 */
};

/* Runs it all. 0; or a negative code when it could not even begin, after a
 * message on stderr. */
int fetch_run(const struct fetch_options *options, struct fetch_source *source,
              struct fetch_report *ret);

/* Moves the record into the report, at its index. False when there is no memory:
 * then the report has no records any more. */
bool fetch_report_keep(struct fetch_report *report,
                       struct fetch_record *record);
void fetch_report_free(struct fetch_report *report);

#endif /* THRUM_CMD_FETCH_H */
