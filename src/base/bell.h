/* SPDX-License-Identifier: MIT */
/*
 * base/bell.h - a word that says whether anybody sleeps, so that whoever has
 * work for him need not call the system to wake nobody.
 *
 * Who wants to sleep arms the bell, looks once more for work, and only then
 * sleeps on whatever it is; who made work asks thrumi_bell_rings() afterwards,
 * and wakes if that is true. Each does its store, then the fence, then looks at
 * what the other has stored: one of them at least sees the other.
 *
 * A ring is given out once per arming: the exchange decides who wakes.
 */
#ifndef THRUMI_BASE_BELL_H
#define THRUMI_BASE_BELL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/fence.h"

/* 0: awake; 1: asleep, or about to be */

static inline void thrumi_bell_arm(atomic_uint *bell)
{
    atomic_store_explicit(bell, 1, memory_order_relaxed);
    /* pairs with the fence in thrumi_bell_rings() */
    thrumi_fence(bell);
}

static inline void thrumi_bell_disarm(atomic_uint *bell)
{
    atomic_store_explicit(bell, 0, memory_order_relaxed);
}

/* After work was made: is somebody to be woken, by the caller? */
static inline bool thrumi_bell_rings(atomic_uint *bell)
{
    /* pairs with the fence in thrumi_bell_arm() */
    thrumi_fence(bell);
    return atomic_load_explicit(bell, memory_order_relaxed) != 0 &&
           atomic_exchange_explicit(bell, 0, memory_order_relaxed) != 0;
}

#endif /* THRUMI_BASE_BELL_H */
