/* SPDX-License-Identifier: MIT */
/*
 * monkey/watch.c - who blocks all the same.
 *
 * With THRUM_MONKEY_WATCH=1 in the environment the monitor of system calls is
 * started by the first patch, and whatever it sees is told on standard error,
 * once for each place in the program: the first frame that is not libc's nor
 * Thrum's. It is a sampler: what blocks for a few milliseconds is seen, what is
 * shorter may be. With 2 there is no sampler, and each system call of a greenlet
 * is looked at, see stray_watch.c.
 *
 * A fork that leaves greenlets behind is told too, in these modes alone: they are
 * not there in the child, which is as it should be where that runs another
 * program at once, and nobody can tell beforehand.
 *
 * A forked child is not watched until it patches anew.
 *
 * Locking: none. Places are told by one thread each, and noted by atomic
 * stores.
 */
#include "monkey/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <thrum/error.h>
#include <thrum/greenlet.h>
#include <thrum/hub.h>
#include <thrum/monitor.h>

#include "monkey/headers.h"
#include "monkey/hooks.h"
#include "monkey/objects.h"
#include "monkey/stray_watch.h"
#include "sys/dispatch.h"
#include "sys/unwind.h"
#include "sys/write.h"

#define WATCH_PLACES 256u /* told at most */
#define WATCH_FRAMES 24   /* of a place */
#define WATCH_SIGNAL 64   /* the greatest */

/* Written where a place is told; words, since a fork may tell meanwhile. */
static _Atomic uintptr_t watch_places[WATCH_PLACES];
static pthread_once_t watch_once = PTHREAD_ONCE_INIT;

/* ---- places ---- */

/* Does the frame lie in what the program has called to get there? */
static bool watch_is_inside(const void *frame)
{
    Dl_info info;

    return dladdr((const char *)frame - 1, &info) == 0 ||
           thrumi_objects_left_alone(info.dli_fname) != NULL;
}

static bool watch_is_thrum(const void *frame)
{
    const void *here = (const void *)(uintptr_t)thrum_hub_stats_all;
    Dl_info one;
    Dl_info other;

    return dladdr(here, &one) != 0 &&
           dladdr((const char *)frame - 1, &other) != 0 &&
           one.dli_fbase == other.dli_fbase;
}

/* Where the program called what blocks; -1: not to be found. */
static int watch_place_in(void *const *frames, int count)
{
    for (int i = 0; i < count; i++)
        if (!watch_is_inside(frames[i]))
            return i;
    return -1;
}

/* What stands for a place that is not known: one for each call. Nothing has such
 * an address. */
static uintptr_t watch_unknown(const char *call)
{
    uintptr_t number = 0;

    for (; *call != '\0'; call++)
        number = number * 31 + (unsigned char)*call;
    return 1 + number % 4095;
}

/* True: it had not been told before, and is noted. */
static bool watch_is_new(uintptr_t place)
{
    for (size_t i = 0; i < WATCH_PLACES; i++) {
        uintptr_t there = 0;

        if (atomic_compare_exchange_strong_explicit(&watch_places[i], &there,
                                                    place, memory_order_relaxed,
                                                    memory_order_relaxed))
            return true;
        if (there == place)
            return false;
    }
    return false;
}

/* ---- telling ---- */

static void watch_line(const char *text)
{
    char line[512];
    int n = snprintf(line, sizeof(line), "thrum: %s\n", text);

    thrumi_write(2, line, n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

/* Down to where Thrum has called the greenlet's function. */
static void watch_tell_frames(void *const *frames, int count, int place)
{
    char name[256];
    char text[320];

    for (int i = 0; i < count && i < WATCH_FRAMES; i++) {
        if (i > place && place >= 0 && watch_is_thrum(frames[i]))
            break;
        thrumi_unwind_name(frames[i], name, sizeof(name));
        snprintf(text, sizeof(text), "    #%-2d %p %s", i, frames[i], name);
        watch_line(text);
    }
}

/* "name (file)" of a frame, or that there is none. */
static void watch_name(void *const *frames, int at, char *text, size_t size)
{
    if (at < 0)
        snprintf(text, size, "an unknown place");
    else
        thrumi_unwind_name(frames[at], text, size);
}

static void watch_tell_function(thrum_fn *fn)
{
    char name[256];
    char text[320];

    if (fn == NULL)
        return;
    thrumi_unwind_name_place((const void *)(uintptr_t)fn, name, sizeof(name));
    snprintf(text, sizeof(text), "  the greenlet's function is %s", name);
    watch_line(text);
}

void thrumi_watch_tell(const thrum_hold *hold)
{
    int at = watch_place_in(hold->frames, hold->frame_count);
    char place[256];
    char text[512];

    if (!watch_is_new(at < 0 ? watch_unknown(hold->call)
                             : (uintptr_t)hold->frames[at]))
        return;
    watch_name(hold->frames, at, place, sizeof(place));
    snprintf(text, sizeof(text),
             "greenlet '%s' blocks thread %d in the system call %s, called by "
             "%s",
             hold->name, hold->thread, hold->call, place);
    watch_line(text);
    watch_tell_function(hold->fn);
    watch_line(hold->exact ? "  it is in" : "  it seems to be in");
    watch_tell_frames(hold->frames, hold->frame_count, at);
}

/* In the monitor's thread. */
static void watch_on_call(const thrum_hold *hold, void *arg)
{
    (void)arg;
    thrumi_watch_tell(hold);
}

/* ---- forks ---- */

static void watch_count(const thrum_hub_counts *counts, void *arg)
{
    *(uint64_t *)arg += counts->live;
}

static bool watch_in_greenlet(void)
{
    thrum_greenlet *current;

    if (thrum_hub_runs == 0)
        return false;
    current = thrum_greenlet_current();
    return current != NULL && thrum_greenlet_parent(current) != NULL;
}

/* Those of other threads and of this one, but for the one that forks. */
static uint64_t watch_others(void)
{
    uint64_t live = 0;

    (void)thrum_hub_stats_all(watch_count, &live);
    return live > 0 && watch_in_greenlet() ? live - 1 : live;
}

/* Called by fork() before it forks. */
static void watch_before_fork(void)
{
    uint64_t others = watch_others();
    void *frames[WATCH_FRAMES];
    char place[256];
    char text[512];
    int count;
    int at;

    if (others == 0)
        return;
    count = thrumi_unwind(frames, WATCH_FRAMES);
    at = watch_place_in(frames, count);
    if (!watch_is_new(at < 0 ? watch_unknown("fork") : (uintptr_t)frames[at]))
        return;
    watch_name(frames, at, place, sizeof(place));
    snprintf(text, sizeof(text),
             "a fork with %" PRIu64 " live greenlets, which the child will "
             "not have, called by %s",
             others, place);
    watch_line(text);
    watch_tell_frames(frames, count, at);
}

/* ---- beginning ---- */

static void watch_prepare(void)
{
    thrumi_unwind_prepare();
    (void)pthread_atfork(watch_before_fork, NULL, NULL);
}

/* A signal to ask by, as for the monitor; 0: none. */
static int watch_signal(void)
{
    const char *text = getenv("THRUM_MONITOR_SIGNAL");
    long number = text == NULL ? 0 : strtol(text, NULL, 10);

    return number < 1 || number > WATCH_SIGNAL ? 0 : (int)number;
}

/* Why not; NULL: somebody watches. */
static const char *watch_samples(void)
{
    thrum_monitor_options options = THRUM_MONITOR_OPTIONS;
    int rc;

    options.fn = watch_on_call;
    options.signal = watch_signal();
    rc = thrum_monitor_start_calls(&options);
    return rc == 0 || rc == -EALREADY ? NULL : thrum_strerror(rc);
}

void thrumi_monkey_watch(void)
{
    const char *wanted = getenv("THRUM_MONKEY_WATCH");
    const char *why;
    char text[128];

    if (wanted == NULL ||
        (strcmp(wanted, "1") != 0 && strcmp(wanted, "2") != 0))
        return;
    pthread_once(&watch_once, watch_prepare);
    why = wanted[0] == '1' ? watch_samples() : thrumi_stray_watch();
    if (why == NULL)
        return;
    snprintf(text, sizeof(text), "nobody watches for blocking calls: %s", why);
    watch_line(text);
}

/* ---- at each hook ---- */

bool thrumi_monkey_stays_out(void)
{
    if (thrumi_unlikely(atomic_load_explicit(&thrumi_dispatch_wanted,
                                             memory_order_relaxed)))
        thrumi_dispatch_here();
    return !thrum_hub_can_wait();
}
