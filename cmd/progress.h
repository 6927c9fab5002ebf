/* SPDX-License-Identifier: MIT */
/*
 * progress.h - how far it has come, for the people who wait.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fetch.h"

struct progress_state {
    size_t total; /* 0: not known */
    size_t ok;
    size_t failed;
    int64_t elapsed_ns;
};

struct progress {
    FILE *out;
    const char *title; /* what runs, before the bar; may be "" */
    bool bar;          /* a bar that is drawn again and again; or lines */
    bool lines;        /* a line per URL; failed ones only beside a bar */
    bool utf8;         /* the terminal's character set */
    bool drawn;        /* there is a bar on the screen */
    int64_t drawn_ns;  /* when */
};

/* Chooses between bar, lines and nothing. */
void progress_begin(struct progress *progress, const char *title,
                    enum fetch_progress mode, bool quiet);

/* A URL is done. */
void progress_record(struct progress *progress,
                     const struct fetch_record *record,
                     const struct progress_state *state);

/* Draws the bar again when a tenth of a second has gone by. */
void progress_tick(struct progress *progress,
                   const struct progress_state *state);

/* A message from `thrum fetch`, above the bar; not held back by --quiet. */
void progress_message(struct progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Takes the bar away and gives the terminal back as it was. */
void progress_end(struct progress *progress);

/* The line of the bar, without control sequences: at most `columns` wide.
 * `text` has room for PROGRESS_TEXT_MAX bytes. */
#define PROGRESS_TEXT_MAX 1024
void progress_format(const struct progress *progress,
                     const struct progress_state *state, unsigned columns,
                     char *text);

/* 0:07, 1:02:03; bytes as "12.3 MiB". */
void progress_format_time(int64_t ns, char *text, size_t size);
void progress_format_bytes(uint64_t bytes, char *text, size_t size);

#endif /* PROGRESS_H */
