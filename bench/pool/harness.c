/* SPDX-License-Identifier: MIT */
/*
 * pool/harness.c - runs one workload of the pool suite on one peer.
 *
 * Every workload is a function of its own below, named in the table at the
 * end. It returns false if the peer cannot do it: exit status 77.
 */
#include "pool/harness.h"

#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pool/latch.h"
#include "pool/slot.h"
#include "program.h"

#define TASKS     1000000L
#define PRODUCERS 4
#define BULK      64

static struct bench_latch harness_latch;
static struct bench_latch harness_gate;    /* the workers wait for it */
static struct bench_latch harness_waiting; /* that they do */

static void harness_pause_us(long us)
{
    struct timespec span = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&span, NULL);
}

static void harness_inside(void (*body)(void))
{
    if (bench_peer.inside)
        bench_peer.inside(body);
    else
        body();
}

/* ---- tasks ---- */

static void *harness_empty(void *arg)
{
    return arg;
}

static void *harness_count(void *arg)
{
    bench_latch_down(&harness_latch);
    return arg;
}

static bench_task *harness_task(void)
{
    return bench_peer.wait_all ? harness_empty : harness_count;
}

static void harness_begin(long tasks)
{
    bench_latch_set(&harness_latch, (int)tasks);
}

static void harness_end(void)
{
    if (bench_peer.wait_all)
        bench_peer.wait_all();
    else
        bench_latch_wait(&harness_latch);
}

static void *harness_slot_run(void *arg)
{
    struct bench_slot *slot = arg;
    bench_slot_set(slot, bench_work(slot->value));
    return NULL;
}

static void *harness_async(long x)
{
    if (bench_peer.async)
        return bench_peer.async(x);
    struct bench_slot *slot = malloc(sizeof *slot);
    atomic_init(&slot->state, SLOT_PENDING);
    slot->value = x;
    bench_peer.submit(harness_slot_run, slot);
    return slot;
}

static long harness_get(void *future)
{
    if (bench_peer.get)
        return bench_peer.get(future);
    long value = bench_slot_wait(future);
    free(future);
    return value;
}

/* ---- rates ---- */

static void harness_rate(uint64_t begin, long tasks)
{
    bench_say("rate", (double)tasks * 1e3 / (double)(bench_now() - begin));
}

static void harness_flood(long tasks)
{
    bench_task *task = harness_task();

    for (long i = 0; i < tasks; i++)
        bench_peer.submit(task, NULL);
}

static void submit1_body(void)
{
    long tasks = TASKS / bench_scale;

    for (int measured = 0; measured < 2; measured++) {
        uint64_t begin = bench_now();
        harness_begin(tasks);
        harness_flood(tasks);
        harness_end();
        if (measured)
            harness_rate(begin, tasks);
    }
}

static bool run_submit1(void)
{
    if (!bench_peer.submit)
        return false;
    harness_inside(submit1_body);
    return true;
}

static void harness_flood_many(long tasks)
{
    bench_task *task = harness_task();
    void *args[BULK] = {NULL};

    for (long i = 0; i < tasks; i += BULK)
        bench_peer.submit_many(task, args,
                               (size_t)(tasks - i < BULK ? tasks - i : BULK));
}

static bool run_bulk(void)
{
    long tasks = TASKS / bench_scale;

    if (!bench_peer.submit_many)
        return false;
    for (int measured = 0; measured < 2; measured++) {
        uint64_t begin = bench_now();
        harness_begin(tasks);
        harness_flood_many(tasks);
        harness_end();
        if (measured)
            harness_rate(begin, tasks);
    }
    return true;
}

static void *submit4_producer(void *arg)
{
    if (bench_peer.thread_begin)
        bench_peer.thread_begin();
    pthread_barrier_wait(arg);
    harness_flood(TASKS / bench_scale / PRODUCERS);
    if (bench_peer.thread_end)
        bench_peer.thread_end();
    return NULL;
}

static uint64_t submit4_round(long tasks)
{
    pthread_t thread[PRODUCERS];
    pthread_barrier_t barrier;

    harness_begin(tasks);
    pthread_barrier_init(&barrier, NULL, PRODUCERS + 1);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_create(&thread[i], NULL, submit4_producer, &barrier);
    harness_pause_us(3000); /* all of them wait at the barrier */
    uint64_t begin = bench_now();
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(thread[i], NULL);
    harness_end();
    pthread_barrier_destroy(&barrier);
    return begin;
}

static bool run_submit4(void)
{
    long tasks = TASKS / bench_scale / PRODUCERS * PRODUCERS;

    if (!bench_peer.submit || bench_peer.inside)
        return false;
    submit4_round(tasks);
    harness_rate(submit4_round(tasks), tasks);
    return true;
}

static void collect_body(void)
{
    long tasks = TASKS / bench_scale;
    void **future = calloc((size_t)tasks, sizeof *future);

    for (int measured = 0; measured < 2; measured++) {
        long sum = 0;
        uint64_t begin = bench_now();
        for (long i = 0; i < tasks; i++)
            future[i] = harness_async(i);
        for (long i = 0; i < tasks; i++)
            sum += harness_get(future[i]);
        if (measured)
            harness_rate(begin, tasks);
        if (sum != tasks * tasks)
            bench_die("sum of the results");
    }
    free(future);
}

static bool run_collect(void)
{
    if (!bench_peer.submit && !bench_peer.async)
        return false;
    harness_inside(collect_body);
    return true;
}

/* ---- latency ---- */

static int latency_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* A tenth of the rounds first, as warm-up. */
static void latency_measure(long rounds, long gap_us)
{
    uint32_t *ns = calloc((size_t)rounds, sizeof *ns);

    for (long i = -rounds / 10; i < rounds; i++) {
        if (gap_us)
            harness_pause_us(gap_us);
        uint64_t begin = bench_now();
        if (harness_get(harness_async(i)) != bench_work(i))
            bench_die("one result");
        if (i >= 0)
            ns[i] = (uint32_t)(bench_now() - begin);
    }
    qsort(ns, (size_t)rounds, sizeof *ns, latency_compare);
    bench_say("p50", ns[rounds / 2]);
    bench_say("p99", ns[rounds * 99 / 100]);
    free(ns);
}

static void latency_body(void)
{
    latency_measure(100000 / bench_scale, 0);
}

static bool run_latency(void)
{
    if (!bench_peer.submit && !bench_peer.async)
        return false;
    harness_inside(latency_body);
    return true;
}

static bool run_latency300us(void)
{
    /* a team of OpenMP has its caller run the task: nobody is woken */
    if (bench_peer.inside || (!bench_peer.submit && !bench_peer.async))
        return false;
    latency_measure(3000 / bench_scale, 300);
    return true;
}

/* ---- times ---- */

static void harness_time(uint64_t begin)
{
    bench_say("time", (double)(bench_now() - begin) / 1e6);
}

static long fib_plain(int n)
{
    return n < 2 ? n : fib_plain(n - 1) + fib_plain(n - 2);
}

static void fib30_body(void)
{
    int n = bench_scale == 1 ? 30 : 20;

    for (int measured = 0; measured < 2; measured++) {
        uint64_t begin = bench_now();
        long value = bench_peer.fib(n);
        if (measured)
            harness_time(begin);
        if (value != fib_plain(n))
            bench_die("fib");
    }
}

static bool run_fib30(void)
{
    if (!bench_peer.fib)
        return false;
    harness_inside(fib30_body);
    return true;
}

static bool run_parfor(void)
{
    size_t n = (size_t)(10 * TASKS / bench_scale);
    uint64_t right = bench_range(0, n);

    if (!bench_peer.parfor)
        return false;
    for (int measured = 0; measured < 2; measured++) {
        uint64_t begin = bench_now();
        uint64_t value = bench_peer.parfor(n);
        if (measured)
            harness_time(begin);
        if (value != right)
            bench_die("sum of the loop");
    }
    return true;
}

/* ---- memory ---- */

static long bytes_resident(void)
{
    long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (!file || fscanf(file, "%ld %ld", &size, &resident) != 2)
        bench_die("no /proc/self/statm");
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

static void *bytes_hold(void *arg)
{
    bench_latch_down(&harness_waiting);
    bench_latch_wait(&harness_gate);
    return arg;
}

/* Every worker sits in a task that ends with the process. A pool that lets
 * the caller help has one worker less: a second is enough for the others. */
static void bytes_block_workers(void)
{
    bench_latch_set(&harness_gate, 1);
    bench_latch_set(&harness_waiting, BENCH_WORKERS);
    for (int i = 0; i < BENCH_WORKERS; i++)
        bench_peer.submit(bytes_hold, NULL);
    for (int i = 0; i < 100; i++) {
        if (!atomic_load_explicit(&harness_waiting.left, memory_order_acquire))
            break;
        harness_pause_us(10000);
    }
    malloc_trim(0);
}

static void bytes_say(long before, long tasks)
{
    bench_say("bytes", (double)(bytes_resident() - before) / (double)tasks);
    _exit(0); /* the workers still sit in their tasks */
}

static bool run_bytes(void)
{
    long tasks = TASKS / bench_scale;

    if (!bench_peer.submit || bench_peer.inside)
        return false;
    void **future = malloc((size_t)tasks * sizeof *future);
    memset(future, 1, (size_t)tasks * sizeof *future); /* resident already */
    bytes_block_workers();
    long before = bytes_resident();
    for (long i = 0; i < tasks; i++)
        future[i] = harness_async(i);
    bytes_say(before, tasks);
    return true;
}

static bool run_bytes_detached(void)
{
    long tasks = TASKS / bench_scale;

    if (!bench_peer.submit || bench_peer.inside)
        return false;
    bytes_block_workers();
    long before = bytes_resident();
    for (long i = 0; i < tasks; i++)
        bench_peer.submit(harness_empty, NULL);
    bytes_say(before, tasks);
    return true;
}

/* ---- idle ---- */

static void idle_body(void)
{
    for (long i = 0; i < 1000; i++)
        if (harness_get(harness_async(i)) != bench_work(i))
            bench_die("one result");
}

/* The runner looks at this process from outside until it closes stdin. */
static bool run_idle(void)
{
    if (!bench_peer.submit && !bench_peer.async)
        return false;
    harness_inside(idle_body);
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return true;
}

static const struct bench_workload workloads[] = {
    {"submit1", run_submit1}, {"submit4", run_submit4},
    {"bulk", run_bulk},       {"collect", run_collect},
    {"latency", run_latency}, {"latency300us", run_latency300us},
    {"fib30", run_fib30},     {"parfor", run_parfor},
    {"bytes", run_bytes},     {"bytes-detached", run_bytes_detached},
    {"idle", run_idle},
};

int main(int argc, char **argv)
{
    const struct bench_workload *chosen = bench_chosen(
        argc, argv, workloads, sizeof workloads / sizeof workloads[0]);

    if (!chosen)
        return 2;
    bench_peer.start(BENCH_WORKERS);
    if (!chosen->run())
        return BENCH_NOT_RUN;
    if (bench_peer.stop)
        bench_peer.stop();
    return 0;
}
