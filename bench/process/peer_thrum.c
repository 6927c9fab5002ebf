/* SPDX-License-Identifier: MIT */
/*
 * process/peer_thrum.c - process pools of this library, with their defaults.
 */
#include <sched.h>
#include <signal.h>
#include <string.h>

#include <thrum.h>

#include "process/harness.h"

#define WINDOW     1024
#define BIG_WINDOW 8

static thrum_executor *pool;
static thrum_future *futures[WINDOW]; /* on their way, in order */
static size_t first, last;
static thrum_future *hanging;

static void pool_want(int rc)
{
    if (rc != 0)
        bench_die(thrum_strerror(rc));
}

static void pool_start(int workers)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;

    options.max_workers = workers;
    pool_want(thrum_process_pool_new(&options, &pool));
}

static void pool_stop(void)
{
    pool_want(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
}

/* ---- tasks ---- */

static void *task_work(void *message)
{
    bench_work(message);
    return thrum_return(message, sizeof(struct bench_message));
}

static void *task_big(void *message)
{
    void *big = thrum_return_alloc(BENCH_BIG);

    if (big)
        bench_fill(big);
    return big;
}

static void *task_crash(void *message)
{
    bench_crash(message);
}

static void *task_hang(void *message)
{
    bench_hang(message);
}

/* ---- what the harness calls ---- */

static thrum_future *pool_ask(thrum_fn *fn, const struct bench_message *message)
{
    thrum_future *future;

    pool_want(
        thrum_executor_submit(pool, fn, message, sizeof *message, &future));
    return future;
}

static void pool_send(const struct bench_message *message)
{
    futures[last++ % WINDOW] = pool_ask(task_work, message);
}

static void pool_receive(struct bench_message *ret)
{
    thrum_future *future = futures[first++ % WINDOW];
    void *result;

    pool_want(thrum_future_result(future, THRUM_FOREVER, &result));
    memcpy(ret, result, sizeof *ret);
    thrum_future_unref(future);
}

static void pool_big_look(thrum_future *future)
{
    void *result;

    pool_want(thrum_future_result(future, THRUM_FOREVER, &result));
    bench_look(result);
    thrum_future_unref(future);
}

static void pool_big(long n)
{
    const struct bench_message message = {0};
    thrum_future *window[BIG_WINDOW];
    long sent = 0;

    for (long got = 0; got < n; got++) {
        for (; sent < n && sent - got < BIG_WINDOW; sent++)
            window[sent % BIG_WINDOW] = pool_ask(task_big, &message);
        pool_big_look(window[got % BIG_WINDOW]);
    }
}

static uint64_t pool_map(struct bench_message *messages, long n)
{
    thrum_map_options options = THRUM_MAP_OPTIONS;
    thrum_iter *items, *results;
    void *item;
    uint64_t sum = 0;
    int rc;

    options.chunksize = BENCH_CHUNK;
    options.buffersize = 16 * BENCH_CHUNK;
    pool_want(thrum_iter_array(messages, (size_t)n, sizeof *messages, &items));
    pool_want(thrum_executor_map(pool, task_work, items, &options, &results));
    while ((rc = thrum_iter_next(results, &item)) == 0)
        sum += ((const struct bench_message *)item)->value;
    pool_want(rc == THRUM_ESTOP ? 0 : rc);
    thrum_iter_free(results);
    return sum;
}

static void pool_replace(void)
{
    struct bench_message message = {0};
    int pid;

    if (thrum_process_pool_pids(pool, &pid, 1) == 1)
        kill(pid, SIGKILL);
    pool_send(&message);
    pool_receive(&message);
}

static void pool_crash(const struct bench_message *message)
{
    thrum_future *future = pool_ask(task_crash, message);

    if (thrum_future_result(future, THRUM_FOREVER, NULL) != THRUM_EFAILED)
        bench_die("a crash");
    thrum_future_unref(future);
}

static void pool_hang(const struct bench_message *message)
{
    hanging = pool_ask(task_hang, message);
}

static void pool_kill(void)
{
    pool_want(thrum_future_kill(hanging, THRUM_FOREVER));
    thrum_future_unref(hanging);
}

static void pool_pids(int *ret)
{
    /* a worker may have begun its task before its number is known here */
    while (thrum_process_pool_pids(pool, ret, BENCH_WORKERS) != BENCH_WORKERS)
        sched_yield();
}

const struct bench_peer bench_peer = {
    .start = pool_start,
    .stop = pool_stop,
    .send = pool_send,
    .receive = pool_receive,
    .window = WINDOW,
    .big = pool_big,
    .map = pool_map,
    .replace = pool_replace,
    .crash = pool_crash,
    .hang = pool_hang,
    .kill = pool_kill,
    .pids = pool_pids,
};
