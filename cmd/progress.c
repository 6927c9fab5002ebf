/* SPDX-License-Identifier: MIT */
/*
 * progress.c - how far it is: a bar on a terminal, lines elsewhere.
 *
 * The bar is the last line of the terminal, written over again and again. No
 * mode of the terminal is changed, so there is nothing to bring back in order
 * but that line, at whatever point the program ends.
 */
#include "progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <thrum/base.h>

#include "interrupt.h"

#define PROGRESS_BAR_NS  100000000 /* 10 redraws a second at most */
#define PROGRESS_LINE_NS 1000000000
#define PROGRESS_COLUMNS 80 /* of what does not tell its width */
#define PROGRESS_TEXT    256

static bool progress_can_redraw(FILE *out)
{
    const char *terminal = getenv("TERM");

    return isatty(fileno(out)) == 1 && terminal != NULL &&
           strcmp(terminal, "dumb") != 0;
}

void progress_begin(struct progress *progress, enum fetch_progress mode,
                    FILE *out)
{
    memset(progress, 0, sizeof(*progress));
    if (mode == FETCH_PROGRESS_NEVER)
        return;
    progress->out = out;
    progress->bar = mode == FETCH_PROGRESS_ALWAYS || progress_can_redraw(out);
    /* A run that is over at once needs no lines. */
    if (!progress->bar)
        progress->next_ns = thrum_in_ns(PROGRESS_LINE_NS).ns;
}

/* Asked each time: the window may have changed. */
static int progress_columns(FILE *out)
{
    struct winsize size;

    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return PROGRESS_COLUMNS;
}

static void progress_draw(struct progress *progress,
                          const struct progress_view *view)
{
    /* The last column stays free: some terminals wrap there. */
    int columns = progress_columns(progress->out) - 1;
    char text[PROGRESS_TEXT];

    progress_line(view, columns > 0 ? columns : 1, text, sizeof(text));
    interrupt_set_last_words("\r\033[K"); /* first: a signal may end it here */
    fprintf(progress->out, "\r%s\033[K", text);
    progress->drawn = true;
}

void progress_show(struct progress *progress, const struct progress_view *view)
{
    int64_t now = thrum_now().ns;
    char text[PROGRESS_TEXT];

    if (progress->out == NULL || now < progress->next_ns)
        return;
    progress->next_ns =
        now + (progress->bar ? PROGRESS_BAR_NS : PROGRESS_LINE_NS);
    if (progress->bar)
        progress_draw(progress, view);
    else
        fprintf(progress->out, "%s\n",
                progress_line(view, 0, text, sizeof(text)));
    fflush(progress->out);
}

void progress_hide(struct progress *progress)
{
    if (!progress->drawn)
        return;
    fputs("\r\033[K", progress->out);
    fflush(progress->out);
    progress->drawn = false;
    interrupt_set_last_words(NULL);
}
