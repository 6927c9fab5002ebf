/* SPDX-License-Identifier: MIT */
/*
 * bounded.c - a queue that does not grow without end.
 *
 * When tasks come faster than they are done, an unbounded queue only moves the
 * trouble. A limit says how many may wait; the policy says what a submit does
 * when there is no room: wait, give up, or do the work itself.
 *
 * One worker is held up on purpose, so that the queue is full when we say so.
 */
#include <semaphore.h>

#include "check.h"

struct gate {
    sem_t entered;
    sem_t opened;
};

static void *hold(void *arg)
{
    struct gate *gate = arg;

    sem_post(&gate->entered);
    while (sem_wait(&gate->opened) != 0)
        ; /* a signal */
    return NULL;
}

static _Thread_local bool in_main;

static void *where(void *arg)
{
    static char caller[] = "the caller", worker[] = "a worker";

    return in_main ? caller : worker;
}

/* doc: options */
static thrum_executor *make_pool(thrum_queue_policy policy)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool;

    options.max_workers = 1;
    options.queue_limit = 2;
    options.queue_policy = policy;
    options.block_ns = 10 * 1000 * 1000; /* a blocked submit gives up then */
    CHECK(thrum_thread_pool_new(&options, &pool));
    return pool;
}
/* doc: end */

static void try(thrum_queue_policy policy, const char *name)
{
    thrum_future *futures[4];
    struct gate gate;
    thrum_executor *pool = make_pool(policy);
    void *who;
    int rc;

    sem_init(&gate.entered, 0, 0);
    sem_init(&gate.opened, 0, 0);
    CHECK(thrum_executor_submit(pool, hold, &gate, 0, &futures[0]));
    while (sem_wait(&gate.entered) != 0)
        ; /* it runs now: the queue is empty again */
    CHECK(thrum_executor_submit(pool, where, NULL, 0, &futures[1]));
    CHECK(thrum_executor_submit(pool, where, NULL, 0, &futures[2]));
    rc = thrum_executor_submit(pool, where, NULL, 0, &futures[3]);
    sem_post(&gate.opened);

    printf("%s: the third: ", name);
    if (rc < 0) {
        printf("%s\n", thrum_strerror(rc));
    } else {
        CHECK(thrum_future_result(futures[3], THRUM_FOREVER, &who));
        printf("run by %s\n", (char *)who);
        thrum_future_unref(futures[3]);
    }
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    for (int i = 0; i < 3; i++)
        thrum_future_unref(futures[i]);
    sem_destroy(&gate.entered);
    sem_destroy(&gate.opened);
}

int main(void)
{
    in_main = true;
    try(THRUM_QUEUE_BLOCK, "block");
    try(THRUM_QUEUE_REJECT, "reject");
    try(THRUM_QUEUE_CALLER_RUNS, "caller runs");
    return 0;
}
