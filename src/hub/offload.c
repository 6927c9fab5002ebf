/* SPDX-License-Identifier: MIT */
/*
 * hub/offload.c - blocking code beside the hub.
 *
 * A thread pool of the process, made by the first who needs it and never ended;
 * its threads end when they are idle.
 * A forked child, which has none of its threads, makes its own.
 *
 * Locking: offload.lock is held only to look at the pool, or to make it.
 */
#include <thrum/offload.h>

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "pool/thread_pool.h"
#include "sys/mutex.h"
#include "task/body.h"
#include "task/future.h"

#define OFFLOAD_THREADS      64
#define OFFLOAD_MOST_THREADS 4096
#define OFFLOAD_IDLE_NS      200000000 /* a thread that is idle so long ends */

static struct {
    struct thrumi_global_mutex lock;
    /* guarded by lock: */
    thrum_executor *pool;
    thrum_executor *inherited; /* the parent's, so that it is not lost */
} offload;

/* THRUM_OFFLOAD_THREADS: a number of 1 or more; anything else is as if not
 * there. */
static int offload_threads(void)
{
    const char *text = getenv("THRUM_OFFLOAD_THREADS");
    char *end;
    long n;

    if (text == NULL || *text == '\0')
        return OFFLOAD_THREADS;
    n = strtol(text, &end, 10);
    if (*end != '\0' || n < 1)
        return OFFLOAD_THREADS;
    return n < OFFLOAD_MOST_THREADS ? (int)n : OFFLOAD_MOST_THREADS;
}

/* The pool, made if need be. */
static int offload_pool(thrum_executor **ret)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    int rc = 0;

    options.name_prefix = "thrum-offload";
    options.max_workers = offload_threads();
    if (thrumi_global_mutex_lock(&offload.lock) && offload.pool != NULL) {
        offload.inherited = offload.pool;
        offload.pool = NULL;
    }
    if (offload.pool == NULL) {
        rc = thrum_thread_pool_new(&options, &offload.pool);
        if (rc == 0)
            thrumi_pool_limit_idle(offload.pool, OFFLOAD_IDLE_NS);
    }
    *ret = offload.pool;
    thrumi_global_mutex_unlock(&offload.lock);
    return rc;
}

int thrum_offload_future(thrum_fn *fn, void *arg, thrum_future **ret)
{
    thrum_executor *pool;
    int rc;

    if (fn == NULL)
        return -EINVAL;
    rc = offload_pool(&pool);
    if (rc != 0)
        return rc;
    return thrum_executor_submit(pool, fn, arg, 0, ret);
}

/* The error goes on to the body that has offloaded. */
static void offload_hand_on(thrum_future *future)
{
    struct thrumi_body *body = thrumi_context_body(thrumi_context_running());
    thrum_error *error;

    if (body == NULL)
        return;
    error = thrumi_error_copy(future->value);
    if (body->error != NULL)
        thrumi_error_set_cause(error, body->error);
    body->error = error;
    body->thrown = false;
}

static int offload_take(thrum_future *future, thrum_time deadline, void **ret)
{
    void *value;
    int rc = thrum_future_result(future, deadline, &value);

    if (rc == THRUM_EFAILED)
        offload_hand_on(future);
    else if (!thrumi_future_settled(future))
        /* relaxed: a hint, no data comes with it */
        atomic_store_explicit(&future->cancel_requested, true,
                              memory_order_relaxed);
    if (rc != 0)
        return rc;
    if (future->extra.payload != NULL)
        return -EINVAL;
    if (ret != NULL)
        *ret = value;
    return 0;
}

int thrum_offload(thrum_fn *fn, void *arg, thrum_time deadline, void **ret)
{
    thrum_future *future;
    int rc;

    if (thrumi_context_in_callback(thrumi_context_running()))
        return THRUM_ECONTEXT;
    rc = thrum_offload_future(fn, arg, &future);
    if (rc != 0)
        return rc;
    rc = offload_take(future, deadline, ret);
    thrum_future_unref(future);
    return rc;
}
