/* SPDX-License-Identifier: MIT */
/*
 * hub/poller.c - a greenlet that waits for a descriptor in somebody's place.
 */
#include "hub/poller.h"

#include <errno.h>

#include <thrum/green.h>
#include <thrum/scope.h>

#include "hub/hub.h"
#include "sys/io.h"

int thrumi_poller_look(const struct thrumi_poller *poller)
{
    struct thrumi_io io = {
        .op = THRUMI_IO_POLL, .fd = poller->fd, .flags = poller->events};
    int64_t result = thrumi_io_try(&io);

    return result == -EAGAIN ? 0 : (int)result;
}

static void *poller_run(void *arg)
{
    struct thrumi_poller *poller = arg;
    struct thrumi_io io = {
        .op = THRUMI_IO_POLL, .fd = poller->fd, .flags = poller->events};

    poller->result = (int)thrumi_hub_io(&io, THRUM_FOREVER);
    return NULL;
}

int thrumi_poller_begin(struct thrumi_poller *poller)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;

    options.name = "select";
    return thrum_spawn_with(poller_run, poller, 0, &options, &poller->future);
}

int thrumi_poller_result(const struct thrumi_poller *poller)
{
    const thrum_error *error = NULL;

    if (thrum_future_exception(poller->future, THRUM_NOW, &error) == 0 &&
        error != NULL) /* it had no stack */
        return error->code;
    return poller->result;
}

void thrumi_poller_end(struct thrumi_poller *poller)
{
    if (poller->future == NULL)
        return;
    THRUM_SHIELD
    {
        int rc = thrum_future_kill(poller->future, THRUM_FOREVER);

        while (rc != 0)
            rc = thrumi_future_wait(poller->future, THRUM_FOREVER);
    }
    thrum_future_unref(poller->future);
}
