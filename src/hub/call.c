/* SPDX-License-Identifier: MIT */
/*
 * hub/call.c - I/O calls of whatever runs on the hub's thread.
 *
 * A call that is done at once has not waited, so that a greenlet whose data
 * never runs dry would keep its thread: after so many calls it passes.
 */
#include <errno.h>

#include "hub/engine.h"
#include "hub/hub.h"
#include "task/guard.h"

/* Why the call is not to be made: cancelled, past a block's deadline, or in a
 * callback, which must not wait. */
static int call_check(struct thrumi_hub *hub)
{
    struct thrumi_context *context = thrumi_context_running();

    if (thrumi_unlikely(hub->calls_left-- == 0)) {
        hub->calls_left = THRUMI_HUB_CALLS;
        if (!thrumi_context_in_callback(context))
            thrumi_hub_pass(hub);
    }
    if (thrumi_likely(!thrumi_context_guarded(context)))
        return 0;
    return thrumi_guard_check(context, hub->now);
}

int64_t thrumi_hub_io(struct thrumi_io *io, thrum_time deadline)
{
    struct thrumi_hub *hub = thrumi_hub_get();
    int rc;

    if (thrumi_unlikely(hub == NULL))
        return -ENOMEM;
    rc = thrumi_hub_need_engine(hub);
    if (thrumi_likely(rc == 0))
        rc = call_check(hub);
    if (thrumi_unlikely(rc != 0))
        return rc;
    thrumi_hub_foresee(hub);
    return hub->engine->ops->run(hub->engine, io, deadline);
}

void thrumi_hub_forget(int fd, int code)
{
    struct thrumi_hub *hub = thrumi_hub_current();

    if (hub != NULL && hub->engine != NULL)
        hub->engine->ops->forget(hub->engine, fd, code);
}
