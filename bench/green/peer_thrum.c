/* SPDX-License-Identifier: MIT */
/*
 * green/peer_thrum.c - greenlets of this thread's hub, with their defaults.
 *
 * With $BENCH_THREADS another thread sleeps beside: while a process has one
 * alone, the library uses no locked instructions.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <thrum.h>
#include <unistd.h>

#include "green/harness.h"

#define MANY 1000

static long peer_left;

static void peer_failed(const char *call, int rc)
{
    fprintf(stderr, "%s: %s\n", call, thrum_strerror(rc));
    exit(1);
}

static inline void peer_check(const char *call, int rc)
{
    if (__builtin_expect(rc < 0, 0))
        peer_failed(call, rc);
}

static void *peer_nothing(void *arg)
{
    return arg;
}

static thrum_future *peer_spawn(thrum_fn *fn, void *arg)
{
    thrum_future *future;

    peer_check("thrum_spawn", thrum_spawn(fn, arg, 0, &future));
    return future;
}

static void peer_join(thrum_future *future)
{
    peer_check("thrum_future_result",
               thrum_future_result(future, THRUM_FOREVER, NULL));
    thrum_future_unref(future);
}

static void peer_spawnjoin(long n)
{
    for (long i = 0; i < n; i++)
        peer_join(peer_spawn(peer_nothing, NULL));
}

/* ---- detached ---- */

static void *peer_count(void *arg)
{
    peer_left--;
    return arg;
}

static void peer_detach(long n)
{
    for (long i = 0; i < n; i += MANY) {
        peer_left = MANY;
        for (long j = 0; j < MANY; j++)
            peer_check("thrum_spawn", thrum_spawn(peer_count, NULL, 0, NULL));
        while (peer_left > 0)
            peer_check("thrum_pass", thrum_pass());
    }
}

/* ---- turns ---- */

static long peer_k;

static void *peer_turns(void *arg)
{
    for (long left = (long)arg; left > 0; left--)
        peer_check("thrum_pass", thrum_pass());
    return NULL;
}

static void peer_yield_run(long n)
{
    thrum_future **all = malloc((size_t)peer_k * sizeof(thrum_future *));

    for (long i = 0; i < peer_k; i++)
        all[i] = peer_spawn(peer_turns, (void *)(n / peer_k));
    for (long i = 0; i < peer_k; i++)
        peer_join(all[i]);
    free(all);
}

static bench_run *peer_yield(long k)
{
    peer_k = k;
    return peer_yield_run;
}

/* ---- queues ---- */

static thrum_queue *peer_there, *peer_back;

static void *peer_get(thrum_queue *queue)
{
    void *item;

    peer_check("thrum_queue_get", thrum_queue_get(queue, THRUM_FOREVER, &item));
    return item;
}

static void peer_put(thrum_queue *queue, void *item)
{
    peer_check("thrum_queue_put", thrum_queue_put(queue, item, THRUM_FOREVER));
}

static void *peer_answer(void *arg)
{
    for (long left = (long)arg; left > 0; left--)
        peer_put(peer_back, peer_get(peer_there));
    return NULL;
}

static void peer_hop(long n)
{
    thrum_future *other = peer_spawn(peer_answer, (void *)(n / 2));

    for (long i = 0; i < n / 2; i++) {
        peer_put(peer_there, (void *)i);
        if (peer_get(peer_back) != (void *)i)
            bench_die("an item");
    }
    peer_join(other);
}

/* ---- asleep ---- */

static void *peer_sleep(void *arg)
{
    peer_left--;
    peer_check("thrum_sleep", thrum_sleep(thrum_in_ms(1000000)));
    return arg;
}

static void peer_park(long n)
{
    peer_left = n;
    for (long i = 0; i < n; i++)
        peer_check("thrum_spawn", thrum_spawn(peer_sleep, NULL, 0, NULL));
    while (peer_left > 0)
        peer_check("thrum_pass", thrum_pass());
    peer_check("thrum_pass", thrum_pass()); /* the last one sleeps, too */
}

static void *peer_beside(void *arg)
{
    pause();
    return arg;
}

static void peer_start(void)
{
    pthread_t beside;

    if (getenv("BENCH_THREADS") &&
        pthread_create(&beside, NULL, peer_beside, NULL))
        bench_die("pthread_create");
    peer_check("thrum_queue_new", thrum_queue_new(NULL, &peer_there));
    peer_check("thrum_queue_new", thrum_queue_new(NULL, &peer_back));
}

const struct bench_peer bench_peer = {
    .start = peer_start,
    .yield = peer_yield,
    .spawnjoin = peer_spawnjoin,
    .detach = peer_detach,
    .hop = peer_hop,
    .park = peer_park,
};
