/* SPDX-License-Identifier: MIT */
/*
 * cancel.c - stop what is not needed any more.
 *
 * A task that has not begun is cancelled at once and never runs. One that runs
 * cannot be stopped from outside: it is asked, and ends when it looks.
 */
#include <sched.h>
#include <semaphore.h>

#include "check.h"

/* doc: task */
static void *count_up(void *arg)
{
    sem_t *begun = arg;
    size_t rounds = 0;

    sem_post(begun);
    while (!thrum_cancelled()) {
        rounds++;
        sched_yield(); /* stands for a piece of work */
    }
    return NULL; /* nothing raised: the future ends as cancelled */
}
/* doc: end */

static void *never(void *arg)
{
    printf("this must not run\n");
    return NULL;
}

static const char *state(thrum_future *future)
{
    if (thrum_future_cancelled(future))
        return "cancelled";
    return thrum_future_running(future) ? "running" : "neither";
}

int main(void)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_future *running, *pending;
    thrum_executor *pool;
    sem_t begun;

    sem_init(&begun, 0, 0);
    options.max_workers = 1;
    CHECK(thrum_thread_pool_new(&options, &pool));
    CHECK(thrum_executor_submit(pool, count_up, &begun, 0, &running));
    CHECK(thrum_executor_submit(pool, never, NULL, 0, &pending));
    while (sem_wait(&begun) != 0)
        ; /* a signal */

    /* doc: cancel */
    printf("cancel the pending one: %s\n",
           thrum_future_cancel(pending) ? "yes" : "no");
    printf("cancel the running one: %s\n",
           thrum_future_cancel(running) ? "yes" : "no");
    printf("they are %s and %s\n", state(pending), state(running));

    CHECK(thrum_future_request_cancel(running));
    printf("asked: %s\n",
           thrum_strerror(thrum_future_result(running, THRUM_FOREVER, NULL)));
    /* doc: end */

    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    thrum_future_unref(pending);
    thrum_future_unref(running);
    sem_destroy(&begun);
    return 0;
}
