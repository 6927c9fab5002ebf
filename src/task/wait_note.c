/* SPDX-License-Identifier: MIT */
/*
 * task/wait_note.c - what a context waits for, in words.
 *
 * Whoever parks has said what for; the parking lies on its stack. It is read
 * from other threads while that stands still, which a sanitizer cannot know.
 */
#include "task/wait_note.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sys/ctx_tools.h"

THRUMI_CTX_PLAIN void
thrumi_wait_note_take(const struct thrumi_context *context,
                      struct thrumi_wait_note *ret)
{
    struct thrumi_parking *parking = context == NULL ? NULL : context->waits_in;

    ret->what = NULL;
    if (parking == NULL)
        return;
    ret->what = parking->what == NULL ? "something" : parking->what;
    ret->on = parking->on;
    ret->deadline = parking->deadline;
    ret->woken = atomic_load_explicit(&parking->word, memory_order_relaxed) ==
                 THRUMI_PARKING_WOKEN;
}

/* What is waited for: a `#` is where a number goes. */
static int wait_note_write_what(const struct thrumi_wait_note *note, char *text,
                                size_t size)
{
    const char *mark = strchr(note->what, '#');

    if (mark != NULL)
        return snprintf(text, size, "%.*s%" PRIdPTR "%s",
                        (int)(mark - note->what), note->what,
                        (intptr_t)note->on, mark + 1);
    if (note->on != NULL)
        return snprintf(text, size, "%s %p", note->what, note->on);
    return snprintf(text, size, "%s", note->what);
}

void thrumi_wait_note_write(const struct thrumi_wait_note *note, int64_t now,
                            char *text, size_t size)
{
    size_t n = (size_t)wait_note_write_what(note, text, size);
    int64_t left = note->deadline.ns > now ? note->deadline.ns - now : 0;

    if (note->deadline.ns != INT64_MAX && n < size)
        snprintf(text + n, size - n, ", %" PRId64 " ms left", left / 1000000);
}
