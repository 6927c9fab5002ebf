/* SPDX-License-Identifier: MIT */
/*
 * sys/rmw.h - words that are read, changed and written in one step.
 *
 * As the atomics of the same names, but while the process has one thread they
 * are a load and a store: see sys/alone.h. For words that a task, a future or a
 * greenlet changes a few times in its life, where these steps are most of what
 * it costs. A word that a signal handler changes is none of them.
 */
#ifndef THRUMI_SYS_RMW_H
#define THRUMI_SYS_RMW_H

#include <stdatomic.h>
#include <stdbool.h>

#include "sys/alone.h"

static inline unsigned thrumi_rmw_plain(atomic_uint *at, unsigned before,
                                        unsigned after)
{
    atomic_store_explicit(at, after, memory_order_relaxed);
    return before;
}

static inline unsigned thrumi_rmw_load(const atomic_uint *at)
{
    return atomic_load_explicit(at, memory_order_relaxed);
}

static inline unsigned thrumi_fetch_add(atomic_uint *at, unsigned by,
                                        memory_order order)
{
    unsigned before;

    if (!thrumi_alone())
        return atomic_fetch_add_explicit(at, by, order);
    before = thrumi_rmw_load(at);
    return thrumi_rmw_plain(at, before, before + by);
}

static inline unsigned thrumi_fetch_sub(atomic_uint *at, unsigned by,
                                        memory_order order)
{
    unsigned before;

    if (!thrumi_alone())
        return atomic_fetch_sub_explicit(at, by, order);
    before = thrumi_rmw_load(at);
    return thrumi_rmw_plain(at, before, before - by);
}

static inline unsigned thrumi_fetch_or(atomic_uint *at, unsigned bits,
                                       memory_order order)
{
    unsigned before;

    if (!thrumi_alone())
        return atomic_fetch_or_explicit(at, bits, order);
    before = thrumi_rmw_load(at);
    return thrumi_rmw_plain(at, before, before | bits);
}

static inline unsigned thrumi_fetch_and(atomic_uint *at, unsigned bits,
                                        memory_order order)
{
    unsigned before;

    if (!thrumi_alone())
        return atomic_fetch_and_explicit(at, bits, order);
    before = thrumi_rmw_load(at);
    return thrumi_rmw_plain(at, before, before & bits);
}

static inline unsigned thrumi_exchange(atomic_uint *at, unsigned value,
                                       memory_order order)
{
    if (!thrumi_alone())
        return atomic_exchange_explicit(at, value, order);
    return thrumi_rmw_plain(at, thrumi_rmw_load(at), value);
}

/* Acquires and releases; what was there instead is read with acquire. */
static inline bool thrumi_compare_exchange(atomic_uint *at, unsigned *expected,
                                           unsigned value)
{
    unsigned before;

    if (!thrumi_alone())
        return atomic_compare_exchange_strong_explicit(
            at, expected, value, memory_order_acq_rel, memory_order_acquire);
    before = thrumi_rmw_load(at);
    if (before != *expected) {
        *expected = before;
        return false;
    }
    atomic_store_explicit(at, value, memory_order_relaxed);
    return true;
}

#endif /* THRUMI_SYS_RMW_H */
