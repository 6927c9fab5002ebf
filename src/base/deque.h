/* SPDX-License-Identifier: MIT */
/*
 * base/deque.h - a work-stealing deque of calls.
 *
 * One owner pushes and pops at the bottom, last in first out; any thread
 * steals from the top, first in first out. The algorithm is Chase and Lev's
 * (SPAA 2005), with the orders of Le, Pop, Cohen and Zappa Nardelli (PPoPP
 * 2013) where this file does not say otherwise.
 *
 *        top                       bottom
 *         v                          v
 *     ... | oldest | ...  | newest   |
 *       thieves take here    the owner works here
 *
 * Indices only ever count up at the top, so an index tells an age: all that
 * lies at or above the bottom of some moment was pushed after it.
 */
#ifndef THRUMI_BASE_DEQUE_H
#define THRUMI_BASE_DEQUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/container.h"
#include "base/slot.h"

struct thrumi_deque_array;

struct thrumi_deque {
    /* written by the owner */
    _Atomic int64_t bottom;
    _Atomic(struct thrumi_deque_array *) array;
    /* written by thieves, and by the owner for the last item */
    _Alignas(THRUMI_CACHE_LINE) _Atomic int64_t top;
};

bool thrumi_deque_init(struct thrumi_deque *deque);
void thrumi_deque_fini(struct thrumi_deque *deque);

/* Owner: false when there is no memory to grow. */
bool thrumi_deque_push(struct thrumi_deque *deque, struct thrumi_slot slot);
/* Owner: takes the newest slot, if its index is at least `floor`. */
bool thrumi_deque_pop(struct thrumi_deque *deque, int64_t floor,
                      struct thrumi_slot *ret);
/* Owner: is the newest slot, at least `floor`, this task's? Somebody may steal
 * it at any time. */
bool thrumi_deque_is_top(struct thrumi_deque *deque, int64_t floor,
                         const void *task);
/* Anybody: takes the oldest slot. False: empty, or (`*ret_retry`) somebody else
 * was faster. */
bool thrumi_deque_steal(struct thrumi_deque *deque, struct thrumi_slot *ret,
                        bool *ret_retry);

/* Owner: the index that the next push gets. */
static inline int64_t thrumi_deque_mark(struct thrumi_deque *deque)
{
    return atomic_load_explicit(&deque->bottom, memory_order_relaxed);
}

/* Anybody: how many items, more or less. */
static inline int64_t thrumi_deque_length(struct thrumi_deque *deque)
{
    int64_t top = atomic_load_explicit(&deque->top, memory_order_relaxed);
    int64_t bottom = atomic_load_explicit(&deque->bottom, memory_order_relaxed);

    return bottom > top ? bottom - top : 0;
}

#endif /* THRUMI_BASE_DEQUE_H */
