/* SPDX-License-Identifier: MIT */
/*
 * hub/ready.h - what can go on: greenlets that were woken, tasks not begun.
 *
 * Whatever is queued has its link inside, so a wake needs no memory and cannot
 * fail. A link is the address of the next, with its kind in the lowest bits:
 *
 *     stop      the wait of a greenlet, on its stack
 *     task      a future that is pending
 *     errand    something that the hub is to do for another thread
 *
 * The same links make up the inbox (inbox.h), where errands come from.
 */
#ifndef THRUMI_HUB_READY_H
#define THRUMI_HUB_READY_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/wheel.h"
#include "task/future.h"

struct thrumi_hub;
struct thrum_greenlet;

enum thrumi_ready_kind {
    THRUMI_READY_STOP = 0,
    THRUMI_READY_TASK = 1,
    THRUMI_READY_ERRAND = 2,
    THRUMI_READY_KINDS = 3, /* mask */
};

/* A wait in a hub, on the stack of the one that waits. */
struct thrumi_stop {
    uintptr_t next;
    struct thrumi_hub *hub;
    struct thrum_greenlet *greenlet;
    struct thrumi_parking *parking; /* NULL: it only lets others go first */
    /* NULL; or what its timer does, for one that is no wait */
    void (*fire)(struct thrumi_hub *hub, struct thrumi_stop *stop);
    int rc;       /* what the wait returns */
    bool precise; /* in the heap, not in the wheel */
    bool certain; /* a deadlock does not end it */
    union {
        struct thrumi_timer timer;
        struct thrumi_heap_node node;
    };
};

/* Something to be done in the hub's thread; `run` may free it. */
struct thrumi_errand {
    uintptr_t next;
    void (*run)(struct thrumi_hub *hub, struct thrumi_errand *errand);
};

static inline uintptr_t thrumi_ready_stop(struct thrumi_stop *stop)
{
    return (uintptr_t)stop | THRUMI_READY_STOP;
}

static inline uintptr_t thrumi_ready_task(thrum_future *task)
{
    return (uintptr_t)task | THRUMI_READY_TASK;
}

static inline uintptr_t thrumi_ready_errand(struct thrumi_errand *errand)
{
    return (uintptr_t)errand | THRUMI_READY_ERRAND;
}

static inline enum thrumi_ready_kind thrumi_ready_kind(uintptr_t ready)
{
    return (enum thrumi_ready_kind)(ready & THRUMI_READY_KINDS);
}

/* The thing itself. */
static inline void *thrumi_ready_of(uintptr_t ready)
{
    return (void *)(ready & ~(uintptr_t)THRUMI_READY_KINDS);
}

/* Where its link is. */
static inline uintptr_t *thrumi_ready_next(uintptr_t ready)
{
    switch (thrumi_ready_kind(ready)) {
    case THRUMI_READY_STOP:
        return &((struct thrumi_stop *)thrumi_ready_of(ready))->next;
    case THRUMI_READY_TASK:
        return &((thrum_future *)thrumi_ready_of(ready))->queued;
    case THRUMI_READY_ERRAND:
    case THRUMI_READY_KINDS:
    default:
        return &((struct thrumi_errand *)thrumi_ready_of(ready))->next;
    }
}

/* First in, first out; the hub's own thread alone. */
struct thrumi_ready_queue {
    uintptr_t first; /* 0: empty */
    uintptr_t last;
    atomic_uint length; /* written by that thread, read by anybody */
};

static inline unsigned
thrumi_ready_length(const struct thrumi_ready_queue *queue)
{
    /* relaxed: a number, no data comes with it */
    return atomic_load_explicit(&queue->length, memory_order_relaxed);
}

static inline void thrumi_ready_set_length(struct thrumi_ready_queue *queue,
                                           unsigned length)
{
    atomic_store_explicit(&queue->length, length, memory_order_relaxed);
}

static inline void thrumi_ready_push(struct thrumi_ready_queue *queue,
                                     uintptr_t ready)
{
    *thrumi_ready_next(ready) = 0;
    if (queue->first == 0)
        queue->first = ready;
    else
        *thrumi_ready_next(queue->last) = ready;
    queue->last = ready;
    thrumi_ready_set_length(queue, thrumi_ready_length(queue) + 1);
}

/* The oldest, or 0. */
static inline uintptr_t thrumi_ready_pop(struct thrumi_ready_queue *queue)
{
    uintptr_t ready = queue->first;
    uintptr_t *next;

    if (ready == 0)
        return 0;
    next = thrumi_ready_next(ready);
    queue->first = *next;
    *next = 0; /* of a task: its runner, which others may look for */
    thrumi_ready_set_length(queue, thrumi_ready_length(queue) - 1);
    return ready;
}

#endif /* THRUMI_HUB_READY_H */
