/* SPDX-License-Identifier: MIT */
/*
 * pool/floor_ring.c - how fast a pool can be that does nothing else.
 *
 * Growable rings of {fn, arg}, each under a mutex; up to 16 jobs are taken at
 * once. One ring (SHARDS 1), or several with a submitting thread keeping to
 * its own. No shutdown, no futures, no errors, memory is never given back.
 *
 * Parking: a futex word for each worker and a mask of those that sleep. A
 * submitter claims one bit, so nobody is woken twice; and while a woken worker
 * still searches nobody else is woken at all (the wake token, `searching`).
 * The searcher passes the wake on when it found work and leaves some.
 *
 * POLLS: how often a worker, and whoever waits for a result, looks again
 * before it sleeps; with a sched_yield at every 16th look.
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#include "pool/harness.h"
#include "pool/slot.h"

#ifndef SHARDS
# define SHARDS 1
#endif
#ifndef POLLS
# define POLLS 0
#endif

#define BATCH 16

struct job {
    bench_task *fn;
    void *arg;
};

struct shard {
    _Alignas(64) pthread_mutex_t lock;
    struct job *ring;
    size_t capacity;
    atomic_size_t head; /* written under the lock, looked at without */
    atomic_size_t tail;
};

struct sleeper {
    _Alignas(64) atomic_int word; /* 1: woken */
};

static struct shard shards[SHARDS];
static struct sleeper sleepers[64];
static _Alignas(64) atomic_ulong idle; /* a bit for each sleeping worker */
static _Alignas(64) atomic_int searching;
static atomic_uint threads; /* that have submitted */
static int worker_count;

/* ---- the rings ---- */

static struct shard *ring_own(void)
{
    static _Thread_local unsigned own;

    if (!own)
        own = 1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed);
    return &shards[own % SHARDS];
}

static size_t ring_length(struct shard *shard)
{
    return atomic_load_explicit(&shard->tail, memory_order_relaxed) -
           atomic_load_explicit(&shard->head, memory_order_relaxed);
}

static void ring_grow(struct shard *shard)
{
    size_t head = shard->head, capacity = shard->capacity;
    size_t larger = capacity ? capacity * 2 : 1024;
    struct job *ring = malloc(larger * sizeof *ring);

    for (size_t i = head; i < shard->tail; i++)
        ring[i & (larger - 1)] = shard->ring[i & (capacity - 1)];
    free(shard->ring);
    shard->ring = ring;
    shard->capacity = larger;
}

static void ring_push(struct shard *shard, struct job job)
{
    size_t tail = atomic_load_explicit(&shard->tail, memory_order_relaxed);

    if (ring_length(shard) == shard->capacity)
        ring_grow(shard);
    shard->ring[tail & (shard->capacity - 1)] = job;
    atomic_store_explicit(&shard->tail, tail + 1, memory_order_relaxed);
}

/* Half of what is there at most, so that the other worker finds some. */
static size_t ring_take(struct shard *shard, struct job *jobs)
{
    pthread_mutex_lock(&shard->lock);
    size_t head = atomic_load_explicit(&shard->head, memory_order_relaxed);
    size_t n = ring_length(shard);
    n = (n + (size_t)worker_count - 1) / (size_t)worker_count;
    n = n > BATCH ? BATCH : n;
    for (size_t i = 0; i < n; i++)
        jobs[i] = shard->ring[(head + i) & (shard->capacity - 1)];
    atomic_store_explicit(&shard->head, head + n, memory_order_relaxed);
    pthread_mutex_unlock(&shard->lock);
    return n;
}

static size_t ring_take_any(struct job *jobs)
{
    static _Thread_local unsigned turn;

    for (unsigned i = 0; i < SHARDS; i++) {
        struct shard *shard = &shards[(turn + i) % SHARDS];
        size_t n = ring_length(shard) ? ring_take(shard, jobs) : 0;
        if (n) {
            turn += i + 1;
            return n;
        }
    }
    return 0;
}

static bool ring_any(void)
{
    for (unsigned i = 0; i < SHARDS; i++)
        if (ring_length(&shards[i]))
            return true;
    return false;
}

/* ---- parking ---- */

static bool park_wake_one(void)
{
    unsigned long mask;

    while ((mask = atomic_load_explicit(&idle, memory_order_relaxed))) {
        unsigned long bit = mask & -mask;
        if (!(atomic_fetch_and_explicit(&idle, ~bit, memory_order_seq_cst) &
              bit))
            continue;
        struct sleeper *sleeper = &sleepers[__builtin_ctzl(bit)];
        atomic_store_explicit(&sleeper->word, 1, memory_order_release);
        bench_futex_wake(&sleeper->word, 1);
        return true;
    }
    return false;
}

static void park_notify(void)
{
    int nobody = 0;

    /* Between the push and the look at `idle`; pairs with the one between
     * the bit in `idle` and the look at the rings in park_sleep(). */
    atomic_thread_fence(memory_order_seq_cst);
    if (!atomic_load_explicit(&idle, memory_order_relaxed) ||
        atomic_load_explicit(&searching, memory_order_relaxed))
        return;
    if (!atomic_compare_exchange_strong_explicit(
            &searching, &nobody, 1, memory_order_seq_cst, memory_order_relaxed))
        return;
    if (!park_wake_one())
        atomic_fetch_sub_explicit(&searching, 1, memory_order_seq_cst);
}

/* Returns true if it was woken, and so searches on behalf of the waker. */
static bool park_sleep(int worker, bool searched)
{
    struct sleeper *own = &sleepers[worker];
    unsigned long bit = 1ul << worker;

    atomic_store_explicit(&own->word, 0, memory_order_relaxed);
    atomic_fetch_or_explicit(&idle, bit, memory_order_seq_cst);
    if (searched)
        atomic_fetch_sub_explicit(&searching, 1, memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst);
    if (ring_any() &&
        (atomic_fetch_and_explicit(&idle, ~bit, memory_order_seq_cst) & bit))
        return false;
    while (!atomic_load_explicit(&own->word, memory_order_acquire))
        bench_futex_wait(&own->word, 0);
    return true;
}

static void park_relax(int poll)
{
    if (poll % 16 == 15)
        sched_yield();
    else
        bench_pause();
}

/* ---- the pool ---- */

static size_t floor_search(struct job *jobs)
{
    size_t n = ring_take_any(jobs);

    for (int poll = 0; !n && poll < POLLS; poll++) {
        park_relax(poll);
        n = ring_take_any(jobs);
    }
    return n;
}

static void *floor_worker(void *arg)
{
    int worker = (int)(intptr_t)arg;
    struct job jobs[BATCH];
    bool searched = false;

    for (;;) {
        size_t n = floor_search(jobs);
        if (!n) {
            searched = park_sleep(worker, searched);
            continue;
        }
        if (searched) {
            searched = false;
            atomic_fetch_sub_explicit(&searching, 1, memory_order_seq_cst);
            if (ring_any())
                park_notify();
        }
        for (size_t i = 0; i < n; i++)
            jobs[i].fn(jobs[i].arg);
    }
    return NULL;
}

static void floor_start(int workers)
{
    worker_count = workers;
    for (int i = 0; i < SHARDS; i++)
        pthread_mutex_init(&shards[i].lock, NULL);
    for (int i = 0; i < workers; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, floor_worker, (void *)(intptr_t)i);
    }
}

static void floor_submit(bench_task *fn, void *arg)
{
    struct shard *shard = ring_own();

    pthread_mutex_lock(&shard->lock);
    ring_push(shard, (struct job){fn, arg});
    pthread_mutex_unlock(&shard->lock);
    park_notify();
}

static void floor_submit_many(bench_task *fn, void *const *args, size_t n)
{
    struct shard *shard = ring_own();

    pthread_mutex_lock(&shard->lock);
    for (size_t i = 0; i < n; i++)
        ring_push(shard, (struct job){fn, args[i]});
    pthread_mutex_unlock(&shard->lock);
    park_notify();
}

/* ---- futures: slots that are never freed ---- */

static void *floor_call(void *arg)
{
    struct bench_slot *slot = arg;
    bench_slot_set(slot, bench_work(slot->value));
    return NULL;
}

static void *floor_async(long x)
{
    static struct bench_slot *slab;
    static size_t left;

    if (!left) {
        left = 256;
        slab = malloc(left * sizeof *slab);
    }
    struct bench_slot *slot = &slab[--left];
    atomic_init(&slot->state, SLOT_PENDING);
    slot->value = x;
    floor_submit(floor_call, slot);
    return slot;
}

static long floor_get(void *future)
{
    struct bench_slot *slot = future;

    for (int poll = 0; poll < POLLS; poll++) {
        if (atomic_load_explicit(&slot->state, memory_order_acquire) ==
            SLOT_DONE)
            return slot->value;
        park_relax(poll);
    }
    return bench_slot_wait(slot);
}

const struct bench_peer bench_peer = {
    .start = floor_start,
    .submit = floor_submit,
    .submit_many = floor_submit_many,
    .async = floor_async,
    .get = floor_get,
};
