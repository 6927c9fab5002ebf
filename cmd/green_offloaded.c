/* SPDX-License-Identifier: MIT */
/*
 * green_offloaded.c - a thread makes the call while its greenlet waits.
 *
 * thrum_offload() would leave the call behind when the greenlet is cancelled,
 * and what it works on is the greenlet's. There are to be as many threads as
 * greenlets.
 */
#include "green.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <thrum/green_pool.h>
#include <thrum/offload.h>
#include <thrum/scope.h>

#define GREEN_THREADS 4096 /* the library's limit */

const char green_label[] = "green (offloaded)";
const char green_about[] = "greenlets, whose calls threads make";
const bool green_is_many = false;

int green_fits(bool save)
{
    (void)save;
    return GREEN_THREADS;
}

int green_make(const struct executor_setup *setup, thrum_executor **ret)
{
    thrum_green_pool_options options = THRUM_GREEN_POOL_OPTIONS;
    char text[16];

    snprintf(text, sizeof(text), "%d", setup->workers);
    setenv("THRUM_OFFLOAD_THREADS", text, 0);
    options.limit = setup->workers;
    return thrum_green_pool_new(&options, ret);
}

void green_leave(void)
{
}

int green_call(thrum_fn *fn, void *arg)
{
    thrum_future *call;
    int rc = thrum_offload_future(fn, arg, &call);

    if (rc != 0)
        return rc;
    rc = thrum_future_result(call, THRUM_FOREVER, NULL);
    if (rc == -ECANCELED) {
        thrum_future_request_cancel(call);
        THRUM_SHIELD
        {
            rc = thrum_future_result(call, THRUM_FOREVER, NULL);
        }
    }
    thrum_future_unref(call);
    return rc;
}
