/* SPDX-License-Identifier: MIT */
/*
 * green/peer_state_threads.c - State Threads.
 *
 * It has no queues: a hop is a signal to the other one's condition, and a wait
 * for one's own. This version has no yield, and no thread that nobody joins can
 * be waited for by name: those workloads it does not have.
 */
#include <st.h>

#include "green/harness.h"

#define STACK  (64 * 1024)
#define A_LONG 100000 /* seconds */

static st_cond_t peer_cond[2];
static long peer_left;

static st_thread_t peer_spawn(void *(*fn)(void *), void *arg)
{
    st_thread_t thread = st_thread_create(fn, arg, 1, STACK);

    if (!thread)
        bench_die("st_thread_create");
    return thread;
}

static void *peer_nothing(void *arg)
{
    return arg;
}

static void peer_spawnjoin(long n)
{
    for (long i = 0; i < n; i++)
        if (st_thread_join(peer_spawn(peer_nothing, NULL), NULL) < 0)
            bench_die("st_thread_join");
}

/* The other one waits already. */
static void *peer_answer(void *arg)
{
    while (peer_left > 0) {
        st_cond_wait(peer_cond[1]);
        peer_left--;
        st_cond_signal(peer_cond[0]);
    }
    return arg;
}

static void peer_hop(long n)
{
    st_thread_t other = peer_spawn(peer_answer, NULL);

    peer_left = (n + 1) / 2;
    st_usleep(0); /* it runs, and waits */
    while (peer_left > 0) {
        st_cond_signal(peer_cond[1]);
        st_cond_wait(peer_cond[0]);
    }
    st_thread_join(other, NULL);
}

static void *peer_sleep(void *arg)
{
    peer_left--;
    st_sleep(A_LONG);
    return arg;
}

static void peer_park(long n)
{
    peer_left = n;
    for (long i = 0; i < n; i++)
        peer_spawn(peer_sleep, NULL);
    while (peer_left > 0)
        st_usleep(1000);
}

static void peer_start(void)
{
    st_set_eventsys(ST_EVENTSYS_ALT);
    if (st_init() < 0)
        bench_die("st_init");
    peer_cond[0] = st_cond_new();
    peer_cond[1] = st_cond_new();
}

const struct bench_peer bench_peer = {
    .start = peer_start,
    .spawnjoin = peer_spawnjoin,
    .hop = peer_hop,
    .park = peer_park,
};
