/* SPDX-License-Identifier: MIT */
/*
 * hub_glib.c - greenlets inside of GLib's main loop.
 *
 * A source whose prepare asks the hub when it is due, and whose dispatch lets it
 * have a turn. The loop's own timers and widgets run beside it.
 */
#include <glib-unix.h>
#include <glib.h>

#include "check.h"

struct program {
    GMainLoop *loop;
    int counted;
};

static void *count(void *arg)
{
    struct program *program = arg;

    for (int i = 0; i < 10; i++) {
        CHECK(thrum_sleep(thrum_in_ms(1)));
        program->counted++;
    }
    g_main_loop_quit(program->loop);
    return NULL;
}

/* doc: source */
/* Milliseconds to the hub's next turn, rounded up; -1: when there is something
 * to be read. */
static gboolean hub_prepare(GSource *source, gint *timeout)
{
    thrum_time next;
    int64_t left;

    CHECK(thrum_hub_next(&next));
    left = next.ns - thrum_now().ns;
    if (next.ns == INT64_MAX)
        *timeout = -1;
    else
        *timeout = left <= 0 ? 0 : (gint)((left + 999999) / 1000000);
    return *timeout == 0;
}

static gboolean hub_check(GSource *source)
{
    return TRUE; /* a turn too many costs nothing */
}

static gboolean hub_dispatch(GSource *source, GSourceFunc fn, gpointer data)
{
    CHECK(thrum_hub_turn(THRUM_NOW));
    return G_SOURCE_CONTINUE;
}

static GSource *hub_attach(void)
{
    static GSourceFuncs funcs = {
        .prepare = hub_prepare, .check = hub_check, .dispatch = hub_dispatch};
    GSource *source = g_source_new(&funcs, sizeof(GSource));

    g_source_add_unix_fd(source, CHECK(thrum_hub_fd()), G_IO_IN);
    g_source_attach(source, NULL);
    return source;
}
/* doc: end */

static gboolean tick(gpointer data)
{
    ++*(int *)data;
    return G_SOURCE_CONTINUE;
}

int main(void)
{
    struct program program = {.counted = 0};
    GSource *hub = hub_attach();
    int ticks = 0;
    guint timer = g_timeout_add(1, tick, &ticks);

    program.loop = g_main_loop_new(NULL, FALSE);
    CHECK(thrum_spawn(count, &program, 0, NULL));
    g_main_loop_run(program.loop);
    printf("counted to %d, and the loop's own timer ran: %d\n", program.counted,
           ticks > 0);
    g_source_remove(timer);
    g_source_destroy(hub);
    g_source_unref(hub);
    g_main_loop_unref(program.loop);
    return 0;
}
