/* SPDX-License-Identifier: MIT */
/*
 * pool/peer_tbb_enqueue.cpp - oneTBB's task_arena::enqueue.
 *
 * The arena has no place for the caller, so its tasks run on two workers.
 */
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include "pool/harness.h"

static tbb::task_arena *arena;

static void enqueue_start(int workers)
{
    static tbb::global_control control(
        tbb::global_control::max_allowed_parallelism, workers + 1);
    arena = new tbb::task_arena(workers, 0);
    arena->initialize();
}

static void enqueue_submit(bench_task *fn, void *arg)
{
    arena->enqueue([fn, arg] { fn(arg); });
}

static struct bench_peer enqueue_peer()
{
    struct bench_peer peer = {};
    peer.start = enqueue_start;
    peer.submit = enqueue_submit;
    return peer;
}

extern const struct bench_peer bench_peer = enqueue_peer();
