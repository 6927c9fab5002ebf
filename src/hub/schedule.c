/* SPDX-License-Identifier: MIT */
/*
 * hub/schedule.c - who goes on.
 *
 * A wait is a stop on the stack of the one that waits. What ends it, a wake, its
 * deadline, a kill, the first that takes the parking's word from asleep, queues
 * the stop; when its turn comes its greenlet goes on.
 *
 * Fairness: the queue is first in, first out; after so many switches the hub
 * looks at events, also if there is always somebody who can go on.
 */
#include <errno.h>

#include "base/log.h"
#include "hub/engine.h"
#include "hub/green_pool.h"
#include "hub/hub.h"
#include "hub/stop.h"
#include "sys/clock.h"
#include "sys/fork.h"
#include "sys/park.h"
#include "sys/probe.h"
#include "sys/rmw.h"
#include "task/guard.h"

#define SCHEDULE_TURNS    61u /* switches between two looks at events */
#define SCHEDULE_GRACE_MS 50  /* before threads are counted for a deadlock */

/* Bytes below and above a stop, which has the switch and the wait below it and
 * who waits above. */
#define SCHEDULE_BELOW 256
#define SCHEDULE_ABOVE 768

/* ---- events ---- */

bool thrumi_hub_has_ready(void)
{
    struct thrumi_hub *hub = thrumi_hub_current();

    return hub != NULL && hub->ready.first != 0;
}

/* Sleeps as its thread does, to the deadline or until something comes. */
static int hub_sleep(struct thrumi_hub *hub, thrum_time deadline)
{
    if (hub->engine != NULL)
        return hub->engine->ops->turn(hub->engine, deadline);
    thrumi_park_word(&hub->alarm, 0, deadline);
    return 0;
}

/* An engine that fails is a hub that cannot go on: nothing was told to anybody
 * who waits for I/O. */
static void hub_check_engine(int rc)
{
    if (rc < 0 && rc != -EINTR)
        thrumi_log(THRUM_LOG_ERROR, "the hub's engine fails: %s",
                   thrum_strerror(rc));
}

bool thrumi_hub_doze(struct thrumi_hub *hub)
{
    if (!hub->dozing)
        hub->dozing = thrumi_inbox_doze(&hub->inbox);
    return hub->dozing && !thrumi_inbox_has(&hub->inbox);
}

/* Whoever took the mark away rings, and is to be waited for when the hub ends.
 */
void thrumi_hub_wake_up(struct thrumi_hub *hub)
{
    unsigned before = thrumi_ready_length(&hub->ready);
    bool taken = thrumi_inbox_take(&hub->inbox, &hub->ready);

    thrumi_count(&hub->watch.received,
                 thrumi_ready_length(&hub->ready) - before);
    if (!hub->dozing)
        return;
    hub->dozing = false;
    hub->rings += taken;
    atomic_store_explicit(&hub->alarm, 0, memory_order_relaxed);
}

/* The last that a look at events does. */
static void hub_look_at_clock(struct thrumi_hub *hub)
{
    hub->now = thrumi_clock_ns();
    if (hub->timers > 0)
        thrumi_hub_expire(hub);
    thrumi_watch_looked(&hub->watch, hub->now);
    THRUMI_PROBE2(hub__turn, hub, thrumi_ready_length(&hub->ready));
}

void thrumi_hub_poll(struct thrumi_hub *hub)
{
    unsigned char runs = thrum_hub_runs;

    thrum_hub_runs = 0;
    hub->turns_left = SCHEDULE_TURNS;
    thrumi_watch_look(&hub->watch, thrumi_clock_ns());
    thrumi_hub_wake_up(hub);
    if (hub->engine != NULL)
        hub_check_engine(hub->engine->ops->turn(hub->engine, THRUM_NOW));
    hub_look_at_clock(hub);
    thrum_hub_runs = runs;
}

static void hub_interrupt(const struct thrumi_context *context)
{
    if (context->interruptible && context->parked != NULL)
        (void)thrumi_hub_end_wait(context->parked, -EINTR);
}

/* A signal handler has run while the thread slept. Of those who wait for
 * themselves, some would know of that. */
static void hub_interrupt_all(struct thrumi_hub *hub)
{
    hub_interrupt(hub->thread);
    for (struct thrumi_link *link = hub->greens.next; link != &hub->greens;
         link = link->next)
        hub_interrupt(
            &thrumi_container_of(link, struct thrumi_strand, link)->context);
}

/* The thread sleeps, as what it is: a worker of a pool is blocked then. */
static void hub_sleep_as_thread(struct thrumi_hub *hub, thrum_time deadline)
{
    struct thrumi_context *thread = hub->thread;
    struct thrumi_parking parking = {.context = thread};
    bool blocked = false;
    int rc;

    if (thread->block != NULL)
        blocked = thread->block(thread, &parking) == 0;
    rc = hub_sleep(hub, deadline);
    hub_check_engine(rc);
    if (rc == -EINTR)
        hub_interrupt_all(hub);
    if (blocked)
        thread->unblock(thread);
}

void thrumi_hub_wait(struct thrumi_hub *hub, thrum_time deadline)
{
    thrum_time timer = thrumi_hub_next_timer(hub);
    unsigned char runs = thrum_hub_runs;

    thrum_hub_runs = 0;
    hub->turns_left = SCHEDULE_TURNS;
    if (timer.ns < deadline.ns)
        deadline = timer;
    thrumi_watch_look(&hub->watch, thrumi_clock_ns());
    thrumi_watch_sleep(&hub->watch);
    if (thrumi_hub_doze(hub))
        hub_sleep_as_thread(hub, deadline);
    thrumi_hub_wake_up(hub);
    hub_look_at_clock(hub);
    thrum_hub_runs = runs;
}

/* All wait, and nothing is left that could wake one of them (S5): so says the
 * main greenlet's wait. False: that is not in a wait to be ended. Not inline,
 * nor is the next: whoever waits may run this, and its stack keeps the pages
 * that the deepest frames have touched. */
static __attribute__((noinline)) bool hub_end_deadlock(struct thrumi_hub *hub)
{
    struct thrumi_stop *stop = hub->main_stop;

    if (!thrumi_hub_is_alone() || thrumi_inbox_has(&hub->inbox))
        return false;
    thrumi_hub_tell_deadlock(hub);
    return stop != NULL && stop->parking != NULL && !stop->certain &&
           thrumi_hub_end_wait(stop->parking, -EDEADLK);
}

/* Sleeps for a moment if the process has had other threads: to count them is a
 * system call, which a wake would make useless, and those that have ended go on
 * being counted for a moment. True: something has come. */
static __attribute__((noinline)) bool hub_wait_first(struct thrumi_hub *hub)
{
    if (thrumi_alone())
        return false;
    thrumi_hub_wait(hub, thrum_in_ms(SCHEDULE_GRACE_MS));
    return hub->ready.first != 0;
}

/* Nobody can go on: waits until somebody can. */
static void hub_idle(struct thrumi_hub *hub)
{
    if (!thrumi_hub_has_sources(hub) &&
        (hub_wait_first(hub) || hub_end_deadlock(hub)))
        return;
    thrumi_hub_wait(hub, THRUM_FOREVER);
}

/* ---- the next ---- */

/* The strand of what was taken off the queue; NULL: it was none. */
static struct thrumi_strand *hub_go(struct thrumi_hub *hub, uintptr_t ready,
                                    struct thrumi_strand *free_strand)
{
    struct thrumi_errand *errand;
    thrum_future *task;

    switch (thrumi_ready_kind(ready)) {
    case THRUMI_READY_STOP:
        return thrumi_hub_resume(hub, thrumi_ready_of(ready));
    case THRUMI_READY_TASK:
        return thrumi_green_begin(hub, thrumi_ready_of(ready), free_strand);
    case THRUMI_READY_ERRAND:
    case THRUMI_READY_KINDS:
    default:
        errand = thrumi_ready_of(ready);
        errand->run(hub, errand);
        task = hub->taken;
        hub->taken = NULL;
        return task == NULL ? NULL : thrumi_green_begin(hub, task, free_strand);
    }
}

/* Where a thousand take turns, nobody has looked at the next one's stack since
 * it stopped, and it would stall on each line of that, one after the other. Now
 * they come all at once, while the system works for the one that runs. */
void thrumi_hub_foresee(const struct thrumi_hub *hub)
{
    uintptr_t stop = hub->ready.first;

    if (stop == 0 || thrumi_ready_kind(stop) != THRUMI_READY_STOP)
        return;
    for (uintptr_t at = stop - SCHEDULE_BELOW; at < stop + SCHEDULE_ABOVE;
         at += THRUMI_CACHE_LINE)
        __builtin_prefetch((const void *)at, 1);
}

struct thrumi_strand *thrumi_hub_next(struct thrumi_hub *hub,
                                      struct thrumi_strand *free_strand)
{
    struct thrumi_strand *strand = NULL;

    while (strand == NULL) {
        uintptr_t ready;

        if (thrumi_unlikely(hub->turns_left-- == 0))
            thrumi_hub_poll(hub);
        ready = thrumi_ready_pop(&hub->ready);
        if (thrumi_likely(ready != 0))
            strand = hub_go(hub, ready, free_strand);
        else
            hub_idle(hub);
    }
    thrumi_hub_note_switch(hub, strand);
    return strand;
}

/* ---- stopping ---- */

void thrumi_stop_arrive_slow(struct thrumi_hub *hub,
                             struct thrum_greenlet *here)
{
    struct thrumi_loom *loom = hub->loom;

    thrumi_strand_reap(loom);
    if (loom->orphan != NULL)
        (void)thrumi_strand_land();
    if (loom->trace != NULL)
        (void)thrumi_trace(loom, THRUM_GREENLET_SWITCH, here);
    if (thrumi_stop_holds(hub, here))
        /* not the last one: it runs, and whoever it goes to destroys it */
        atomic_fetch_sub_explicit(&here->handle.refs, 1, memory_order_acq_rel);
}

THRUMI_CTX_SWITCHES void thrumi_hub_pass(struct thrumi_hub *hub)
{
    struct thrumi_stop stop = {.hub = hub};

    if (hub->ready.first == 0 && hub->turns_left > 0) {
        hub->turns_left--;
        thrumi_watch_switch(&hub->watch);
        return;
    }
    thrumi_ready_push(&hub->ready, thrumi_ready_stop(&stop));
    thrumi_stop(hub, &stop);
}

/* ---- parking ---- */

bool thrumi_hub_end_wait(struct thrumi_parking *parking, int rc)
{
    struct thrumi_stop *stop = parking->stop;
    unsigned asleep = THRUMI_PARKING_ASLEEP;

    /* a wake that comes later finds it awake, and is waited for */
    if (!thrumi_compare_exchange(&parking->word, &asleep, THRUMI_PARKING_AWAKE))
        return false;
    stop->rc = rc;
    thrumi_ready_push(&stop->hub->ready, thrumi_ready_stop(stop));
    return true;
}

void thrumi_hub_cancel_context(struct thrumi_context *context)
{
    context->cancelled = true;
    if (context->parked != NULL)
        (void)thrumi_hub_end_wait(context->parked, -ECANCELED);
}

bool thrumi_hub_send(struct thrumi_hub *hub, uintptr_t ready)
{
    enum thrumi_sent sent = thrumi_inbox_send(&hub->inbox, ready);

    if (sent == THRUMI_NOT_SENT)
        return false;
    if (sent == THRUMI_SENT)
        return true;
    if (hub->engine != NULL) {
        hub->engine->ops->interrupt(hub->engine);
    } else {
        atomic_store_explicit(&hub->alarm, 1, memory_order_release);
        thrumi_wake_word(&hub->alarm, 1);
    }
    /* release: pairs with the acquire in hub.c, which waits for this */
    atomic_fetch_add_explicit(&hub->rung, 1, memory_order_release);
    return true;
}

/* In the hub's own thread. There is one wake, and all else that ends a wait is
 * this thread's, so nobody else can touch the word: no read-modify-write. */
static void hub_unpark_here(struct thrumi_hub *hub,
                            struct thrumi_parking *parking)
{
    unsigned word = atomic_load_explicit(&parking->word, memory_order_relaxed);

    atomic_store_explicit(&parking->word, THRUMI_PARKING_WOKEN,
                          memory_order_relaxed);
    if (word != THRUMI_PARKING_ASLEEP ||
        thrumi_unlikely(parking->generation != hub->generation))
        return; /* who waits was left behind by a fork */
    THRUMI_PROBE2(hub__wake, hub, parking->stop);
    thrumi_ready_push(&hub->ready, thrumi_ready_stop(parking->stop));
}

void thrumi_hub_unpark(struct thrumi_scheduler *scheduler,
                       struct thrumi_parking *parking)
{
    struct thrumi_hub *hub = thrumi_hub_of(scheduler);
    struct thrumi_stop *stop;

    if (thrumi_likely(thrumi_self()->scheduler == scheduler)) {
        hub_unpark_here(hub, parking);
        return;
    }
    /* acq_rel: what the waker did is seen by the one that goes on; and the stop
     * is seen here */
    if (thrumi_exchange(&parking->word, THRUMI_PARKING_WOKEN,
                        memory_order_acq_rel) != THRUMI_PARKING_ASLEEP ||
        parking->generation != thrumi_fork_generation())
        return;
    stop = parking->stop;
    THRUMI_PROBE2(hub__wake, hub, stop);
    (void)thrumi_hub_send(hub, thrumi_ready_stop(stop));
}

/* Asleep from now on; false: it was woken before. */
static bool hub_fall_asleep(struct thrumi_parking *parking)
{
    unsigned awake = THRUMI_PARKING_AWAKE;

    /* release: pairs with the exchange in unpark; acquire: when woken */
    return thrumi_compare_exchange(&parking->word, &awake,
                                   THRUMI_PARKING_ASLEEP);
}

int thrumi_hub_wait_code(struct thrumi_parking *parking,
                         const struct thrumi_stop *stop)
{
    /* acquire: pairs with the release of the waker */
    if (atomic_load_explicit(&parking->word, memory_order_acquire) ==
        THRUMI_PARKING_WOKEN)
        return 0;
    return stop->rc == -ECANCELED ? thrumi_guard_deliver(parking->context)
                                  : stop->rc;
}

THRUMI_CTX_SWITCHES static int hub_park_asleep(struct thrumi_hub *hub,
                                               struct thrumi_parking *parking,
                                               struct thrumi_stop *stop,
                                               unsigned flags)
{
    struct thrumi_context *root = thrumi_context_carrier(parking->context);

    if ((flags & THRUMI_PARK_MASKED) == 0)
        root->parked = parking;
    thrumi_stop(hub, stop);
    root->parked = NULL;
    return thrumi_hub_wait_code(parking, stop);
}

/* A task of a green pool waits for what is in that one's queue. */
static bool hub_lends(const struct thrumi_parking *parking)
{
    return parking->queue != NULL &&
           thrumi_context_carrier(parking->context)->pool == parking->queue;
}

static int hub_park_lending(struct thrumi_hub *hub,
                            struct thrumi_parking *parking,
                            struct thrumi_stop *stop, unsigned flags)
{
    thrum_executor *pool = parking->queue;
    int rc;

    thrumi_green_pool_lend(pool);
    rc = hub_park_asleep(hub, parking, stop, flags);
    thrumi_green_pool_lent(pool);
    return rc;
}

int thrumi_hub_park(struct thrumi_scheduler *scheduler,
                    struct thrumi_parking *parking, thrum_time deadline,
                    unsigned flags)
{
    struct thrumi_hub *hub = thrumi_hub_here();
    struct thrumi_stop stop = {.hub = hub,
                               .parking = parking,
                               .certain = (flags & THRUMI_PARK_CERTAIN) != 0};
    int rc;

    (void)scheduler;
    THRUMI_PROBE3(hub__park, hub, parking->what, parking->on);
    parking->stop = &stop;
    parking->generation = hub->generation;
    if (deadline.ns <= hub->now) {
        thrumi_hub_pass(hub);
        return atomic_load_explicit(&parking->word, memory_order_acquire) ==
                       THRUMI_PARKING_WOKEN
                   ? 0
                   : -ETIMEDOUT;
    }
    if (!hub_fall_asleep(parking))
        return 0;
    if (deadline.ns != INT64_MAX)
        thrumi_hub_start_timer(hub, &stop, deadline,
                               (flags & THRUMI_PARK_PRECISE) != 0);
    if (thrumi_unlikely(hub_lends(parking)))
        rc = hub_park_lending(hub, parking, &stop, flags);
    else
        rc = hub_park_asleep(hub, parking, &stop, flags);
    if (deadline.ns != INT64_MAX)
        thrumi_hub_stop_timer(hub, &stop);
    return rc;
}
