/* SPDX-License-Identifier: MIT */
/*
 * process/harness.c - runs one workload of the process suite on one peer.
 *
 * Every workload is a function of its own below, named in the table at the
 * end. It returns false if the peer cannot do it: exit status 77.
 */
#include "process/harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

#define BULK     200000L
#define ROUNDS   20000L
#define BIG      400L
#define MAP      400000L
#define TIMES    40L /* what takes a process's life */
#define WINDOW   1024
#define FILLED   0x5a
#define PAGE     4096
#define GIBIBYTE (1ul << 30)

void bench_want(bool fine, const char *what)
{
    if (fine)
        return;
    perror(what);
    _exit(1);
}

/* ---- numbers ---- */

static int harness_compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static double harness_at(double *sorted, long n, long percent)
{
    return sorted[n * percent / 100];
}

static void harness_sort(double *samples, long n)
{
    qsort(samples, (size_t)n, sizeof *samples, harness_compare);
}

static double harness_since(uint64_t begin, double unit_ns)
{
    return (double)(bench_now() - begin) / unit_ns;
}

/* ---- the page ---- */

static struct bench_page *harness_page;
static struct bench_message harness_told; /* its path */

static void harness_make_page(void)
{
    int fd = memfd_create("bench", MFD_CLOEXEC);

    bench_want(fd >= 0 && ftruncate(fd, PAGE) == 0, "memfd");
    harness_page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    bench_want(harness_page != MAP_FAILED, "mmap");
    snprintf(harness_told.path, sizeof harness_told.path, "/proc/%d/fd/%d",
             getpid(), fd);
}

static struct bench_page *harness_open(const struct bench_message *message)
{
    int fd = open(message->path, O_RDWR | O_CLOEXEC);
    struct bench_page *page =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    bench_want(fd >= 0 && page != MAP_FAILED, message->path);
    return page;
}

static void harness_await_begun(uint64_t n)
{
    const struct timespec pause = {0, 100000};

    while (atomic_load(&harness_page->begun) < n)
        nanosleep(&pause, NULL);
}

/* ---- in the workers ---- */

void bench_fill(void *big)
{
    memset(big, FILLED, BENCH_BIG);
}

_Noreturn void bench_crash(const struct bench_message *message)
{
    struct bench_page *page = harness_open(message);

    atomic_store(&page->moment, bench_now());
    raise(SIGKILL);
    abort();
}

_Noreturn void bench_hang(const struct bench_message *message)
{
    atomic_fetch_add(&harness_open(message)->begun, 1);
    for (;;)
        pause();
}

void bench_look(const void *big)
{
    for (size_t at = 0; at < BENCH_BIG; at += PAGE)
        if (((const volatile char *)big)[at] != FILLED)
            bench_die("a big result");
}

/* ---- workloads ---- */

static void harness_bulk(long n)
{
    long window = bench_peer.window ? bench_peer.window : WINDOW;
    struct bench_message message = {0};
    uint64_t sum = 0;
    long sent = 0;

    for (long got = 0; got < n; got++) {
        for (; sent < n && sent - got < window; sent++) {
            message.value = (uint64_t)sent;
            bench_peer.send(&message);
        }
        bench_peer.receive(&message);
        sum += message.value;
    }
    if (sum != (uint64_t)n * (uint64_t)n)
        bench_die("the sum of bulk64");
}

static bool bulk64(void)
{
    long n = bench_scaled(BULK);
    uint64_t begin;

    if (!bench_peer.send)
        return false;
    bench_peer.start(BENCH_WORKERS);
    harness_bulk(n / 2 + 1);
    begin = bench_now();
    harness_bulk(n);
    bench_say("rate", (double)n / harness_since(begin, 1e6));
    return true;
}

static bool round64(void)
{
    long n = bench_scaled(ROUNDS);
    double *us = calloc((size_t)n, sizeof *us);

    if (!bench_peer.send)
        return false;
    bench_peer.start(BENCH_WORKERS);
    harness_bulk(1000);
    for (long i = 0; i < n; i++) {
        struct bench_message message = {.value = (uint64_t)i};
        uint64_t begin = bench_now();

        bench_peer.send(&message);
        bench_peer.receive(&message);
        us[i] = harness_since(begin, 1e3);
    }
    harness_sort(us, n);
    bench_say("p50", harness_at(us, n, 50));
    bench_say("p99", harness_at(us, n, 99));
    free(us);
    return true;
}

static bool bulk1m(void)
{
    long n = bench_scaled(BIG);
    uint64_t begin;

    if (!bench_peer.big)
        return false;
    bench_peer.start(BENCH_WORKERS);
    bench_peer.big(n / 4 + 1);
    begin = bench_now();
    bench_peer.big(n);
    bench_say("rate", (double)n * BENCH_BIG / 1e6 / harness_since(begin, 1e9));
    return true;
}

static void harness_map(long n)
{
    struct bench_message *messages = calloc((size_t)n, sizeof *messages);

    for (long i = 0; i < n; i++)
        messages[i].value = (uint64_t)i;
    if (bench_peer.map(messages, n) != (uint64_t)n * (uint64_t)n)
        bench_die("the sum of map");
    free(messages);
}

static bool map(void)
{
    long n = bench_scaled(MAP) / BENCH_CHUNK * BENCH_CHUNK;
    uint64_t begin;

    if (!bench_peer.map)
        return false;
    bench_peer.start(BENCH_WORKERS);
    harness_map(n / 2 / BENCH_CHUNK * BENCH_CHUNK);
    begin = bench_now();
    harness_map(n);
    bench_say("rate", (double)n / harness_since(begin, 1e6));
    return true;
}

/* The median of many, and the worst. */
static void harness_repeat(double (*once)(void), const char *metric)
{
    long n = bench_scaled(TIMES);
    double samples[TIMES];

    for (long i = 0; i < n; i++)
        samples[i] = once();
    harness_sort(samples, n);
    bench_say(metric, harness_at(samples, n, 50));
    bench_say("worst", samples[n - 1]);
}

static double harness_start_once(void)
{
    struct bench_message message = {.value = 1};
    uint64_t begin = bench_now();
    double ms;

    bench_peer.start(1);
    bench_peer.send(&message);
    bench_peer.receive(&message);
    ms = harness_since(begin, 1e6);
    bench_peer.stop();
    return ms;
}

static bool start(void)
{
    if (!bench_peer.send || !bench_peer.stop)
        return false;
    harness_repeat(harness_start_once, "time");
    return true;
}

static double harness_replace_once(void)
{
    uint64_t begin = bench_now();

    bench_peer.replace();
    return harness_since(begin, 1e6);
}

static bool replace(void)
{
    if (!bench_peer.replace)
        return false;
    bench_peer.start(1);
    harness_replace_once();
    harness_repeat(harness_replace_once, "time");
    return true;
}

static bool replace1g(void)
{
    size_t size = GIBIBYTE / (bench_scale > 1 ? 8 : 1);
    char *resident = malloc(size);

    bench_want(resident != NULL, "1 GiB");
    for (size_t at = 0; at < size; at += PAGE)
        resident[at] = 1;
    return replace();
}

static double harness_crash_once(void)
{
    bench_peer.crash(&harness_told);
    return harness_since(atomic_load(&harness_page->moment), 1e3);
}

static bool crash(void)
{
    if (!bench_peer.crash)
        return false;
    bench_peer.start(BENCH_WORKERS);
    harness_crash_once();
    harness_repeat(harness_crash_once, "p50");
    return true;
}

static double harness_kill_once(void)
{
    uint64_t begin;

    atomic_store(&harness_page->begun, 0);
    bench_peer.hang(&harness_told);
    harness_await_begun(1);
    begin = bench_now();
    bench_peer.kill();
    return harness_since(begin, 1e3);
}

static bool kill_one(void)
{
    if (!bench_peer.kill)
        return false;
    bench_peer.start(BENCH_WORKERS);
    harness_kill_once();
    harness_repeat(harness_kill_once, "p50");
    return true;
}

/* ---- orphans ---- */

/* An owner of workers that never end by themselves. */
static _Noreturn void harness_own(int out)
{
    int pids[BENCH_WORKERS];

    bench_peer.start(BENCH_WORKERS);
    for (int i = 0; i < BENCH_WORKERS; i++)
        bench_peer.hang(&harness_told);
    harness_await_begun(BENCH_WORKERS);
    bench_peer.pids(pids);
    bench_want(write(out, pids, sizeof pids) == sizeof pids, "write");
    for (;;)
        pause();
}

/* Waits for the end of a process that is no child. */
static void harness_await_end(int pidfd)
{
    struct pollfd poller = {pidfd, POLLIN, 0};

    bench_want(poll(&poller, 1, 10000) == 1, "a worker that stays");
    close(pidfd);
}

static double harness_orphan_once(void)
{
    int ends[2], pids[BENCH_WORKERS], pidfds[BENCH_WORKERS];
    uint64_t begin;
    double ms;
    int owner;

    atomic_store(&harness_page->begun, 0);
    bench_want(pipe2(ends, O_CLOEXEC) == 0, "pipe");
    owner = fork();
    if (owner == 0)
        harness_own(ends[1]);
    close(ends[1]);
    bench_want(read(ends[0], pids, sizeof pids) == sizeof pids, "the owner");
    for (int i = 0; i < BENCH_WORKERS; i++) {
        pidfds[i] = (int)syscall(SYS_pidfd_open, pids[i], 0);
        bench_want(pidfds[i] >= 0, "pidfd");
    }
    begin = bench_now();
    kill(owner, SIGKILL);
    for (int i = 0; i < BENCH_WORKERS; i++)
        harness_await_end(pidfds[i]);
    ms = harness_since(begin, 1e6);
    waitpid(owner, NULL, 0);
    close(ends[0]);
    return ms;
}

static bool orphan(void)
{
    if (!bench_peer.pids)
        return false;
    harness_repeat(harness_orphan_once, "time");
    return true;
}

int main(int argc, char **argv)
{
    static const struct bench_workload all[] = {
        {"bulk64", bulk64}, {"round64", round64},     {"bulk1m", bulk1m},
        {"map", map},       {"start", start},         {"replace", replace},
        {"crash", crash},   {"replace1g", replace1g}, {"kill", kill_one},
        {"orphan", orphan},
    };
    const struct bench_workload *chosen =
        bench_chosen(argc, argv, all, sizeof all / sizeof *all);

    if (!chosen)
        return 2;
    harness_make_page();
    if (bench_peer.early)
        bench_peer.early();
    return chosen->run() ? 0 : BENCH_NOT_RUN;
}
