/* SPDX-License-Identifier: MIT */
/*
 * pool/injection.h - the queues through which tasks come in from outside.
 *
 * Several rings, each under its own lock: a submitting thread sticks to one,
 * workers go round. Two more lanes hold what has a priority: one is looked at
 * before everything else, the other after everything else.
 */
#ifndef THRUMI_POOL_INJECTION_H
#define THRUMI_POOL_INJECTION_H

#include <stdint.h>

#include "base/ring.h"
#include "sys/mutex.h"

struct thrumi_lane {
    _Alignas(THRUMI_CACHE_LINE) struct thrumi_mutex lock;
    /* guarded by lock: */
    int closed; /* 0: open; else what a submit is told */
    struct thrumi_ring ring;
    _Atomic uint64_t submitted; /* read without the lock */
};

enum thrumi_lane_kind {
    THRUMI_LANE_URGENT,
    THRUMI_LANE_NORMAL,
    THRUMI_LANE_BACKGROUND,
};

struct thrumi_injection {
    unsigned shards;           /* normal lanes: a power of two */
    struct thrumi_lane *lanes; /* urgent, background, then the shards */
    void *memory;              /* that they lie in */
};

int thrumi_injection_init(struct thrumi_injection *injection, unsigned shards);
void thrumi_injection_fini(struct thrumi_injection *injection);

/* The lane that the calling thread submits such a task to. */
struct thrumi_lane *thrumi_injection_lane(struct thrumi_injection *injection,
                                          enum thrumi_lane_kind kind);

/* Appends n slots: 0, or why not: closed, or -ENOMEM. All or none. */
int thrumi_lane_push(struct thrumi_lane *lane, const struct thrumi_slot *slots,
                     size_t n);
/* The same of n calls of fn with these arguments. */
int thrumi_lane_push_calls(struct thrumi_lane *lane, thrum_fn *fn,
                           void *const *args, size_t n);

/* Takes from a normal lane, beginning with lane `*rotor` and moving it on: one
 * slot, or more, up to `most`, if the lane is long enough for `share` workers
 * to have as many. Returns how many. */
unsigned thrumi_injection_pop(struct thrumi_injection *injection,
                              unsigned *rotor, struct thrumi_slot *ret,
                              unsigned most, unsigned share);
/* Takes one from one of the other two. */
bool thrumi_injection_pop_kind(struct thrumi_injection *injection,
                               enum thrumi_lane_kind kind,
                               struct thrumi_slot *ret);

bool thrumi_injection_empty(struct thrumi_injection *injection);
/* Closes all lanes with this code; what is in them stays. Idempotent. */
void thrumi_injection_close(struct thrumi_injection *injection, int code);
uint64_t thrumi_injection_submitted(struct thrumi_injection *injection);

#endif /* THRUMI_POOL_INJECTION_H */
