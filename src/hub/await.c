/* SPDX-License-Identifier: MIT */
/*
 * hub/await.c - a greenlet waits for another of the same hub.
 *
 * Both ends of such a wait are in one thread, so it needs no lock and no place
 * on the future's list: the hub notes who waits for what, and looks at that
 * when a task has ended. One such wait at a time; all others go the usual way.
 *
 * Another thread can cancel a task that has not begun. It sees nobody to wake,
 * but the task is still queued here, and the wait ends when its turn comes.
 */
#include "hub/hub.h"
#include "hub/stop.h"
#include "sys/probe.h"
#include "task/waitgraph.h"

/* Will this hub come to the task? One that begins later might be cancelled long
 * before. None of those is that a forked child has inherited, with a hub that
 * may not have noticed yet. */
static bool await_is_own(struct thrumi_hub *hub, const thrum_future *future)
{
    return future->executor == &hub->executor && hub->awaiting == NULL &&
           !hub->ending && !future->later && !thrumi_future_held(future) &&
           future->generation == thrumi_fork_generation();
}

THRUMI_INLINE int await_park(struct thrumi_hub *hub,
                             struct thrumi_context *context,
                             thrum_future *future)
{
    struct thrumi_parking parking;
    struct thrumi_stop stop;

    THRUMI_PROBE3(hub__park, hub, "future", future);
    atomic_init(&parking.word, THRUMI_PARKING_ASLEEP);
    parking.context = context;
    parking.scheduler = &hub->scheduler;
    parking.deadline = THRUM_FOREVER;
    thrumi_parking_for(&parking, "future", future);
    parking.stop = &stop;
    parking.generation = hub->generation;
    stop.hub = hub;
    stop.parking = &parking;
    stop.certain = false;
    hub->awaited = future;
    hub->awaiting = &parking;
    context->waits_in = &parking;
    context->parked = &parking;
    thrumi_stop(hub, &stop);
    context->waits_in = NULL;
    context->parked = NULL;
    if (thrumi_likely(hub->awaiting != &parking))
        return 0;
    hub->awaited = NULL; /* something else has ended it */
    hub->awaiting = NULL;
    return thrumi_hub_wait_code(&parking, &stop);
}

THRUMI_CTX_SWITCHES bool thrumi_hub_await(struct thrumi_scheduler *scheduler,
                                          struct thrumi_context *context,
                                          thrum_future *future, int *ret_rc)
{
    struct thrumi_hub *hub = thrumi_hub_of(scheduler);

    if (!await_is_own(hub, future))
        return false;
    *ret_rc = thrumi_waitgraph_enter_own(context, future);
    if (thrumi_unlikely(*ret_rc != 0))
        return true;
    *ret_rc = await_park(hub, context, future);
    thrumi_waitgraph_leave_own(context);
    return true;
}

void thrumi_hub_awake(struct thrumi_hub *hub)
{
    struct thrumi_parking *parking = hub->awaiting;

    hub->awaited = NULL;
    if (atomic_load_explicit(&parking->word, memory_order_relaxed) !=
        THRUMI_PARKING_ASLEEP)
        return; /* it has been ended otherwise, and is about to see that */
    hub->awaiting = NULL;
    atomic_store_explicit(&parking->word, THRUMI_PARKING_WOKEN,
                          memory_order_relaxed);
    THRUMI_PROBE2(hub__wake, hub, parking->stop);
    thrumi_ready_push(&hub->ready, thrumi_ready_stop(parking->stop));
}
