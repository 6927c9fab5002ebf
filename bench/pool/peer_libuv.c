/* SPDX-License-Identifier: MIT */
/*
 * pool/peer_libuv.c - uv_queue_work.
 *
 * It must be called in the thread of a loop, and completion arrives on that
 * loop; so every submitting thread has a loop, and waits by running it. The
 * request is the future, as in programs that use libuv.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "pool/harness.h"

struct request {
    uv_work_t work;
    bench_task *fn;
    void *arg;
};

struct call {
    uv_work_t work;
    long value; /* the argument, then the result */
    bool done;
};

static _Thread_local uv_loop_t *loop;

static void libuv_thread_begin(void)
{
    loop = malloc(sizeof *loop);
    uv_loop_init(loop);
}

static void libuv_wait_all(void)
{
    uv_run(loop, UV_RUN_DEFAULT);
}

static void libuv_thread_end(void)
{
    libuv_wait_all();
    uv_loop_close(loop);
    free(loop);
}

static void libuv_start(int workers)
{
    char number[16];

    snprintf(number, sizeof number, "%d", workers);
    setenv("UV_THREADPOOL_SIZE", number, 1);
    libuv_thread_begin();
}

static void libuv_run(uv_work_t *work)
{
    struct request *request = (struct request *)work;
    request->fn(request->arg);
}

static void libuv_after(uv_work_t *work, int status)
{
    free(work);
}

static void libuv_submit(bench_task *fn, void *arg)
{
    struct request *request = malloc(sizeof *request);

    request->fn = fn;
    request->arg = arg;
    uv_queue_work(loop, &request->work, libuv_run, libuv_after);
}

static void libuv_call(uv_work_t *work)
{
    struct call *call = (struct call *)work;
    call->value = bench_work(call->value);
}

static void libuv_called(uv_work_t *work, int status)
{
    ((struct call *)work)->done = true;
}

static void *libuv_async(long x)
{
    struct call *call = malloc(sizeof *call);

    call->value = x;
    call->done = false;
    uv_queue_work(loop, &call->work, libuv_call, libuv_called);
    return call;
}

static long libuv_get(void *future)
{
    struct call *call = future;

    while (!call->done)
        uv_run(loop, UV_RUN_ONCE);
    long value = call->value;
    free(call);
    return value;
}

struct chunk {
    uv_work_t work;
    size_t begin;
    size_t end;
    uint64_t sum;
};

static void libuv_chunk(uv_work_t *work)
{
    struct chunk *chunk = (struct chunk *)work;
    chunk->sum = bench_range(chunk->begin, chunk->end);
}

/* Chunks of one size: libuv has no parallel loop. */
static uint64_t libuv_parfor(size_t n)
{
    enum {
        CHUNKS = 64
    };
    struct chunk chunk[CHUNKS];
    uint64_t sum = 0;

    for (size_t i = 0; i < CHUNKS; i++) {
        chunk[i].begin = n * i / CHUNKS;
        chunk[i].end = n * (i + 1) / CHUNKS;
        uv_queue_work(loop, &chunk[i].work, libuv_chunk, NULL);
    }
    libuv_wait_all();
    for (size_t i = 0; i < CHUNKS; i++)
        sum += chunk[i].sum;
    return sum;
}

const struct bench_peer bench_peer = {
    .start = libuv_start,
    .thread_begin = libuv_thread_begin,
    .thread_end = libuv_thread_end,
    .submit = libuv_submit,
    .wait_all = libuv_wait_all,
    .async = libuv_async,
    .get = libuv_get,
    .parfor = libuv_parfor,
};
