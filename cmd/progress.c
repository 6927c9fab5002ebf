/* SPDX-License-Identifier: MIT */
/*
 * progress.c - a bar on a terminal, lines elsewhere.
 *
 *     threads ████████████░░░░░░░░ 62/100  61 ok  1 failed  312/s  ETA 0:01
 *
 * The bar is the last line of the screen: whatever else is to be said is
 * written where it was, and it is drawn again below. The cursor is hidden
 * while there is a bar, so that it does not flicker; progress_end() shows it
 * again, and so does a second Ctrl-C (interrupt.h).
 *
 * In a narrow window the bar itself goes first, then what is right of it.
 */
#include "progress.h"

#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <thrum/base.h>

#include "escape.h"
#include "interrupt.h"

#define PROGRESS_REDRAW_NS 100000000 /* ten times a second */
#define PROGRESS_BAR_MAX   40        /* columns */
#define PROGRESS_BAR_MIN   8

#define PROGRESS_HIDE_CURSOR "\033[?25l"
#define PROGRESS_SHOW_CURSOR "\033[?25h"
#define PROGRESS_CLEAR_LINE  "\r\033[K"

static bool progress_is_utf8(void)
{
    setlocale(LC_CTYPE, "");
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void progress_begin(struct progress *progress, const char *title,
                    enum fetch_progress mode, bool quiet)
{
    memset(progress, 0, sizeof(*progress));
    progress->out = stderr;
    progress->title = title;
    if (quiet)
        return;
    progress->bar = mode == FETCH_PROGRESS_ALWAYS ||
                    (mode == FETCH_PROGRESS_AUTO && isatty(STDERR_FILENO));
    progress->lines = mode != FETCH_PROGRESS_NEVER;
    progress->utf8 = progress_is_utf8();
    if (progress->bar) {
        interrupt_set_last_words(PROGRESS_CLEAR_LINE PROGRESS_SHOW_CURSOR);
        fputs(PROGRESS_HIDE_CURSOR, progress->out);
        fflush(progress->out);
    }
}

static unsigned progress_columns(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

void progress_format_time(int64_t ns, char *text, size_t size)
{
    int64_t s = (ns + 500000000) / 1000000000;

    if (s >= 3600)
        snprintf(text, size, "%" PRId64 ":%02d:%02d", s / 3600,
                 (int)(s / 60 % 60), (int)(s % 60));
    else
        snprintf(text, size, "%d:%02d", (int)(s / 60), (int)(s % 60));
}

void progress_format_bytes(uint64_t bytes, char *text, size_t size)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = (double)bytes;
    size_t unit = 0;

    if (bytes < 1024) {
        snprintf(text, size, "%d B", (int)bytes);
        return;
    }
    for (value /= 1024; value >= 1024 && unit < 4; unit++)
        value /= 1024;
    snprintf(text, size, "%.1f %s", value, units[unit]);
}

/* " 62/100  61 ok  1 failed  312/s  ETA 0:01" */
static void progress_format_numbers(const struct progress_state *state,
                                    char *text, size_t size)
{
    size_t done = state->ok + state->failed;
    double seconds = (double)state->elapsed_ns / 1e9;
    double rate = seconds > 0 ? (double)done / seconds : 0;
    char eta[32] = "-:--";
    int n;

    if (state->total > 0)
        n = snprintf(text, size, "%zu/%zu", done, state->total);
    else
        n = snprintf(text, size, "%zu", done);
    n += snprintf(text + n, size - (size_t)n, "  %zu ok  %zu failed  %.*f/s",
                  state->ok, state->failed, rate < 10 ? 1 : 0, rate);
    if (state->total < done || state->total == 0)
        return;
    if (rate > 0)
        progress_format_time(
            (int64_t)((double)(state->total - done) / rate * 1e9), eta,
            sizeof(eta));
    snprintf(text + n, size - (size_t)n, "  ETA %s", eta);
}

static size_t progress_put_cells(char *text, unsigned n, const char *cell)
{
    size_t length = strlen(cell);

    for (unsigned i = 0; i < n; i++)
        memcpy(text + i * length, cell, length);
    return n * length;
}

/* The bar and a blank after it. */
static size_t progress_format_bar(const struct progress *progress,
                                  const struct progress_state *state,
                                  unsigned columns, char *text)
{
    size_t done = state->ok + state->failed;
    unsigned full;
    size_t length;

    full = (unsigned)((double)columns * (double)done / (double)state->total);
    if (full > columns)
        full = columns;
    length = progress_put_cells(text, full, progress->utf8 ? "\u2588" : "#");
    length += progress_put_cells(text + length, columns - full,
                                 progress->utf8 ? "\u2591" : ".");
    text[length++] = ' ';
    return length;
}

void progress_format(const struct progress *progress,
                     const struct progress_state *state, unsigned columns,
                     char *text)
{
    char numbers[256];
    size_t used = 0;
    size_t title = strlen(progress->title);
    unsigned room;

    progress_format_numbers(state, numbers, sizeof(numbers));
    if (title > 0 && title + 1 + strlen(numbers) <= columns && title < 64) {
        memcpy(text, progress->title, title);
        text[title] = ' ';
        used = title + 1;
    }
    room = columns - (unsigned)used;
    if (state->total > 0 &&
        room >= strlen(numbers) + 1 + PROGRESS_BAR_MIN) {
        room -= (unsigned)strlen(numbers) + 1;
        used += progress_format_bar(
            progress, state, room < PROGRESS_BAR_MAX ? room : PROGRESS_BAR_MAX,
            text + used);
    }
    snprintf(text + used, PROGRESS_TEXT_MAX - used, "%.*s", (int)columns,
             numbers);
}

static void progress_clear(struct progress *progress)
{
    if (progress->drawn)
        fputs(PROGRESS_CLEAR_LINE, progress->out);
    progress->drawn = false;
}

void progress_tick(struct progress *progress,
                   const struct progress_state *state)
{
    char text[PROGRESS_TEXT_MAX];
    int64_t now = thrum_now().ns;

    if (!progress->bar ||
        (progress->drawn && now - progress->drawn_ns < PROGRESS_REDRAW_NS))
        return;
    /* The last column stays free: some terminals go to the next line there. */
    progress_format(progress, state, progress_columns() - 1, text);
    fprintf(progress->out, "\r%s\033[K", text);
    fflush(progress->out);
    progress->drawn = true;
    progress->drawn_ns = now;
}

static void progress_write_record(FILE *out, const struct fetch_record *record)
{
    char bytes[32];

    if (record->ok) {
        progress_format_bytes(record->bytes, bytes, sizeof(bytes));
        fprintf(out, "%ld %9s %7.3f s  ", record->status, bytes,
                (double)record->duration_ns / 1e9);
        escape_terminal(out, record->url, strlen(record->url));
    } else {
        fprintf(out, "%s  ", record->cancelled ? "cancelled" : "failed");
        escape_terminal(out, record->url, strlen(record->url));
        fputs(": ", out);
        escape_terminal(out, record->error, strlen(record->error));
    }
    fputc('\n', out);
}

void progress_record(struct progress *progress,
                     const struct fetch_record *record,
                     const struct progress_state *state)
{
    if (progress->lines && (!progress->bar || !record->ok)) {
        progress_clear(progress);
        progress_write_record(progress->out, record);
    }
    progress_tick(progress, state);
}

void progress_message(struct progress *progress, const char *format, ...)
{
    va_list arguments;

    progress_clear(progress);
    fputs("thrum fetch: ", progress->out);
    va_start(arguments, format);
    vfprintf(progress->out, format, arguments);
    va_end(arguments);
    fputc('\n', progress->out);
}

void progress_end(struct progress *progress)
{
    if (!progress->bar)
        return;
    progress_clear(progress);
    fputs(PROGRESS_SHOW_CURSOR, progress->out);
    fflush(progress->out);
    interrupt_set_last_words(NULL);
    progress->bar = false;
}
