/* SPDX-License-Identifier: MIT */
/*
 * task/executor.h - what all executors have in common.
 */
#ifndef THRUMI_TASK_EXECUTOR_H
#define THRUMI_TASK_EXECUTOR_H

#include <stdatomic.h>

#include <thrum/executor.h>

/* What the library's own executors can do beside thrum_executor_ops. */
struct thrumi_executor_fast {
    /* Takes up to n calls that nobody waits for: no record, no future.
     * Returns how many, or a code if none. */
    int (*post)(void *self, thrum_fn *fn, void *const *args, size_t n);
    /* Takes up to n tasks at once; likewise. */
    int (*enqueue_many)(void *self, thrum_task *const *tasks, size_t n);
    /* Ends a task that runs, by force, and waits for it to have settled: 0;
     * -ETIMEDOUT: asked, not yet; -ENOTSUP: nothing was done. The tasks of an
     * executor that can do this keep its memory. */
    int (*kill)(void *self, thrum_future *task, thrum_time deadline);
    bool limits_run; /* keeps to the run_ns of a task's options */
    /* For an executor whose tasks begin where this process cannot see it.
     * Cancels one that has not begun, as thrumi_future_move() would. */
    bool (*cancel)(void *self, thrum_future *task, bool *ret_busy);
    /* One that has begun is running from now on. */
    void (*look)(void *self, thrum_future *task);
    /* Tells a task that runs that it is asked to stop: 0 or a code. */
    int (*ask)(void *self, thrum_future *task);
    /* In the process where they run: is the task that runs asked to stop? */
    bool (*asked)(void);
};

struct thrum_executor {
    atomic_uint refs;  /* users; the last unref calls destroy */
    atomic_uint holds; /* of the memory: the users together, tasks, workers */
    uint16_t generation;
    bool own;            /* of this library */
    bool stays;          /* its memory is never given back */
    unsigned time_every; /* time one task in so many; 0: none */
    thrum_executor_ops ops;
    struct thrumi_executor_fast fast;  /* NULL where it cannot */
    void (*free_fn)(thrum_executor *); /* of the memory */
    void *self;
};

/* Fills in an executor that is embedded or allocated by the caller; its memory
 * goes to thrumi_free() unless free_fn is set afterwards. */
void thrumi_executor_init(thrum_executor *executor,
                          const thrum_executor_ops *ops, void *self);

/* 0 if this process may use it, else -ECHILD. */
int thrumi_executor_check(const thrum_executor *executor);

/* Keeps the memory, not the service; frees it with the last. */
void thrumi_executor_hold(thrum_executor *executor);
void thrumi_executor_release(thrum_executor *executor);

#endif /* THRUMI_TASK_EXECUTOR_H */
