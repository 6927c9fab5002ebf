/* SPDX-License-Identifier: MIT */
/*
 * hub/deadlock.c - what could still wake somebody; and telling that nothing can,
 * so that all of a hub wait for ever, and for what (S5).
 *
 * It is told by whoever was the last to wait, on the stack of a greenlet, so
 * its lines are short and made one after the other.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "coro/handle.h"
#include "hub/engine.h"
#include "hub/hub.h"
#include "hub/monitor.h"
#include "sys/thread.h"
#include "task/wait_note.h"

#define DEADLOCK_MOST 50u /* greenlets that are named */

/* Is there a strand with a task? */
bool thrumi_hub_has_greens(const struct thrumi_hub *hub)
{
    return hub->strands > hub->idle_count;
}

bool thrumi_hub_is_busy(const struct thrumi_hub *hub)
{
    return hub->ready.first != 0 || hub->timers > 0 ||
           thrumi_hub_has_greens(hub);
}

bool thrumi_hub_has_sources(const struct thrumi_hub *hub)
{
    return hub->timers > 0 || hub->watched ||
           (hub->engine != NULL && hub->engine->ops->waiting(hub->engine) > 0);
}

bool thrumi_hub_is_alone(void)
{
    return thrumi_thread_count() == 1 + thrumi_monitor_threads();
}

static void deadlock_tell_one(struct thrumi_hub *hub, const char *name,
                              const struct thrumi_context *context)
{
    struct thrumi_wait_note note;
    char text[THRUMI_WAIT_TEXT];

    thrumi_wait_note_take(context, &note);
    if (note.what == NULL)
        return;
    thrumi_wait_note_write(&note, hub->now, text, sizeof(text));
    thrumi_log(THRUM_LOG_WARNING, "  %s waits for %s", name, text);
}

static void deadlock_tell_strand(struct thrumi_hub *hub,
                                 const struct thrumi_strand *strand)
{
    bool last = strand == thrumi_strand_current(); /* so it did not stop */
    char name[THRUMI_STRAND_NAME + 48];

    snprintf(name, sizeof(name), "greenlet %s(%p)", strand->name,
             (void *)strand->handle);
    deadlock_tell_one(hub, name,
                      last ? thrumi_context_running() : strand->running);
}

static void deadlock_tell_main(struct thrumi_hub *hub)
{
    const struct thrumi_stop *stop = hub->main_stop;

    if (stop != NULL && stop->parking != NULL)
        deadlock_tell_one(hub, "the program", stop->parking->context);
}

void thrumi_hub_tell_deadlock(struct thrumi_hub *hub)
{
    uint64_t count = thrumi_watch_live(&hub->watch);
    unsigned left = DEADLOCK_MOST;

    thrumi_log(THRUM_LOG_WARNING,
               "a deadlock: all %" PRIu64 " greenlets wait, and nothing is "
               "left that could wake one of them",
               count);
    deadlock_tell_main(hub);
    for (struct thrumi_link *link = hub->greens.next;
         link != &hub->greens && left > 0; link = link->next, left--)
        deadlock_tell_strand(
            hub, thrumi_container_of(link, struct thrumi_strand, link));
    if (count > DEADLOCK_MOST)
        thrumi_log(THRUM_LOG_WARNING, "  and %" PRIu64 " more",
                   count - DEADLOCK_MOST);
}
