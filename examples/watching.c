/* SPDX-License-Identifier: MIT */
/*
 * watching.c - who holds up the others, and what a hub has done.
 *
 * Addresses and times go to stderr.
 */
#include <stdatomic.h>
#include <unistd.h>

#include "check.h"

static atomic_bool told;

/* Computes, and lets nobody else go on, until somebody has noticed. */
static void *hog(void *arg)
{
    while (!atomic_load(&told))
        ;
    return arg;
}

static void *waits(void *event)
{
    CHECK(thrum_event_wait(event, THRUM_FOREVER));
    return NULL;
}

static thrum_future *spawn(thrum_fn *fn, void *arg, const char *name)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;
    thrum_future *future;

    options.name = name;
    CHECK(thrum_spawn_with(fn, arg, 0, &options, &future));
    return future;
}

/* doc: monitor */
static void on_hold(const thrum_hold *hold, void *arg)
{
    printf("'%s' does not let the others go on\n", hold->name);
    fprintf(stderr, "for %d ms by now, in %s\n", (int)(hold->ns / 1000000),
            hold->call == NULL ? "no system call" : hold->call);
    atomic_store((atomic_bool *)arg, true);
}

static void start_monitor(void)
{
    thrum_monitor_options options = THRUM_MONITOR_OPTIONS;

    options.limit_ns = 20 * 1000000;
    options.fn = on_hold;
    options.arg = &told;
    CHECK(thrum_monitor_start(&options));
}
/* doc: end */

/* doc: counts */
static void show_counts(void)
{
    thrum_hub_counts hub = THRUM_HUB_COUNTS;

    CHECK(thrum_hub_stats(&hub));
    printf("%d greenlets live, of %d\n", (int)hub.live, (int)hub.spawned);
    fprintf(stderr, "for %d us at most nobody looked at events\n",
            (int)(hub.longest / 1000));
}
/* doc: end */

int main(void)
{
    thrum_event event;
    thrum_future *futures[3];

    thrum_event_init(&event);
    start_monitor();
    futures[0] = spawn(waits, &event, "warp");
    futures[1] = spawn(waits, &event, "weft");
    futures[2] = spawn(hog, NULL, "hog");
    CHECK(thrum_future_result(futures[2], THRUM_FOREVER, NULL));
    CHECK(thrum_sleep(thrum_in_ms(1))); /* so the hub looks at events */
    show_counts();
    CHECK(thrum_dump(STDERR_FILENO, NULL));
    thrum_event_set(&event);
    CHECK(thrum_join_all(futures, 3, THRUM_FOREVER));
    for (int i = 0; i < 3; i++)
        thrum_future_unref(futures[i]);
    thrum_event_fini(&event);
    return CHECK(thrum_monitor_stop());
}
