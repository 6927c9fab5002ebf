/* SPDX-License-Identifier: MIT */
/*
 * hub/timer.c - what a hub does by the clock.
 *
 * Deadlines are many, nearly always cancelled, and may be a millisecond late:
 * they lie in a wheel. Sleeps are what somebody waits for: they lie in a heap,
 * by the nanosecond. Neither is ever early.
 */
#include <errno.h>

#include "hub/hub.h"
#include "sys/clock.h"

static uint64_t timer_tick_of(int64_t ns)
{
    return (uint64_t)ns / THRUMI_HUB_TICK_NS;
}

/* Rounded up: what has expired is over. */
static uint64_t timer_tick_after(int64_t ns)
{
    return timer_tick_of(ns - 1) + 1;
}

void thrumi_hub_start_timer(struct thrumi_hub *hub, struct thrumi_stop *stop,
                            thrum_time deadline, bool precise)
{
    if (deadline.ns == INT64_MAX)
        deadline.ns--; /* it comes with the end of the hub */
    stop->precise = precise;
    hub->timers++;
    if (precise) {
        stop->node = (struct thrumi_heap_node){0, 0};
        if (thrumi_heap_push(&hub->sleeps, &stop->node, deadline.ns))
            return;
        stop->precise = false;
    }
    stop->timer.link.next = NULL;
    thrumi_wheel_start(&hub->wheel, &stop->timer,
                       timer_tick_after(deadline.ns));
}

void thrumi_hub_stop_timer(struct thrumi_hub *hub, struct thrumi_stop *stop)
{
    bool started = stop->precise ? thrumi_heap_node_listed(&stop->node)
                                 : thrumi_timer_started(&stop->timer);

    if (!started)
        return;
    hub->timers--;
    if (stop->precise)
        thrumi_heap_remove(&hub->sleeps, &stop->node);
    else
        thrumi_wheel_cancel(&hub->wheel, &stop->timer);
}

static void timer_fire(struct thrumi_hub *hub, struct thrumi_stop *stop)
{
    hub->timers--;
    if (thrumi_unlikely(stop->fire != NULL))
        stop->fire(hub, stop);
    else
        (void)thrumi_hub_end_wait(stop->parking, -ETIMEDOUT);
}

void thrumi_hub_expire(struct thrumi_hub *hub)
{
    struct thrumi_timer *timer;

    while (thrumi_heap_first_key(&hub->sleeps) <= hub->now)
        timer_fire(hub, thrumi_container_of(thrumi_heap_pop(&hub->sleeps),
                                            struct thrumi_stop, node));
    while ((timer = thrumi_wheel_expire(&hub->wheel,
                                        timer_tick_of(hub->now))) != NULL)
        timer_fire(hub, thrumi_container_of(timer, struct thrumi_stop, timer));
}

thrum_time thrumi_hub_next_timer(const struct thrumi_hub *hub)
{
    uint64_t tick = thrumi_wheel_next(&hub->wheel);
    int64_t next = thrumi_heap_first_key(&hub->sleeps);

    if (tick < (uint64_t)INT64_MAX / THRUMI_HUB_TICK_NS &&
        (int64_t)tick * THRUMI_HUB_TICK_NS < next)
        next = (int64_t)tick * THRUMI_HUB_TICK_NS;
    return thrum_at_ns(next);
}
