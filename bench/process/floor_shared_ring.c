/* SPDX-License-Identifier: MIT */
/*
 * process/floor_shared_ring.c - workers behind two rings in shared memory each:
 * what a pool can be that does nothing else.
 *
 * One producer and one consumer for each ring; who finds nothing looks POLLS
 * times again, then sleeps on a futex, and is woken only if it sleeps. A big
 * result is written into one of a few places that are there for ever. No
 * futures, no errors, no deaths.
 */
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/harness.h"

#define SLOTS  2048u
#define POLLS  100
#define PLACES 4 /* for big results, of each worker */

enum op {
    OP_WORK,
    OP_BIG
};

struct ring {
    _Alignas(64) atomic_uint head;
    _Alignas(64) atomic_uint tail;
    _Alignas(64) struct bench_message slots[SLOTS];
};

struct worker {
    _Alignas(64) atomic_int asleep;
    struct ring requests;
    struct ring answers;
    _Alignas(4096) char places[PLACES][BENCH_BIG];
};

struct shared {
    _Alignas(64) atomic_int asleep; /* the owner */
    struct worker workers[BENCH_WORKERS];
};

static struct shared *shared;
static int worker_count;
static unsigned turn, source;

/* ---- rings ---- */

static bool ring_any(struct ring *ring)
{
    return atomic_load_explicit(&ring->tail, memory_order_acquire) !=
           atomic_load_explicit(&ring->head, memory_order_relaxed);
}

static void ring_put(struct ring *ring, const struct bench_message *message)
{
    unsigned tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

    while (tail - atomic_load_explicit(&ring->head, memory_order_acquire) ==
           SLOTS)
        sched_yield();
    ring->slots[tail % SLOTS] = *message;
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
}

static bool ring_get(struct ring *ring, struct bench_message *ret)
{
    unsigned head = atomic_load_explicit(&ring->head, memory_order_relaxed);

    if (!ring_any(ring))
        return false;
    *ret = ring->slots[head % SLOTS];
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return true;
}

/* ---- sleep ---- */

/* The fence is between a put and the look at `asleep`; it pairs with the one
 * between `asleep` and the last look at the rings in bell_wait(). */
static void bell_ring(atomic_int *asleep)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(asleep, memory_order_relaxed) &&
        atomic_exchange_explicit(asleep, 0, memory_order_relaxed))
        syscall(SYS_futex, asleep, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void bell_wait(atomic_int *asleep, bool (*any)(void))
{
    for (int i = 0; i < POLLS; i++) {
        if (any())
            return;
        __builtin_ia32_pause();
    }
    atomic_store_explicit(asleep, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    if (!any())
        syscall(SYS_futex, asleep, FUTEX_WAIT, 1, NULL, NULL, 0);
    atomic_store_explicit(asleep, 0, memory_order_relaxed);
}

/* ---- a worker ---- */

static struct worker *own;

static bool worker_any(void)
{
    return ring_any(&own->requests);
}

static _Noreturn void worker_run(void)
{
    struct bench_message message;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        if (!ring_get(&own->requests, &message)) {
            bell_wait(&own->asleep, worker_any);
            continue;
        }
        if (message.unused[0] == OP_BIG)
            bench_fill(own->places[message.value]);
        else
            bench_work(&message);
        ring_put(&own->answers, &message);
        bell_ring(&shared->asleep);
    }
}

/* ---- the owner ---- */

static void floor_start(int n)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    bench_want(shared != MAP_FAILED, "mmap");
    for (worker_count = 0; worker_count < n; worker_count++) {
        own = &shared->workers[worker_count];
        if (fork() == 0)
            worker_run();
    }
}

static void floor_ask(const struct bench_message *message)
{
    struct worker *worker = &shared->workers[turn++ % (unsigned)worker_count];

    ring_put(&worker->requests, message);
    bell_ring(&worker->asleep);
}

static bool floor_any(void)
{
    for (int i = 0; i < worker_count; i++)
        if (ring_any(&shared->workers[i].answers))
            return true;
    return false;
}

/* From the same worker as before, if it has more. */
static void floor_receive(struct bench_message *ret)
{
    for (;;) {
        for (int i = 0; i < worker_count; i++) {
            if (ring_get(&shared->workers[source].answers, ret))
                return;
            source = (source + 1) % (unsigned)worker_count;
        }
        bell_wait(&shared->asleep, floor_any);
    }
}

/* From this worker. */
static void floor_receive_of(struct worker *worker, struct bench_message *ret)
{
    while (!ring_get(&worker->answers, ret))
        bell_wait(&shared->asleep, floor_any);
}

static void floor_big(long n)
{
    struct bench_message message = {.unused = {OP_BIG}};
    long sent = 0;

    turn = 0;
    for (long got = 0; got < n; got++) {
        struct worker *worker = &shared->workers[got % worker_count];

        for (; sent < n && sent - got < PLACES * worker_count; sent++) {
            message.value = (uint64_t)(sent / worker_count % PLACES);
            floor_ask(&message);
        }
        floor_receive_of(worker, &message);
        bench_look(worker->places[message.value]);
    }
}

const struct bench_peer bench_peer = {
    .start = floor_start,
    .send = floor_ask,
    .receive = floor_receive,
    .big = floor_big,
};
