/* SPDX-License-Identifier: MIT */
/*
 * hub/engine.c - which engine a hub gets.
 */
#include "hub/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int thrumi_engine_open(struct thrumi_engine **ret_engine)
{
    const char *wanted = secure_getenv("THRUM_LOOP");

    if (wanted == NULL || *wanted == '\0' || strcmp(wanted, "epoll") == 0)
        return thrumi_engine_epoll.open(ret_engine);
    if (strcmp(wanted, "uring") == 0)
        return thrumi_engine_uring.open(ret_engine);
    return -EINVAL;
}
