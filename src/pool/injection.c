/* SPDX-License-Identifier: MIT */
/*
 * pool/injection.c - the queues through which tasks come in from outside.
 *
 * A plain lock around a ring is as fast as any lock-free queue here, takes 16
 * bytes a task, has no limit, and tolerates that its holder is preempted. What
 * scales is to have several.
 *
 * A lane is closed under its lock, so a task is either in before that, and
 * will be found by the workers, or refused.
 */
#include "pool/injection.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/histogram.h"
#include "task/context.h"

#define INJECTION_FIRST_SHARD 2u /* after urgent and background */

int thrumi_injection_init(struct thrumi_injection *injection, unsigned shards)
{
    unsigned lanes = INJECTION_FIRST_SHARD + shards;
    size_t bytes = (lanes + 1) * sizeof(struct thrumi_lane);
    char *memory = thrumi_alloc_zero(bytes);

    if (memory == NULL)
        return -ENOMEM;
    injection->shards = shards;
    injection->memory = memory;
    memory += THRUMI_CACHE_LINE - (uintptr_t)memory % THRUMI_CACHE_LINE;
    injection->lanes = (struct thrumi_lane *)(void *)memory;
    for (unsigned i = 0; i < lanes; i++) {
        thrumi_mutex_init(&injection->lanes[i].lock);
        thrumi_ring_init(&injection->lanes[i].ring);
    }
    return 0;
}

void thrumi_injection_fini(struct thrumi_injection *injection)
{
    if (injection->memory == NULL)
        return;
    for (unsigned i = 0; i < INJECTION_FIRST_SHARD + injection->shards; i++)
        thrumi_ring_fini(&injection->lanes[i].ring);
    thrumi_free(injection->memory);
}

/* Threads are numbered as they come. */
static unsigned injection_thread_number(void)
{
    static atomic_uint threads;
    struct thrumi_self *self = thrumi_self();

    if (thrumi_unlikely(self->shard == 0))
        self->shard =
            atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) + 1;
    return self->shard;
}

struct thrumi_lane *thrumi_injection_lane(struct thrumi_injection *injection,
                                          enum thrumi_lane_kind kind)
{
    unsigned shard;

    if (thrumi_unlikely(kind != THRUMI_LANE_NORMAL))
        return &injection->lanes[kind == THRUMI_LANE_URGENT ? 0 : 1];
    shard = injection_thread_number() & (injection->shards - 1);
    return &injection->lanes[INJECTION_FIRST_SHARD + shard];
}

/* Locks it with room for n more; else it is unlocked, and the code says why. */
static int lane_lock_for(struct thrumi_lane *lane, size_t n)
{
    int rc;

    thrumi_mutex_lock(&lane->lock);
    rc = lane->closed;
    if (thrumi_likely(rc == 0) &&
        thrumi_likely(thrumi_ring_reserve(&lane->ring, n))) {
        thrumi_count(&lane->submitted, n);
        return 0;
    }
    thrumi_mutex_unlock(&lane->lock);
    return rc != 0 ? rc : -ENOMEM;
}

int thrumi_lane_push(struct thrumi_lane *lane, const struct thrumi_slot *slots,
                     size_t n)
{
    int rc = lane_lock_for(lane, n);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        thrumi_ring_push(&lane->ring, slots[i]);
    thrumi_mutex_unlock(&lane->lock);
    return 0;
}

int thrumi_lane_push_calls(struct thrumi_lane *lane, thrum_fn *fn,
                           void *const *args, size_t n)
{
    int rc = lane_lock_for(lane, n);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        thrumi_ring_push(&lane->ring, (struct thrumi_slot){fn, args[i]});
    thrumi_mutex_unlock(&lane->lock);
    return 0;
}

/* The lock is held. */
static unsigned lane_take(struct thrumi_lane *lane, struct thrumi_slot *ret,
                          unsigned most)
{
    unsigned n = 0;

    while (n < most && thrumi_ring_pop(&lane->ring, &ret[n]))
        n++;
    return n;
}

static unsigned lane_pop(struct thrumi_lane *lane, struct thrumi_slot *ret,
                         unsigned most, unsigned share)
{
    size_t fair = thrumi_ring_length(&lane->ring);
    unsigned n;

    if (fair == 0)
        return 0;
    fair = (fair + share - 1) / share;
    if (fair < most)
        most = (unsigned)fair;
    thrumi_mutex_lock(&lane->lock);
    n = lane_take(lane, ret, most);
    thrumi_mutex_unlock(&lane->lock);
    return n;
}

unsigned thrumi_injection_pop(struct thrumi_injection *injection,
                              unsigned *rotor, struct thrumi_slot *ret,
                              unsigned most, unsigned share)
{
    for (unsigned i = 0; i < injection->shards; i++) {
        unsigned shard = (*rotor + i) & (injection->shards - 1);
        unsigned n = lane_pop(&injection->lanes[INJECTION_FIRST_SHARD + shard],
                              ret, most, share);

        if (n > 0) {
            *rotor = shard + 1;
            return n;
        }
    }
    return 0;
}

bool thrumi_injection_pop_kind(struct thrumi_injection *injection,
                               enum thrumi_lane_kind kind,
                               struct thrumi_slot *ret)
{
    return lane_pop(thrumi_injection_lane(injection, kind), ret, 1, 1) == 1;
}

bool thrumi_injection_empty(struct thrumi_injection *injection)
{
    for (unsigned i = 0; i < INJECTION_FIRST_SHARD + injection->shards; i++)
        if (thrumi_ring_length(&injection->lanes[i].ring) != 0)
            return false;
    return true;
}

void thrumi_injection_close(struct thrumi_injection *injection, int code)
{
    for (unsigned i = 0; i < INJECTION_FIRST_SHARD + injection->shards; i++) {
        struct thrumi_lane *lane = &injection->lanes[i];

        thrumi_mutex_lock(&lane->lock);
        if (lane->closed == 0)
            lane->closed = code;
        thrumi_mutex_unlock(&lane->lock);
    }
}

uint64_t thrumi_injection_submitted(struct thrumi_injection *injection)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < INJECTION_FIRST_SHARD + injection->shards; i++)
        sum += atomic_load_explicit(&injection->lanes[i].submitted,
                                    memory_order_relaxed);
    return sum;
}
