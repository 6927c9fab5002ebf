/* SPDX-License-Identifier: MIT */
/*
 * hub/hub_stats.c - what hubs have counted, for their users.
 *
 * The numbers are read one after the other while the hub goes on.
 */
#include <thrum/hub.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hub/hub.h"
#include "sys/write.h"

#define STATS_MOST 64 /* hubs that a dump tells of */

static uint64_t stats_read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* How many greenlets of the hub can go on or begin. */
static unsigned stats_runnable(const struct thrumi_watch *watch)
{
    return thrumi_ready_length(
        &thrumi_container_of(watch, struct thrumi_hub, watch)->ready);
}

static void stats_fill(struct thrumi_watch *watch, thrum_hub_counts *counts)
{
    uint64_t live = thrumi_watch_live(watch);
    uint64_t runnable = stats_runnable(watch);

    *counts = (thrum_hub_counts){
        .size = sizeof(*counts),
        .thread = watch->thread,
        .asleep = atomic_load_explicit(&watch->asleep, memory_order_relaxed),
        .live = live,
        .runnable = runnable,
        .waiting = live > runnable ? live - runnable : 0,
        .spawned = stats_read(&watch->spawned),
        .switches = stats_read(&watch->switches),
        .turns = stats_read(&watch->turns),
        .received = stats_read(&watch->received),
        .longest = stats_read(&watch->longest),
    };
    thrumi_histogram_read(&watch->holds, &counts->holds);
}

int thrum_hub_stats(thrum_hub_counts *counts)
{
    struct thrumi_hub *hub = thrumi_hub_current();

    if (counts == NULL || counts->size < sizeof(*counts))
        return -EINVAL;
    if (hub == NULL)
        return THRUM_ESTATE;
    stats_fill(&hub->watch, counts);
    return 0;
}

struct stats_all {
    void (*fn)(const thrum_hub_counts *counts, void *arg);
    void *arg;
    int count;
};

static bool stats_one(struct thrumi_watch *watch, void *arg)
{
    struct stats_all *all = arg;
    thrum_hub_counts counts;

    stats_fill(watch, &counts);
    all->count++;
    if (all->fn != NULL)
        all->fn(&counts, all->arg);
    return true;
}

int thrum_hub_stats_all(void (*fn)(const thrum_hub_counts *counts, void *arg),
                        void *arg)
{
    struct stats_all all = {fn, arg, 0};

    thrumi_watch_each(stats_one, &all);
    return all.count;
}

/* ---- in a dump ---- */

/* They are collected first: whoever reads the descriptor may be about to make
 * a hub. */
struct stats_dump {
    unsigned count;
    struct stats_line {
        int thread;
        bool asleep;
        uint64_t live;
        uint64_t runnable;
        uint64_t switches;
    } lines[STATS_MOST];
};

static bool stats_collect(struct thrumi_watch *watch, void *arg)
{
    struct stats_dump *dump = arg;

    dump->lines[dump->count++] = (struct stats_line){
        watch->thread,
        atomic_load_explicit(&watch->asleep, memory_order_relaxed),
        thrumi_watch_live(watch),
        stats_runnable(watch),
        stats_read(&watch->switches),
    };
    return dump->count < STATS_MOST;
}

static int stats_write(int fd, const struct stats_line *line)
{
    char text[160];

    snprintf(text, sizeof(text),
             "hub of thread %d%s: %" PRIu64 " greenlets, %" PRIu64
             " can go on, %" PRIu64 " switches\n",
             line->thread, line->asleep ? ", asleep" : "", line->live,
             line->runnable, line->switches);
    return thrumi_write(fd, text, strlen(text));
}

int thrumi_hub_dump(int fd)
{
    struct stats_dump dump = {.count = 0};
    int rc = 0;

    thrumi_watch_each(stats_collect, &dump);
    if (dump.count > 0)
        rc = thrumi_write(fd, "\n", 1);
    for (unsigned i = 0; i < dump.count && rc == 0; i++)
        rc = stats_write(fd, &dump.lines[i]);
    return rc;
}
