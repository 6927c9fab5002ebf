/* SPDX-License-Identifier: MIT */
/*
 * hub/hub.c - a hub comes and goes with its thread.
 *
 * It is made when a thread first spawns something or does I/O, out of one that
 * an ended thread has left, if there is any. It ends with its thread: all that
 * it has is cancelled, runs to its end, a bounded number of times, and what was
 * not begun is dropped; then nothing can be sent to it any more.
 *
 * In a forked child the greenlet that called fork() goes on as the main one of
 * a fresh hub in the same place; of what was there nothing is touched.
 *
 * Locking: hubs.lock guards the lists of hubs.
 */
#include "hub/hub.h"

#include <errno.h>

#include "base/alloc.h"
#include "coro/dump.h"
#include "coro/loom.h"
#include "hub/engine.h"
#include "hub/green_pool.h"
#include "hub/monitor.h"
#include "sys/clock.h"
#include "sys/fork.h"
#include "sys/mutex.h"
#include "sys/park.h"
#include "sys/thread.h"

#define HUB_KILLS       8   /* times that all are cancelled at the end */
#define HUB_PASSES      100 /* turns that each has to end after that */
#define HUB_PATIENCE_MS 10  /* how long events are waited for then */

static struct {
    struct thrumi_global_mutex lock;
    /* guarded by lock: */
    struct thrumi_link used; /* of .link; next NULL: not used yet */
    struct thrumi_link unused;
    struct thrumi_link kept; /* ended, with greenlets that would not */
} hubs;

/* ---- the lists ---- */

/* In a forked child none is used but the caller's, and that is not listed. */
static void hubs_lock(void)
{
    bool first = thrumi_global_mutex_lock(&hubs.lock);

    if (hubs.used.next != NULL && !first)
        return;
    thrumi_list_init(&hubs.used);
    thrumi_list_init(&hubs.unused);
    thrumi_list_init(&hubs.kept);
}

static void hubs_unlock(void)
{
    thrumi_global_mutex_unlock(&hubs.lock);
}

static struct thrumi_hub *hub_take_unused(void)
{
    struct thrumi_link *link;

    hubs_lock();
    link = thrumi_list_pop(&hubs.unused);
    hubs_unlock();
    return link == NULL ? NULL
                        : thrumi_container_of(link, struct thrumi_hub, link);
}

static void hub_list(struct thrumi_hub *hub)
{
    hubs_lock();
    thrumi_list_append(&hubs.used, &hub->link);
    hubs_unlock();
}

/* `kept`: what is parked there may be woken; that must not come to another. */
static void hub_retire(struct thrumi_hub *hub, bool kept)
{
    thrumi_watch_end(&hub->watch);
    hubs_lock();
    thrumi_list_remove(&hub->link);
    thrumi_list_prepend(kept ? &hubs.kept : &hubs.unused, &hub->link);
    hubs_unlock();
}

void thrumi_hub_each(bool (*fn)(struct thrumi_hub *hub, void *arg), void *arg)
{
    struct thrumi_link *link;

    hubs_lock();
    for (link = hubs.used.next; link != &hubs.used; link = link->next)
        if (!fn(thrumi_container_of(link, struct thrumi_hub, link), arg))
            break;
    hubs_unlock();
}

/* ---- beginning ---- */

static void hub_pass_face(struct thrumi_scheduler *scheduler)
{
    (void)scheduler;
    thrumi_hub_pass(thrumi_hub_here());
}

static void hub_spend_face(struct thrumi_scheduler *scheduler)
{
    struct thrumi_hub *hub = thrumi_hub_of(scheduler);

    if (thrumi_likely(hub->calls_left > 0)) {
        hub->calls_left--;
        return;
    }
    if (thrumi_context_in_callback(thrumi_context_running()))
        return;
    hub->calls_left = THRUMI_HUB_CALLS;
    thrumi_hub_pass(thrumi_hub_here());
}

static const thrum_executor_ops hub_ops = {sizeof(hub_ops),
                                           "hub",
                                           thrumi_hub_enqueue,
                                           NULL,
                                           NULL,
                                           NULL,
                                           NULL,
                                           0,
                                           true};

/* What is the same for all times. */
static void hub_init_faces(struct thrumi_hub *hub)
{
    hub->scheduler.park = thrumi_hub_park;
    hub->scheduler.unpark = thrumi_hub_unpark;
    hub->scheduler.await = thrumi_hub_await;
    hub->scheduler.pass = hub_pass_face;
    hub->scheduler.spend = hub_spend_face;
    hub->scheduler.join = thrumi_hub_join;
    thrumi_executor_init(&hub->executor, &hub_ops, hub);
    hub->executor.own = true;
    hub->executor.stays = true;
    hub->executor.fast.kill = thrumi_hub_kill;
    hub->executor.fast.ask = thrumi_hub_ask;
    hub->executor.fast.limits_run = true;
}

/* Begins with nothing: of a new thread, or of a forked child. */
static void hub_init(struct thrumi_hub *hub, struct thrumi_loom *loom)
{
    hub->loom = loom;
    hub->main = loom->current;
    hub->generation = thrumi_fork_generation();
    hub->executor.generation = hub->generation;
    hub->ending = false;
    hub->ready = (struct thrumi_ready_queue){0, 0, 0};
    hub->turns_left = 0;
    hub->calls_left = THRUMI_HUB_CALLS;
    hub->beginning = NULL;
    hub->taken = NULL;
    thrumi_list_init(&hub->greens);
    hub->idle = NULL;
    hub->idle_count = 0;
    hub->strands = 0;
    hub->main_stop = NULL;
    hub->awaited = NULL;
    hub->awaiting = NULL;
    thrumi_list_init(&hub->places);
    thrumi_list_init(&hub->lost);
    hub->now = thrumi_clock_ns();
    thrumi_wheel_init(&hub->wheel, (uint64_t)hub->now / THRUMI_HUB_TICK_NS);
    thrumi_heap_init(&hub->sleeps);
    hub->timers = 0;
    hub->engine = NULL;
    thrumi_list_init(&hub->polls);
    atomic_store_explicit(&hub->alarm, 0, memory_order_relaxed);
    atomic_store_explicit(&hub->rung, 0, memory_order_relaxed);
    hub->rings = 0;
    hub->dozing = false;
    hub->watched = false;
    thrumi_inbox_init(&hub->inbox);
}

/* Greenlets that began before there was a hub waited as their thread. */
static bool hub_free_carried(struct thrumi_strand *strand, void *arg)
{
    if (__atomic_load_n(&strand->loom, __ATOMIC_RELAXED) == arg &&
        strand->handle->kind == THRUMI_STRAND_GREENLET)
        strand->context.carrier = NULL;
    return true;
}

static struct thrumi_strand *hub_next_of(struct thrumi_loom *loom)
{
    return thrumi_hub_next(loom->hub, NULL);
}

static void hub_ends(struct thrumi_loom *loom);

/* A thread that was cancelled would end on the stack of whoever runs, and take
 * all others along: so it is not, while it has a hub. */
static void hub_take_thread(struct thrumi_hub *hub)
{
    thrum_hub_runs = 1;
    hub->cancel_state = thrumi_thread_set_cancel(PTHREAD_CANCEL_DISABLE);
}

static void hub_leave_thread(const struct thrumi_hub *hub)
{
    thrum_hub_runs = 0;
    (void)thrumi_thread_set_cancel(hub->cancel_state);
}

static struct thrumi_hub *hub_open(struct thrumi_loom *loom)
{
    struct thrumi_self *self = thrumi_self();
    struct thrumi_hub *hub = hub_take_unused();

    if (hub == NULL) {
        hub = thrumi_alloc_zero(sizeof(*hub));
        if (hub == NULL)
            return NULL;
        hub_init_faces(hub);
    }
    hub_init(hub, loom);
    hub->main = loom->main;
    hub->thread =
        self->strand == &loom->thread ? self->running : loom->thread.running;
    hub->program = hub->thread;
    hub->stack = (struct thrumi_thread_stack){NULL, NULL};
    hub_list(hub);
    thrumi_watch_begin(&hub->watch);
    thrumi_monitor_at_first_hub();
    thrumi_dump_add(thrumi_hub_dump);
    loom->hub = hub;
    loom->next = hub_next_of;
    loom->hub_ends = hub_ends;
    loom->hub_loses = thrumi_green_gone;
    loom->hub_unwound = thrumi_green_unwound;
    self->scheduler = &hub->scheduler;
    thrumi_strand_each(hub_free_carried, loom);
    hub_take_thread(hub);
    return hub;
}

/* What a task has spawned is the parent's. */
static void hub_forget_spawned(struct thrumi_context *context)
{
    for (struct thrumi_body *body = context->body; body != NULL;
         body = body->outer)
        body->spawned = 0;
}

/* The child's hub takes the place of the parent's. The engine lets go of what
 * was inherited; strands and stops of the others stay where they are. */
struct thrumi_hub *thrumi_hub_after_fork(struct thrumi_hub *hub)
{
    struct thrumi_engine *engine = hub->engine;
    struct thrumi_loom *loom = hub->loom;
    struct thrumi_strand *strand;

    (void)thrumi_greenlet_current(loom);
    strand = loom->current->handle.strand;
    hub_forget_spawned(hub->program);
    hub_forget_spawned(&strand->context);
    strand->context.pool = NULL;
    strand->home = NULL;
    hub_init(hub, loom);
    thrumi_context_init(&hub->alone);
    hub->thread = &hub->alone;
    if (engine != NULL)
        engine->ops->close(engine);
    hub_list(hub);
    thrumi_watch_begin(&hub->watch);
    return hub;
}

struct thrumi_hub *thrumi_hub_get(void)
{
    struct thrumi_hub *hub = thrumi_hub_current();
    struct thrumi_loom *loom;

    if (thrumi_likely(hub != NULL))
        return hub;
    loom = thrumi_loom_get();
    if (loom == NULL || thrumi_greenlet_current(loom) == NULL)
        return NULL;
    return hub_open(loom);
}

/* Waits for those that have taken the mark away and are about to ring: they
 * look at the engine. */
static void hub_await_rings(struct thrumi_hub *hub)
{
    /* acquire: pairs with the release in thrumi_hub_send() */
    for (unsigned step = 0;
         atomic_load_explicit(&hub->rung, memory_order_acquire) != hub->rings;
         step++)
        thrumi_spin(step);
}

/* Between two turns the hub is marked: nobody may ring while the engine comes,
 * and who did so before is to be found in its descriptor. */
static __attribute__((noinline)) int hub_open_engine(struct thrumi_hub *hub)
{
    bool dozed = hub->dozing;
    int rc;

    thrumi_hub_wake_up(hub);
    hub_await_rings(hub);
    rc = thrumi_engine_open(&hub->engine);
    if (rc != 0 || !dozed)
        return rc;
    hub->engine->ops->flush(hub->engine);
    if (!thrumi_hub_doze(hub) || hub->ready.first != 0)
        hub->engine->ops->interrupt(hub->engine);
    return 0;
}

int thrumi_hub_need_engine(struct thrumi_hub *hub)
{
    return thrumi_likely(hub->engine != NULL) ? 0 : hub_open_engine(hub);
}

/* ---- the end ---- */

/* Cancels all that have begun; those that wait go on at once. */
static void hub_cancel_greens(struct thrumi_hub *hub)
{
    for (struct thrumi_link *link = hub->greens.next; link != &hub->greens;
         link = link->next) {
        struct thrumi_strand *strand =
            thrumi_container_of(link, struct thrumi_strand, link);

        /* an idle one is washed before it begins */
        thrumi_hub_cancel_context(&strand->context);
    }
}

static bool hub_is_parked_here(const struct thrumi_hub *hub,
                               const struct thrumi_strand *strand)
{
    return __atomic_load_n(&strand->loom, __ATOMIC_RELAXED) == hub->loom &&
           strand->handle->kind == THRUMI_STRAND_GREENLET &&
           thrumi_handle_parked(strand->handle);
}

/* The same for those that the program has made itself. */
static bool hub_cancel_made(struct thrumi_strand *strand, void *arg)
{
    struct thrumi_hub *hub = arg;

    if (!hub_is_parked_here(hub, strand) || strand->handle->spawned)
        return true;
    thrumi_hub_cancel_context(&strand->context);
    return true;
}

/* One that has switched away by itself, and has not been switched back to. */
static struct thrum_greenlet *hub_find_left(const struct thrumi_hub *hub)
{
    for (struct thrumi_link *link = hub->greens.next; link != &hub->greens;
         link = link->next) {
        struct thrumi_handle *handle =
            thrumi_container_of(link, struct thrumi_strand, link)->handle;

        if (handle != NULL && thrumi_handle_ready(handle) == hub->loom)
            return (struct thrum_greenlet *)handle;
    }
    return NULL;
}

/* It may switch away again, so this has a bound. */
static void hub_cancel_left(struct thrumi_hub *hub)
{
    struct thrum_greenlet *left = hub_find_left(hub);

    for (unsigned n = hub->strands; n > 0 && left != NULL; n--) {
        struct thrumi_stop stop = {.hub = hub, .greenlet = hub->main};

        thrumi_ready_push(&hub->ready, thrumi_ready_stop(&stop));
        thrumi_greenlet_cancel(hub->loom, left);
        thrumi_strand_reap(hub->loom);
        left = hub_find_left(hub);
    }
}

/* Lets all go on that can; not for ever, since there are those that only try
 * again. */
static void hub_drain(struct thrumi_hub *hub)
{
    thrumi_hub_poll(hub);
    for (unsigned i = 0; i < HUB_PASSES && hub->ready.first != 0; i++)
        thrumi_hub_pass(hub);
}

/* Drops what was to begin later. */
static void hub_end_timers(struct thrumi_hub *hub)
{
    hub->now = INT64_MAX - 1;
    thrumi_hub_expire(hub);
    thrumi_heap_fini(&hub->sleeps);
}

/* Nobody can send any more; those that are about to ring are waited for. */
static void hub_close_inbox(struct thrumi_hub *hub)
{
    thrumi_inbox_close(&hub->inbox, &hub->ready);
    hub_drain(hub);
    hub_await_rings(hub);
}

/* What ends behind a shield may have to wait for a moment. */
static void hub_end_greens(struct thrumi_hub *hub)
{
    for (unsigned i = 0; i < HUB_KILLS; i++) {
        hub_cancel_greens(hub);
        hub_cancel_left(hub);
        thrumi_strand_each(hub_cancel_made, hub);
        hub_drain(hub);
        if (thrumi_hub_has_greens(hub) && hub->ready.first == 0)
            thrumi_hub_wait(hub, thrum_in_ms(HUB_PATIENCE_MS));
    }
}

/* Is there one that waits, and would not end? */
static bool hub_note_parked(struct thrumi_strand *strand, void *arg)
{
    struct thrumi_hub **hub = arg;

    if (!hub_is_parked_here(*hub, strand))
        return true;
    *hub = NULL;
    return false;
}

static bool hub_has_parked(struct thrumi_hub *hub)
{
    thrumi_strand_each(hub_note_parked, &hub);
    return hub == NULL;
}

/* Nothing is left but what would not end. */
static void hub_finish(struct thrumi_hub *hub)
{
    struct thrumi_loom *loom = hub->loom;

    hub_end_timers(hub);
    hub_end_greens(hub); /* these may still be woken by others */
    hub_close_inbox(hub);
    thrumi_green_end_idle(hub);
    if (hub->engine != NULL)
        hub->engine->ops->close(hub->engine);
    hub->engine = NULL;
    loom->hub = NULL;
    loom->next = NULL;
    loom->hub_ends = NULL;
    thrumi_self()->scheduler = NULL;
    hub_leave_thread(hub);
    thrumi_green_places_end(hub);
    hub_retire(hub, hub_has_parked(hub));
}

/* From here on nothing begins, and all that has begun is cancelled. */
static void hub_begin_end(struct thrumi_hub *hub)
{
    hub->ending = true;
    thrumi_green_places_close(hub);
    hub_end_greens(hub);
}

bool thrumi_hub_end(struct thrumi_hub *hub)
{
    hub_begin_end(hub);
    if (thrumi_hub_has_greens(hub)) {
        hub->ending = false;
        return false;
    }
    hub_finish(hub);
    return true;
}

static void hub_ends(struct thrumi_loom *loom)
{
    struct thrumi_hub *hub = thrumi_hub_here();

    hub_begin_end(hub);
    hub_finish(hub);
    (void)loom;
}
