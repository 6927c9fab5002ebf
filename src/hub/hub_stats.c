/* SPDX-License-Identifier: MIT */
/*
 * hub/hub_stats.c - what hubs have counted, for their users.
 *
 * The numbers are read one after the other while the hub goes on.
 */
#include <thrum/hub.h>

#include <errno.h>

#include "hub/hub.h"

static uint64_t stats_read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void stats_fill(struct thrumi_watch *watch, uint64_t runnable,
                       thrum_hub_counts *counts)
{
    uint64_t live = thrumi_watch_live(watch);

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
    stats_fill(&hub->watch, hub->ready.length, counts);
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

    stats_fill(watch, stats_read(&watch->ready), &counts);
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
