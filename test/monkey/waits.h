/* SPDX-License-Identifier: MIT */
/*
 * test/monkey/waits.h - a table of calls that wait, each with what ends it.
 *
 * For tests of what goes wrong while a greenlet waits in a patched call: of every
 * kind there is one, made and undone by the table alone.
 *
 *     struct wait wait;
 *
 *     wait_begin(&wait, wait_kind(i));        it waits in a greenlet now
 *     wait_let_go(&wait);                    what it waits for comes
 *     wait_join(&wait);
 *     CHECK(wait.result >= 0);
 *     wait_end(&wait);
 */
#ifndef TEST_MONKEY_WAITS_H
#define TEST_MONKEY_WAITS_H

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/types.h>

#include "cases.h"

struct wait;

enum {
    WAIT_STUBBORN = 1,  /* no kill ends it (P20) */
    WAIT_ENDLESS = 2,   /* nothing comes but a kill */
    WAIT_LOUD = 4,      /* a kill is told by something else than errno */
    WAIT_BY_THREAD = 8, /* made elsewhere: without a thread it blocks */
    WAIT_NO_FILES = 16, /* has to open something of its own */
    WAIT_ONCE = 32,     /* cannot be made again after it was ended */
    WAIT_STARTS = 64,   /* has a program to start, which wants descriptors */
};

struct wait_kind {
    const char *name;
    void (*make)(struct wait *wait);
    long (*call)(struct wait *wait);   /* -1 and errno; else it is well */
    void (*let_go)(struct wait *wait); /* in any greenlet of the thread */
    void (*drop)(struct wait *wait);
    unsigned is;
};

/* The i-th of all; NULL: there are no more. */
const struct wait_kind *wait_kind(size_t i);
#define EACH_WAIT(i) for (size_t i = 0; wait_kind(i) != NULL; i++)

struct wait {
    const struct wait_kind *kind;
    struct ends ends;
    int other; /* one more descriptor, or -1 */
    pid_t pid;
    FILE *stream;
    char path[64];
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    sem_t semaphore;
    bool flag;
    thrum_future *future;
    bool over; /* the call has returned */
    long result;
    int error;
};

/* What it waits with is there, without a call yet. */
void wait_make(struct wait *wait, const struct wait_kind *kind);
/* Makes the call here: result and error. */
void wait_call(struct wait *wait);
void wait_let_go(struct wait *wait);
void wait_drop(struct wait *wait);

/* In a greenlet of its own. */
void wait_begin(struct wait *wait, const struct wait_kind *kind);
void wait_join(struct wait *wait);
void wait_end(struct wait *wait);

/* ---- for the files that make up the table ---- */

#define WAIT_MUCH (512u * 1024) /* more than a pipe or socket takes */

/* Each ends with one without a name. */
extern const struct wait_kind waits_socket[];
extern const struct wait_kind waits_event[];
extern const struct wait_kind waits_file[];

void wait_make_nothing(struct wait *wait);
void wait_make_pipe(struct wait *wait);
void wait_make_pipe_to(struct wait *wait);
void wait_make_stream(struct wait *wait);
void wait_drop_ends(struct wait *wait);
/* "hello" and a new line comes; all that is sent is read; an end comes. */
void wait_let_in(struct wait *wait);
void wait_let_out(struct wait *wait);
void wait_close_there(struct wait *wait);

#endif /* TEST_MONKEY_WAITS_H */
