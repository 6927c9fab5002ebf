/* SPDX-License-Identifier: MIT */
/*
 * hub/watch.c - what a hub counts, and who looks at it.
 *
 * The list of all hubs is for statistics and the monitor. The memory of a hub
 * is never freed, and one that is not on the list is not looked at.
 *
 * Locking: watch_all.lock; under it fn may freeze all strands.
 */
#include "hub/watch.h"

#include "sys/fork.h"
#include "sys/look.h"
#include "sys/mutex.h"

static struct {
    struct thrumi_global_mutex lock;
    struct thrumi_link list; /* guarded by lock; of thrumi_watch.link */
} watch_all;

static void watch_lock(void)
{
    bool inherited = thrumi_global_mutex_lock(&watch_all.lock);

    if (inherited || watch_all.list.next == NULL)
        thrumi_list_init(&watch_all.list);
}

static void watch_zero(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, 0, memory_order_relaxed);
}

void thrumi_watch_begin(struct thrumi_watch *watch)
{
    watch->self = thrumi_self();
    watch->thread = thrumi_thread_number();
    watch->generation = thrumi_fork_generation();
    watch_zero(&watch->switches);
    watch_zero(&watch->turns);
    watch_zero(&watch->spawned);
    watch_zero(&watch->ended);
    watch_zero(&watch->received);
    watch_zero(&watch->longest);
    for (unsigned i = 0; i < THRUM_HISTOGRAM_BUCKETS; i++)
        watch_zero(&watch->holds.bucket[i]);
    atomic_store_explicit(&watch->asleep, false, memory_order_relaxed);
    watch->looked = 0;
    watch->seen = 0;
    watch->since = 0;
    watch->told = false;
    watch->call = (struct thrumi_watch_call){.since = 0};
    watch_lock();
    thrumi_list_append(&watch_all.list, &watch->link);
    thrumi_global_mutex_unlock(&watch_all.lock);
}

/* A forked child begins with a new list: what it inherited is on none. */
void thrumi_watch_end(struct thrumi_watch *watch)
{
    watch_lock();
    if (watch->generation == thrumi_fork_generation())
        thrumi_list_remove(&watch->link);
    thrumi_global_mutex_unlock(&watch_all.lock);
}

void thrumi_watch_each(bool (*fn)(struct thrumi_watch *watch, void *arg),
                       void *arg)
{
    struct thrumi_link *link;
    bool go_on = true;

    watch_lock();
    for (link = watch_all.list.next; link != &watch_all.list && go_on;
         link = link->next)
        go_on = fn(thrumi_container_of(link, struct thrumi_watch, link), arg);
    thrumi_global_mutex_unlock(&watch_all.lock);
}

static uint64_t watch_read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Greenlets have kept the hub for so long. */
static void watch_hold(struct thrumi_watch *watch, int64_t ns)
{
    thrumi_histogram_add(&watch->holds, ns);
    if (ns > (int64_t)watch_read(&watch->longest))
        atomic_store_explicit(&watch->longest, (uint64_t)ns,
                              memory_order_relaxed);
}

void thrumi_watch_look(struct thrumi_watch *watch, int64_t now)
{
    bool slept = atomic_load_explicit(&watch->asleep, memory_order_relaxed);

    thrumi_count(&watch->turns, 1);
    if (watch->looked != 0 && !slept)
        watch_hold(watch, now - watch->looked);
}

void thrumi_watch_looked(struct thrumi_watch *watch, int64_t now)
{
    watch->looked = now;
    atomic_store_explicit(&watch->asleep, false, memory_order_relaxed);
}

uint64_t thrumi_watch_live(const struct thrumi_watch *watch)
{
    uint64_t ended = watch_read(&watch->ended); /* first: it is the smaller */
    uint64_t spawned = watch_read(&watch->spawned);

    return spawned > ended ? spawned - ended : 0;
}

uint64_t thrumi_watch_progress(const struct thrumi_watch *watch)
{
    return watch_read(&watch->switches) + watch_read(&watch->turns);
}

bool thrumi_watch_is_held(const struct thrumi_watch *watch, uint64_t progress)
{
    return thrumi_watch_progress(watch) == progress &&
           !atomic_load_explicit(&watch->asleep, memory_order_relaxed) &&
           thrumi_watch_live(watch) > 0;
}

void thrumi_watch_see(struct thrumi_watch *watch, int64_t now)
{
    watch->seen = thrumi_watch_progress(watch);
    watch->since = now;
    watch->cpu_since = thrumi_look_cpu_ns(watch->thread);
    watch->told = false;
}
