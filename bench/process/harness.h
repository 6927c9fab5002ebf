/* SPDX-License-Identifier: MIT */
/*
 * process/harness.h - the workloads of the process suite, and what a peer gives.
 *
 * A peer is one file that fills in `bench_peer`; harness.c has main() and runs
 * one workload. What is NULL the peer does not have.
 */
#ifndef BENCH_PROCESS_HARNESS_H
#define BENCH_PROCESS_HARNESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "program.h"

#define BENCH_WORKERS 2
#define BENCH_BIG     (1u << 20)
#define BENCH_CHUNK   64
#define BENCH_PATH    40

/* What goes to a worker and comes back: 64 bytes. */
struct bench_message {
    uint64_t value;
    char path[BENCH_PATH];
    uint64_t unused[2];
};

/* A page that tasks tell something by. They are told its path. */
struct bench_page {
    _Atomic uint64_t begun;  /* how many hanging tasks have */
    _Atomic uint64_t moment; /* of bench_now(), when one died */
};

struct bench_peer {
    void (*early)(void); /* while the process is small; NULL: nothing to do */
    void (*start)(int workers);
    void (*stop)(void); /* NULL: the end of the process does it */

    /* A message to any worker, where bench_work() is done to it; and any answer.
     * No more than `window` are on their way, if that is not 0. */
    void (*send)(const struct bench_message *message);
    void (*receive)(struct bench_message *ret);
    long window;

    /* n times BENCH_BIG bytes that a worker has filled in by bench_fill(), and
     * bench_look() here. */
    void (*big)(long n);

    /* bench_work() done to each of n messages, BENCH_CHUNK at a time, in order;
     * the sum of their values. */
    uint64_t (*map)(struct bench_message *messages, long n);

    /* One worker: kills it, and comes back with an answer of the next one. */
    void (*replace)(void);

    /* bench_crash() in a worker; comes back when this is known here. */
    void (*crash)(const struct bench_message *message);

    /* bench_hang() in a worker. */
    void (*hang)(const struct bench_message *message);
    void (*kill)(void); /* comes back when the last one that hangs is gone */

    /* The process numbers of the workers, as many as there are. */
    void (*pids)(int *ret);
};

extern const struct bench_peer bench_peer;

/* ---- what is done in the workers ---- */

static inline void bench_work(struct bench_message *message)
{
    message->value = message->value * 2 + 1;
}

void bench_fill(void *big);

/* Never come back. */
_Noreturn void bench_crash(const struct bench_message *message);
_Noreturn void bench_hang(const struct bench_message *message);

/* ---- for peers ---- */

/* Looks at every page of a result. */
void bench_look(const void *big);

/* Ends the process when a call of the system has failed. */
void bench_want(bool fine, const char *what);

#endif /* BENCH_PROCESS_HARNESS_H */
