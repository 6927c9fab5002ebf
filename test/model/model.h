/* SPDX-License-Identifier: MIT */
/*
 * model.h - exhaustive small schedules: what a client of the runner writes.
 *
 * A program is two to four short threads that use a lock-free file of src/.
 * The runner calls them again and again, each time with another schedule,
 * until every schedule within the bounds has been seen. The threads are
 * coroutines of one OS thread, so each run can be repeated exactly.
 *
 *     static void setup(void) { ... }        alone, before the threads
 *     static void pusher(void) { ... }       interleaved with the others
 *     static void popper(void) { ... }
 *     static void check(void) { model_assert(...); }  alone, after them
 *
 * Each run starts with all static and thread-local variables as they were when
 * the process began, and with no memory allocated, so a client keeps its state
 * in plain static variables and never has to clear them. It allocates with
 * thrumi_alloc() alone and does no I/O.
 *
 * See docs/design/testing-models.md for what is explored and what is not.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>

#define MODEL_THREADS 4

struct model_program {
    const char *name;
    void (*setup)(void);                  /* or NULL */
    void (*threads[MODEL_THREADS])(void); /* the rest is NULL */
    void (*check)(void);                  /* or NULL */
    /* bounds; zero switches the thing off */
    unsigned preemptions; /* switches away from a thread that could go on */
    unsigned delays;      /* stores that stay in the store buffer for a while */
    unsigned spurious;    /* wake-ups and failures of weak compare-and-swap
                             that have no reason */
    unsigned timeouts;    /* deadlines that pass while others could run */
    unsigned cpus;        /* what the program is told */
    unsigned daemons;     /* bits of threads that may be parked at the end */
    const char *finds;    /* a planted bug: part of the message it must give */
};

/* Runs the programs and prints TAP; the exit status. With THRUM_MODEL_REPLAY
 * it runs the one schedule named there, step by step. */
int model_main(const struct model_program *programs, size_t count);

/* Ends this run, which has failed. */
void model_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define MODEL_TEXT_(line) #line
#define MODEL_TEXT(line)  MODEL_TEXT_(line)
#define model_assert(condition)                                         \
 ((condition)                                                           \
      ? (void)0                                                         \
      : model_fail("%s is false at " __FILE__ ":" MODEL_TEXT(__LINE__), \
                   #condition))

/* The function of a thread that waits until the library starts one. */
void model_host(void);

/* The index of the calling thread. */
unsigned model_thread(void);
/* One of 0 .. count - 1: each is tried. */
unsigned model_pick(unsigned count);
/* A model point of its own, for plain code that others may interrupt. */
void model_step(const char *what);
/* Is that thread parked now? */
bool model_parked(unsigned thread);
/* How many blocks of memory are allocated now. */
size_t model_live_blocks(void);

#endif /* MODEL_H */
