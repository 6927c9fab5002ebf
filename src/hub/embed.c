/* SPDX-License-Identifier: MIT */
/*
 * hub/embed.c - a hub inside of a program that has a loop of its own.
 *
 * Between two turns the program waits elsewhere, so the hub counts as asleep:
 * whoever sends something rings, and that makes the descriptor readable.
 */
#include <thrum/hub.h>

#include <errno.h>

#include "coro/strand.h"
#include "hub/engine.h"
#include "hub/hub.h"
#include "sys/clock.h"

int thrum_hub_open(const thrum_hub_options *options)
{
    struct thrumi_hub *hub;

    if (options != NULL && options->size < sizeof(*options))
        return -EINVAL;
    hub = thrumi_hub_get();
    return hub == NULL ? -ENOMEM : thrumi_hub_need_engine(hub);
}

int thrum_hub_fd(void)
{
    int rc = thrum_hub_open(NULL);
    struct thrumi_hub *hub;

    if (rc != 0)
        return rc;
    hub = thrumi_hub_here();
    hub->watched = true;
    return hub->engine->ops->fd(hub->engine);
}

int thrum_hub_next(thrum_time *ret)
{
    struct thrumi_hub *hub = thrumi_hub_current();

    if (hub == NULL)
        return THRUM_ESTATE;
    if (hub->engine != NULL)
        hub->engine->ops->flush(hub->engine);
    if (hub->ready.first != 0 || !thrumi_hub_doze(hub)) {
        *ret = THRUM_NOW;
        return 0;
    }
    *ret = thrumi_hub_next_timer(hub);
    thrumi_watch_sleep(&hub->watch);
    return 0;
}

int thrum_hub_turn(thrum_time deadline)
{
    struct thrumi_hub *hub = thrumi_hub_current();

    if (hub == NULL)
        return THRUM_ESTATE;
    if (thrumi_context_in_callback(thrumi_context_running()))
        return THRUM_ECONTEXT;
    thrumi_hub_poll(hub);
    if (hub->ready.first == 0)
        thrumi_hub_wait(hub, deadline);
    thrumi_hub_pass(hub);
    return (int)thrumi_ready_length(&hub->ready);
}

int thrum_hub_close(thrum_time deadline)
{
    struct thrumi_hub *hub = thrumi_hub_current();
    int rc = 0;

    if (hub == NULL)
        return 0;
    if (hub->loom->current != hub->main ||
        thrumi_context_in_callback(thrumi_context_running()))
        return THRUM_ECONTEXT;
    while (thrumi_hub_is_busy(hub) && rc == 0) {
        if (hub->ready.first != 0)
            thrumi_hub_pass(hub);
        else if (thrumi_time_past(deadline))
            rc = -ETIMEDOUT;
        else
            thrumi_hub_wait(hub, deadline);
    }
    return thrumi_hub_end(hub) ? rc : -EBUSY;
}

bool thrum_hub_interruptible(bool on)
{
    struct thrumi_context *context =
        thrumi_context_carrier(thrumi_context_running());
    struct thrumi_hub *hub = thrumi_hub_current();
    bool before = context->interruptible;

    context->interruptible = on;
    if (on && hub != NULL) /* without an engine it might sleep on */
        (void)thrumi_hub_need_engine(hub);
    return before;
}

__thread unsigned char thrum_hub_runs;

/* Is the address on the stack of what runs in the thread? */
static bool hub_is_on_stack(struct thrumi_hub *hub, const char *at)
{
    const struct thrumi_strand *strand = thrumi_strand_current();

    if (strand != &hub->loom->thread)
        return at >= thrumi_stack_low(&strand->stack) &&
               at < (const char *)strand;
    if (hub->stack.low == NULL)
        hub->stack = thrumi_thread_stack();
    return hub->stack.low == NULL ||
           (at >= hub->stack.low && at < hub->stack.high);
}

bool thrum_hub_can_wait(void)
{
    return thrum_hub_runs != 0 &&
           !thrumi_context_in_callback(thrumi_context_running()) &&
           hub_is_on_stack(thrumi_hub_here(), __builtin_frame_address(0));
}
