/* SPDX-License-Identifier: MIT */
/*
 * executors.h - the kinds of executor that a command can be told to use.
 */
#ifndef EXECUTORS_H
#define EXECUTORS_H

#include <stdbool.h>
#include <stddef.h>

#include <thrum/executor.h>

/* What an executor is made for. */
struct executor_setup {
    int workers;
    int (*prepare)(void *arg); /* called once in each process of its own, with a
                                * copy of `arg`; below 0 is an error */
    const void *arg;
    size_t arg_size;
};

struct executor_kind {
    const char *name;  /* what -x takes */
    const char *label; /* in tables */
    const char *about; /* for the help */
    int max_workers;   /* of this kind; 0: fits() tells */
    bool green;        /* its tasks are greenlets of the main thread */
    bool apart;        /* its tasks run in processes, which share no memory */
    int (*make)(const struct executor_setup *setup, thrum_executor **ret);
    int (*fits)(bool save); /* with a file each if they save bodies; or NULL */
    void (*leave)(void);    /* when the executor is gone; or NULL */
};

/* What was asked for. */
struct executor_wish {
    int workers;  /* 0: the default of the kind */
    size_t tasks; /* if it is known how many; else 0 */
    bool save;    /* each task has a file open */
    bool quiet;
};

/* Every kind; the last has no name. */
extern const struct executor_kind executor_kinds[];

/* The kind of this name, or NULL. */
const struct executor_kind *executor_kind_find(const char *name);

/* Are its workers by default as many as its tasks? */
bool executor_kind_is_many(const struct executor_kind *kind);

/* How many workers an executor of this kind is to have. Says so if that is less
 * than what was asked for, unless it is the one of `inline`. */
int executor_kind_workers(const struct executor_kind *kind,
                          const struct executor_wish *wish);

#endif /* EXECUTORS_H */
