/* SPDX-License-Identifier: MIT */
/*
 * hub/engine.c - which engine a hub gets.
 */
#include "hub/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* io_uring where it can be had. Whatever speaks against it, forbidden, too old,
 * or no room, epoll is there. */
static int engine_open_best(struct thrumi_engine **ret_engine)
{
    if (thrumi_engine_uring.open(ret_engine) == 0)
        return 0;
    return thrumi_engine_epoll.open(ret_engine);
}

int thrumi_engine_open(struct thrumi_engine **ret_engine)
{
    const char *wanted = secure_getenv("THRUM_LOOP");

    if (wanted == NULL || *wanted == '\0')
        return engine_open_best(ret_engine);
    if (strcmp(wanted, "epoll") == 0)
        return thrumi_engine_epoll.open(ret_engine);
    if (strcmp(wanted, "uring") == 0)
        return thrumi_engine_uring.open(ret_engine);
    return -EINVAL;
}
