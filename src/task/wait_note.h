/* SPDX-License-Identifier: MIT */
/*
 * task/wait_note.h - what a context waits for, in words.
 */
#ifndef THRUMI_TASK_WAIT_NOTE_H
#define THRUMI_TASK_WAIT_NOTE_H

#include "task/context.h"

#define THRUMI_WAIT_TEXT 128 /* enough for any of our own */

/* A copy of what the parking of a context says. */
struct thrumi_wait_note {
    const char *what; /* NULL: it does not wait */
    const void *on;   /* see thrumi_parking_for() */
    thrum_time deadline;
    bool woken; /* and is about to go on */
};

/* Of one that stands still, and is kept so, or of the caller's own thread. */
void thrumi_wait_note_take(const struct thrumi_context *context,
                           struct thrumi_wait_note *ret);
/* "future 0x1234, 250 ms left". Cut off where the place ends. */
void thrumi_wait_note_write(const struct thrumi_wait_note *note, int64_t now,
                            char *text, size_t size);

#endif /* THRUMI_TASK_WAIT_NOTE_H */
