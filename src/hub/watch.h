/* SPDX-License-Identifier: MIT */
/*
 * hub/watch.h - what a hub counts, and who looks at it.
 *
 * A hub's own thread writes, with plain stores of atomics; anybody reads. What
 * a switch pays is one addition.
 */
#ifndef THRUMI_HUB_WATCH_H
#define THRUMI_HUB_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/histogram.h"
#include "base/list.h"
#include "sys/look.h"
#include "task/context.h"

/* Where the monitor of system calls has seen the hub. */
struct thrumi_watch_call {
    struct thrumi_look look;
    uint64_t progress; /* see thrumi_watch_progress() */
    int64_t since;     /* when it was first seen there, ns */
    bool told;         /* of this one */
};

struct thrumi_watch {
    struct thrumi_link link;  /* on the list of all, under its lock */
    struct thrumi_self *self; /* of the hub's thread */
    int thread;               /* its number in the kernel */
    uint16_t generation;      /* of the process, see sys/fork.h */
    /* written by the hub's thread: */
    _Atomic uint64_t switches;     /* how often one went on */
    _Atomic uint64_t turns;        /* looks at events */
    _Atomic uint64_t spawned;      /* tasks that began */
    _Atomic uint64_t ended;        /* of them */
    _Atomic uint64_t received;     /* what came from other threads */
    _Atomic uint64_t longest;      /* ns between two looks at events, at most */
    atomic_bool asleep;            /* waits for events */
    struct thrumi_histogram holds; /* ns between two looks at events */
    int64_t looked;                /* its own: when that was over, ns */
    /* the monitor's own: */
    uint64_t seen;     /* switches and turns when it looked last */
    int64_t since;     /* when it first saw that number, ns */
    int64_t cpu_since; /* CPU time of the thread then, ns */
    bool told;         /* of this hold */
    /* of the monitor of system calls: */
    struct thrumi_watch_call call;
};

/* A hub begins and ends to be seen; by its own thread. */
void thrumi_watch_begin(struct thrumi_watch *watch);
void thrumi_watch_end(struct thrumi_watch *watch);

/* Calls fn for each until it returns false; none begins or ends meanwhile. */
void thrumi_watch_each(bool (*fn)(struct thrumi_watch *watch, void *arg),
                       void *arg);

/* The hub looks at events: greenlets have run up to `now`, unless it sleeps. */
void thrumi_watch_look(struct thrumi_watch *watch, int64_t now);
/* That is over. */
void thrumi_watch_looked(struct thrumi_watch *watch, int64_t now);

/* Tasks that have begun and not ended. */
uint64_t thrumi_watch_live(const struct thrumi_watch *watch);

/* A number that changes whenever somebody else goes on. */
uint64_t thrumi_watch_progress(const struct thrumi_watch *watch);
/* Is the hub held, and has that number not changed since it was this one? One
 * that sleeps, or has nobody to go on, is not. */
bool thrumi_watch_is_held(const struct thrumi_watch *watch, uint64_t progress);
/* The monitor sees the hub with new numbers. */
void thrumi_watch_see(struct thrumi_watch *watch, int64_t now);

/* The hub sleeps until it has looked again. */
static inline void thrumi_watch_sleep(struct thrumi_watch *watch)
{
    atomic_store_explicit(&watch->asleep, true, memory_order_relaxed);
}

static inline void thrumi_watch_switch(struct thrumi_watch *watch)
{
    thrumi_count(&watch->switches, 1);
}

#endif /* THRUMI_HUB_WATCH_H */
