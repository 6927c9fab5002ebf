/* SPDX-License-Identifier: MIT */
/*
 * executors.h - the kinds of executor that a command can be told to use.
 */
#ifndef EXECUTORS_H
#define EXECUTORS_H

#include <stdbool.h>

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
    int max_workers;   /* of this kind; 0: as many as asked for */
    bool offloads; /* its tasks run in the main thread, and must not block */
    bool apart;    /* its tasks run in processes, which share no memory */
    int (*make)(const struct executor_setup *setup, thrum_executor **ret);
};

/* Every kind, slowest first; the last has no name. */
extern const struct executor_kind executor_kinds[];

/* The kind of this name, or NULL. */
const struct executor_kind *executor_kind_find(const char *name);

/* How many workers an executor of this kind has when `asked` are asked for. */
int executor_kind_workers(const struct executor_kind *kind, int asked);

#endif /* EXECUTORS_H */
