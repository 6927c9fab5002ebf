/* SPDX-License-Identifier: MIT */
/*
 * pool/slot.h - the least that a future can be.
 *
 * For peers that have none: a state word and a value. Completion is one
 * exchange; a futex call is made only if somebody waits.
 */
#ifndef BENCH_POOL_SLOT_H
#define BENCH_POOL_SLOT_H

#include "pool/futex.h"

enum {
    SLOT_PENDING,
    SLOT_DONE,
    SLOT_WAITED
};

struct bench_slot {
    atomic_int state;
    long value; /* the argument, then the result */
};

static inline void bench_slot_set(struct bench_slot *slot, long value)
{
    slot->value = value;
    /* acq_rel: pairs with the acquire in bench_slot_wait() */
    int before =
        atomic_exchange_explicit(&slot->state, SLOT_DONE, memory_order_acq_rel);
    if (before == SLOT_WAITED)
        bench_futex_wake(&slot->state, 1);
}

static inline long bench_slot_wait(struct bench_slot *slot)
{
    int state = SLOT_PENDING;

    atomic_compare_exchange_strong_explicit(&slot->state, &state, SLOT_WAITED,
                                            memory_order_acquire,
                                            memory_order_acquire);
    while (atomic_load_explicit(&slot->state, memory_order_acquire) !=
           SLOT_DONE)
        bench_futex_wait(&slot->state, SLOT_WAITED);
    return slot->value;
}

#endif /* BENCH_POOL_SLOT_H */
