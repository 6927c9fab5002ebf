/* SPDX-License-Identifier: MIT */
/*
 * progress_line.c - the words of the progress and its bar.
 *
 *     340/1000  2 failed  95.1/s  0:07 left  [=========>                ]
 *
 * The rate is that of the whole run, so it does not jump about; the time left
 * is what is left at that rate.
 */
#include "progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define PROGRESS_BAR_MIN 12 /* columns, brackets included */
#define PROGRESS_BAR_MAX 60

struct progress_text {
    char *start;
    size_t room; /* with the end's NUL */
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void
progress_add(struct progress_text *text, const char *format, ...)
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(text->start + text->length, text->room - text->length, format,
                  arguments);
    va_end(arguments);
    if (n > 0)
        text->length += (size_t)n;
    if (text->length >= text->room)
        text->length = text->room - 1;
}

static void progress_add_time(struct progress_text *text, double seconds)
{
    uint64_t whole;

    if (seconds >= 100 * 3600.0) {
        progress_add(text, "  days left");
        return;
    }
    whole = (uint64_t)seconds + 1; /* 0:00 would be done */
    if (whole >= 3600)
        progress_add(text, "  %" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " left",
                     whole / 3600, whole / 60 % 60, whole % 60);
    else
        progress_add(text, "  %" PRIu64 ":%02" PRIu64 " left", whole / 60,
                     whole % 60);
}

static void progress_add_words(struct progress_text *text,
                               const struct progress_view *view)
{
    double elapsed = (double)view->elapsed_ns / 1e9;
    double rate = elapsed > 0 ? (double)view->done / elapsed : 0;

    if (view->total > 0)
        progress_add(text, "%zu/%zu", view->done, view->total);
    else
        progress_add(text, "%zu done", view->done);
    progress_add(text, "  %zu failed  %.1f/s", view->failed, rate);
    if (rate > 0 && view->total > view->done)
        progress_add_time(text, (double)(view->total - view->done) / rate);
}

static void progress_add_bar(struct progress_text *text,
                             const struct progress_view *view, size_t width)
{
    size_t inside = width - 2;
    size_t done = view->done < view->total ? view->done : view->total;
    size_t filled =
        (size_t)((double)done / (double)view->total * (double)inside);

    progress_add(text, "  [");
    for (size_t i = 0; i < inside; i++)
        progress_add(text, "%c",
                     i < filled                      ? '='
                     : i == filled && i + 1 < inside ? '>'
                                                     : ' ');
    progress_add(text, "]");
}

const char *progress_line(const struct progress_view *view, int columns,
                          char *text, size_t n)
{
    struct progress_text line = {text, n, 0};
    size_t room;

    if (columns > 0 && (size_t)columns < n)
        line.room = (size_t)columns + 1;
    text[0] = '\0';
    progress_add_words(&line, view);
    room = columns > 0 ? line.room - 1 - line.length : 0;
    if (view->total > 0 && room >= PROGRESS_BAR_MIN + 2) {
        room -= 2;
        progress_add_bar(&line, view,
                         room < PROGRESS_BAR_MAX ? room : PROGRESS_BAR_MAX);
    }
    return text;
}
