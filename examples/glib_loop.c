/* SPDX-License-Identifier: MIT */
/*
 * glib_loop.c - results of a pool inside a GLib main loop.
 *
 * The descriptor of a future set becomes a GSource, so results are handled in
 * the thread of the main loop, beside its timers and widgets.
 */
#include <glib-unix.h>
#include <glib.h>

#include "check.h"

#define COUNT 5

struct program {
    GMainLoop *loop;
    thrum_future_set *set;
    int total;
    int ticks;
};

static void *square(void *arg)
{
    int n = *(int *)arg * *(int *)arg;

    return thrum_return(&n, sizeof(n));
}

/* doc: ready */
static gboolean results_ready(gint fd, GIOCondition condition, gpointer data)
{
    struct program *program = data;
    thrum_future *future;
    void *result;
    int rc;

    while ((rc = thrum_future_set_next(program->set, THRUM_NOW, &future)) ==
           0) {
        CHECK(thrum_future_result(future, THRUM_NOW, &result));
        program->total += *(int *)result;
        thrum_future_unref(future);
    }
    if (rc != THRUM_ESTOP)
        return G_SOURCE_CONTINUE; /* there are more to come */
    g_main_loop_quit(program->loop);
    return G_SOURCE_REMOVE;
}
/* doc: end */

static gboolean tick(gpointer data)
{
    struct program *program = data;

    program->ticks++;
    return G_SOURCE_REMOVE;
}

static void submit(thrum_executor *pool, thrum_future_set *set)
{
    thrum_future *future;

    for (int i = 0; i < COUNT; i++) {
        CHECK(thrum_executor_submit(pool, square, &i, sizeof(i), &future));
        CHECK(thrum_future_set_add(set, future));
        thrum_future_unref(future);
    }
}

int main(void)
{
    struct program program = {.total = 0};
    thrum_executor *pool;

    CHECK(thrum_thread_pool_new(NULL, &pool));
    CHECK(thrum_future_set_new(&program.set));
    submit(pool, program.set);
    /* doc: source */
    program.loop = g_main_loop_new(NULL, FALSE);
    g_unix_fd_add(CHECK(thrum_future_set_fd(program.set)), G_IO_IN,
                  results_ready, &program);
    g_main_loop_run(program.loop);
    /* doc: end */
    printf("total %d\n", program.total);

    g_idle_add(tick, &program); /* the loop is an ordinary one */
    while (program.ticks == 0)
        g_main_context_iteration(NULL, TRUE);
    printf("ticks %d\n", program.ticks);
    g_main_loop_unref(program.loop);
    thrum_future_set_free(program.set);
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    return 0;
}
