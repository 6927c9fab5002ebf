/* SPDX-License-Identifier: MIT */
/*
 * progress.h - how far it is: a bar on a terminal, lines elsewhere.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stddef.h>
#include <stdint.h>

#include "fetch.h"

/* What a line of progress tells. */
struct progress_view {
    size_t done;   /* settled, in any way */
    size_t failed; /* of these */
    size_t total;  /* 0: not known */
    int64_t elapsed_ns;
};

struct progress {
    FILE *out; /* NULL: nothing is shown */
    bool bar;  /* redrawn in place; otherwise line after line */
    bool drawn;
    int64_t next_ns; /* nothing before this */
};

/* FETCH_PROGRESS_AUTO is a bar if `out` is a terminal that can redraw a line,
 * and lines if not; FETCH_PROGRESS_ALWAYS is a bar. */
void progress_begin(struct progress *progress, enum fetch_progress mode,
                    FILE *out);

/* Shows it, unless it was shown a moment ago. */
void progress_show(struct progress *progress, const struct progress_view *view);

/* Takes the bar away, for the line of a message or for good. */
void progress_hide(struct progress *progress);

/* The text, `columns` wide at most (0: any width), with a bar where there is
 * room for one. Returns `text`, always ended. */
const char *progress_line(const struct progress_view *view, int columns,
                          char *text, size_t n);

#endif /* PROGRESS_H */
