/* SPDX-License-Identifier: MIT */
/*
 * offloaded.c - a blocking call in another thread, made for a greenlet.
 *
 * thrum_offload() would leave the call behind when the greenlet is cancelled,
 * and what it works on is the greenlet's.
 */
#include "offloaded.h"

#include <errno.h>

#include <thrum/offload.h>
#include <thrum/scope.h>

int offloaded_call(thrum_fn *fn, void *arg)
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
