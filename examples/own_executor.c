/* SPDX-License-Identifier: MIT */
/*
 * own_executor.c - an executor of your own: tasks run where you say.
 *
 * This one keeps tasks in an array until the program's main loop runs them, as
 * a user interface would that must touch its widgets in one thread only. All
 * that submit, map, callbacks and futures do works on it as on any other.
 *
 * Not here: a lock, since one thread does it all; tasks from other threads
 * would need one, and a way to wake the loop.
 */
#include "check.h"

#define LIMIT 8

struct loop {
    thrum_task *tasks[LIMIT];
    unsigned count;
    bool closed;
};

/* doc: enqueue */
static int loop_enqueue(void *self, thrum_task *task)
{
    struct loop *loop = self;

    if (loop->closed)
        return THRUM_ESHUTDOWN;
    if (loop->count == LIMIT)
        return THRUM_EFULL; /* submit's caller is told */
    loop->tasks[loop->count++] = task;
    return 0;
}

/* Each task that was taken is run or dropped, once. */
static void loop_run(struct loop *loop)
{
    unsigned count = loop->count;

    loop->count = 0;
    for (unsigned i = 0; i < count; i++)
        thrum_task_run(loop->tasks[i]);
}
/* doc: end */

/* doc: shutdown */
static int loop_shutdown(void *self, unsigned flags, thrum_time deadline)
{
    struct loop *loop = self;

    loop->closed = true;
    if (flags & THRUM_CANCEL_FUTURES)
        while (loop->count > 0)
            thrum_task_drop(loop->tasks[--loop->count], THRUM_ECANCELLED);
    if (flags & THRUM_WAIT)
        loop_run(loop);
    return 0;
}

static void loop_destroy(void *self)
{
    (void)loop_shutdown(self, THRUM_CANCEL_FUTURES, THRUM_NOW);
}
/* doc: end */

static void *hello(void *arg)
{
    printf("hello, %s\n", (char *)arg);
    return arg;
}

static void submit_and_run(struct loop *loop, thrum_executor *executor)
{
    static char left[] = "left", right[] = "right", extra[] = "extra";
    thrum_future *futures[3];

    CHECK(thrum_executor_submit(executor, hello, left, 0, &futures[0]));
    CHECK(thrum_executor_submit(executor, hello, extra, 0, &futures[1]));
    CHECK(thrum_executor_submit(executor, hello, right, 0, &futures[2]));
    printf("submitted, %s\n",
           thrum_future_done(futures[0]) ? "done" : "not done");
    thrum_future_cancel(futures[1]);
    loop_run(loop);
    for (int i = 0; i < 3; i++) {
        printf("%d: %s\n", i,
               thrum_future_cancelled(futures[i]) ? "cancelled" : "done");
        thrum_future_unref(futures[i]);
    }
}

int main(void)
{
    /* doc: make */
    struct loop loop = {.count = 0};
    thrum_executor_ops ops = {
        .size = sizeof(ops),
        .name = "loop",
        .enqueue = loop_enqueue,
        .shutdown = loop_shutdown,
        .destroy = loop_destroy,
        .workers = 1,
        .shares_memory = true,
    };
    thrum_executor *executor;

    CHECK(thrum_executor_new(&ops, &loop, &executor));
    /* doc: end */
    submit_and_run(&loop, executor);
    CHECK(thrum_executor_shutdown(executor, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(executor);
    return 0;
}
