/* SPDX-License-Identifier: MIT */
/*
 * hub/monitor.c - finding greenlets that do not let others go on.
 *
 * A thread that looks at all hubs four times in the time that is too long. A hub
 * counts its switches and its looks at events; one that does not sleep, has
 * somebody who could go on some time, and has counted nothing since it was
 * first seen with that number, is held. So a hold is noticed a quarter of the
 * limit late at most, and hubs pay nothing for it.
 *
 * There are two of them, alike but for what they look for: the second one asks
 * the kernel, too, and tells only of hubs that sleep in the same system call all
 * the time.
 *
 * Locking: the lock of a monitor is held while it is started and stopped. Its
 * thread takes the lock of the list of hubs to look, and no lock to tell.
 */
#include "hub/monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "hub/hold.h"
#include "sys/ask.h"
#include "sys/clock.h"
#include "sys/look.h"
#include "sys/mutex.h"
#include "sys/park.h"
#include "sys/thread.h"
#include "sys/write.h"

#define MONITOR_LIMIT      100000000 /* ns; the default */
#define MONITOR_CALL_LIMIT 5000000   /* that of system calls */
#define MONITOR_LOOKS      4         /* in that time */
#define MONITOR_LEAST      1000000   /* ns between two looks */

#define MONITOR_STARTING -1 /* no thread's number */

struct monitor {
    const char *name;
    int64_t limit_ns; /* the default */
    bool calls;       /* which of the two */
    struct thrumi_global_mutex lock;
    /* guarded by lock: */
    bool started;
    bool environment_read;
    pthread_t thread;
    /* written before the thread starts: */
    thrum_monitor_options options;
    struct thrumi_hold *hold;
    atomic_uint stop;  /* 1: to end */
    atomic_int number; /* of the thread in the kernel; 0: none */
};

static struct monitor monitor_holds = {.name = "thrum-monitor",
                                       .limit_ns = MONITOR_LIMIT};
static struct monitor monitor_calls = {
    .name = "thrum-calls", .limit_ns = MONITOR_CALL_LIMIT, .calls = true};

/* ---- looking ---- */

struct monitor_round {
    struct monitor *monitor;
    int64_t now;
    bool found;
};

/* The greenlet has held its hub since then. */
static void monitor_take(struct monitor_round *round,
                         struct thrumi_watch *watch, uint64_t progress,
                         int64_t since)
{
    struct monitor *monitor = round->monitor;

    round->found = thrumi_hold_take(watch, progress, monitor->options.signal,
                                    monitor->hold);
    monitor->hold->told.ns = round->now - since;
}

static bool monitor_look(struct thrumi_watch *watch, void *arg)
{
    struct monitor_round *round = arg;

    if (!thrumi_watch_is_held(watch, watch->seen)) {
        thrumi_watch_see(watch, round->now);
        return true;
    }
    if (watch->told ||
        round->now - watch->since < round->monitor->options.limit_ns)
        return true;
    watch->told = true;
    monitor_take(round, watch, watch->seen, watch->since);
    round->monitor->hold->told.cpu_ns =
        thrumi_look_cpu_ns(watch->thread) - watch->cpu_since;
    return !round->found;
}

/* Does it sleep in a system call, the one that was seen before? What is seen
 * now is noted. */
static bool monitor_is_in_same_call(struct thrumi_watch *watch, int64_t now)
{
    struct thrumi_watch_call *seen = &watch->call;
    struct thrumi_look look = {THRUMI_LOOK_UNKNOWN, -1, 0, 0};
    uint64_t progress = thrumi_watch_progress(watch);

    if (thrumi_watch_is_held(watch, progress))
        thrumi_look_at(watch->thread, &look);
    if (look.state == THRUMI_LOOK_IN_CALL && progress == seen->progress &&
        look.call == seen->look.call && look.sp == seen->look.sp &&
        look.pc == seen->look.pc)
        return true;
    *seen = (struct thrumi_watch_call){
        .look = look, .progress = progress, .since = now};
    return false;
}

static bool monitor_look_at_call(struct thrumi_watch *watch, void *arg)
{
    struct monitor_round *round = arg;
    struct thrumi_watch_call *seen = &watch->call;

    if (!monitor_is_in_same_call(watch, round->now) || seen->told ||
        round->now - seen->since < round->monitor->options.limit_ns)
        return true;
    seen->told = true;
    monitor_take(round, watch, seen->progress, seen->since);
    round->found &= round->monitor->hold->told.call != NULL;
    return !round->found;
}

/* ---- telling ---- */

static void monitor_log(const char *text)
{
    thrumi_log(THRUM_LOG_WARNING, "%s", text);
}

static void monitor_print(const char *text)
{
    thrumi_write(2, "thrum: ", 7);
    thrumi_write(2, text, strlen(text));
    thrumi_write(2, "\n", 1);
}

static void monitor_print_hold(const thrum_hold *hold, void *arg)
{
    (void)arg;
    thrumi_hold_write(hold, thrumi_log_is_set() ? monitor_log : monitor_print);
}

static void monitor_tell(const struct monitor *monitor)
{
    const thrum_hold *hold = &monitor->hold->told;

    if (monitor->options.fn != NULL)
        monitor->options.fn(hold, monitor->options.arg);
    else
        thrumi_hold_write(hold, monitor_log);
}

static void monitor_round(struct monitor *monitor)
{
    struct monitor_round round = {.monitor = monitor};

    do {
        round.now = thrumi_clock_ns();
        round.found = false;
        thrumi_watch_each(monitor->calls ? monitor_look_at_call : monitor_look,
                          &round);
        if (round.found)
            monitor_tell(monitor);
    } while (round.found);
}

static void *monitor_run(void *arg)
{
    struct monitor *monitor = arg;
    int64_t pause = monitor->options.limit_ns / MONITOR_LOOKS;

    thrumi_thread_set_name(monitor->name, 0);
    atomic_store_explicit(&monitor->number, thrumi_thread_number(),
                          memory_order_relaxed);
    if (pause < MONITOR_LEAST)
        pause = MONITOR_LEAST;
    while (atomic_load_explicit(&monitor->stop, memory_order_relaxed) == 0) {
        monitor_round(monitor);
        thrumi_park_word(&monitor->stop, 0, thrum_in_ns(pause));
    }
    return NULL;
}

/* ---- starting and stopping ---- */

static int monitor_set_options(struct monitor *monitor,
                               const thrum_monitor_options *options)
{
    static const thrum_monitor_options none = THRUM_MONITOR_OPTIONS;

    if (options == NULL)
        options = &none;
    if (options->size < sizeof(*options) || options->limit_ns < 0 ||
        options->signal < 0)
        return -EINVAL;
    monitor->options = *options;
    if (options->limit_ns == 0)
        monitor->options.limit_ns = monitor->limit_ns;
    return options->signal == 0 ? 0 : thrumi_ask_prepare(options->signal);
}

static int monitor_start_thread(struct monitor *monitor)
{
    struct thrumi_thread_options options = {.stack_size = 0};
    sigset_t mask;
    int rc;

    thrumi_thread_mask(&mask, true);
    options.mask = &mask;
    atomic_store_explicit(&monitor->stop, 0, memory_order_relaxed);
    atomic_store_explicit(&monitor->number, MONITOR_STARTING,
                          memory_order_relaxed);
    rc = thrumi_thread_start(&monitor->thread, &options, monitor_run, monitor);
    if (rc != 0)
        atomic_store_explicit(&monitor->number, 0, memory_order_relaxed);
    return rc;
}

/* The lock is held. */
static int monitor_start(struct monitor *monitor,
                         const thrum_monitor_options *options)
{
    int rc;

    if (monitor->started)
        return -EALREADY;
    rc = monitor_set_options(monitor, options);
    if (rc != 0)
        return rc;
    if (monitor->hold == NULL)
        monitor->hold = thrumi_alloc(sizeof(*monitor->hold));
    if (monitor->hold == NULL)
        return -ENOMEM;
    rc = monitor_start_thread(monitor);
    monitor->started = rc == 0;
    return rc;
}

/* A forked child has none of its parent's threads. */
static void monitor_lock(struct monitor *monitor)
{
    if (thrumi_global_mutex_lock(&monitor->lock)) {
        monitor->started = false;
        atomic_store_explicit(&monitor->number, 0, memory_order_relaxed);
    }
}

static int monitor_start_one(struct monitor *monitor,
                             const thrum_monitor_options *options)
{
    int rc;

    monitor_lock(monitor);
    rc = monitor_start(monitor, options);
    thrumi_global_mutex_unlock(&monitor->lock);
    return rc;
}

static int monitor_stop_one(struct monitor *monitor)
{
    int rc = -ESRCH;

    if (atomic_load_explicit(&monitor->number, memory_order_relaxed) ==
        thrumi_thread_number())
        return THRUM_ECONTEXT;
    monitor_lock(monitor);
    if (monitor->started) {
        atomic_store_explicit(&monitor->stop, 1, memory_order_relaxed);
        thrumi_wake_word(&monitor->stop, 1);
        pthread_join(monitor->thread, NULL);
        atomic_store_explicit(&monitor->number, 0, memory_order_relaxed);
        thrumi_free(monitor->hold);
        monitor->hold = NULL;
        monitor->started = false;
        rc = 0;
    }
    thrumi_global_mutex_unlock(&monitor->lock);
    return rc;
}

int thrum_monitor_start(const thrum_monitor_options *options)
{
    return monitor_start_one(&monitor_holds, options);
}

int thrum_monitor_stop(void)
{
    return monitor_stop_one(&monitor_holds);
}

int thrum_monitor_start_calls(const thrum_monitor_options *options)
{
    return monitor_start_one(&monitor_calls, options);
}

int thrum_monitor_stop_calls(void)
{
    return monitor_stop_one(&monitor_calls);
}

static bool monitor_runs(struct monitor *monitor)
{
    return atomic_load_explicit(&monitor->number, memory_order_relaxed) != 0;
}

unsigned thrumi_monitor_threads(void)
{
    return (unsigned)monitor_runs(&monitor_holds) +
           (unsigned)monitor_runs(&monitor_calls);
}

/* ---- the environment ---- */

/* A number above 0 and up to the most, or 0. */
static int monitor_number_of(const char *variable, int most)
{
    const char *text = getenv(variable);
    char *end;
    long number;

    if (text == NULL)
        return 0;
    number = strtol(text, &end, 10);
    return *end != '\0' || number < 1 || number > most ? 0 : (int)number;
}

static void monitor_read_environment(void)
{
    thrum_monitor_options options = THRUM_MONITOR_OPTIONS;
    int ms = monitor_number_of("THRUM_MONITOR_MS", 1000000);
    int rc;

    if (ms == 0)
        return;
    options.limit_ns = ms * INT64_C(1000000);
    options.fn = monitor_print_hold;
    options.signal = monitor_number_of("THRUM_MONITOR_SIGNAL", 64);
    rc = monitor_start(&monitor_holds, &options);
    if (rc != 0)
        thrumi_log(THRUM_LOG_ERROR, "the monitor cannot be started: %s",
                   thrum_strerror(rc));
}

void thrumi_monitor_at_first_hub(void)
{
    struct monitor *monitor = &monitor_holds;

    monitor_lock(monitor);
    if (!monitor->environment_read && !monitor->started)
        monitor_read_environment();
    monitor->environment_read = true;
    thrumi_global_mutex_unlock(&monitor->lock);
}
