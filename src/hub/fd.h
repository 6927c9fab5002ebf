/* SPDX-License-Identifier: MIT */
/*
 * hub/fd.h - what a hub knows of descriptors, and who waits for them.
 *
 * A table indexed by the number of the descriptor. Its entries lie in pages
 * that stay where they are, made when a call first waits on one of their
 * descriptors:
 *
 *     pages --> [ . | . | . ]          one pointer per 128 descriptors
 *                 |
 *                 v
 *              [ entry 0 | entry 1 | ... | entry 127 ]
 *
 * A number is used for one thing after another. The generation of its entry
 * counts these lives, so that what belongs to an earlier one can be told.
 *
 * Locking: none; a table is one hub's.
 */
#ifndef THRUMI_HUB_FD_H
#define THRUMI_HUB_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "sys/io.h"
#include "task/context.h"

struct thrumi_fd {
    struct thrumi_link waits; /* of thrumi_fd_wait.link, oldest first */
    uint32_t generation;      /* which life of the number this is */
    uint8_t ready;            /* THRUMI_READABLE | THRUMI_WRITABLE, perhaps */
    uint8_t sticky;           /* of these, those that a short count leaves */
    uint8_t kind;             /* enum thrumi_io_kind */
    bool registered;          /* with the engine */
    bool nonblocking;         /* io_uring says -EAGAIN: it has O_NONBLOCK */
    uint8_t waits_seen;       /* up to the number at which it is looked at */
    uint8_t patient;          /* directions that are set to wait for ever */
    uint32_t settings;        /* when that was asked, see net/call.c */
};

struct thrumi_fd_table {
    struct thrumi_fd **pages; /* each NULL or a page of entries */
    size_t count;
};

/* One call that waits, on the stack of who makes it. Of several polls at once
 * each is one, and all of them wake the same parking. */
struct thrumi_fd_wait {
    struct thrumi_link link;  /* in the entry's list while it waits */
    struct thrumi_link aging; /* the engine's */
    struct thrumi_parking parking;
    struct thrumi_parking *whom; /* whom it wakes; by default that */
    const struct thrumi_io *io;  /* for dumps */
    unsigned readiness;          /* what it waits for */
    uint32_t generation;         /* the entry's when it began */
    int code;                    /* why the descriptor was taken away, or 0 */
};

void thrumi_fd_init(struct thrumi_fd_table *table);
/* Nobody may wait any more. */
void thrumi_fd_fini(struct thrumi_fd_table *table);

/* The entry, or NULL if none was needed yet. */
struct thrumi_fd *thrumi_fd_find(const struct thrumi_fd_table *table, int fd);
/* The entry, made if need be; NULL without memory. */
struct thrumi_fd *thrumi_fd_get(struct thrumi_fd_table *table, int fd);

/* The entry of the first number from *fd on that has one; false: no more. */
bool thrumi_fd_next(const struct thrumi_fd_table *table, int *fd,
                    struct thrumi_fd **ret);

/* The number begins another life, of which nothing is known. */
void thrumi_fd_renew(struct thrumi_fd *entry);

void thrumi_fd_wait_init(struct thrumi_fd_wait *wait, uint32_t generation,
                         const struct thrumi_io *io, unsigned readiness);
/* The first that waits for any of this to take it; NULL: nobody does. */
struct thrumi_fd_wait *thrumi_fd_first(const struct thrumi_fd *entry,
                                       unsigned readiness);
/* Takes that one off the list and wakes it; false: there is none. */
bool thrumi_fd_wake_first(struct thrumi_fd *entry, unsigned readiness);
/* The same with all that only look: of polls, each wants to know. */
void thrumi_fd_wake_polls(struct thrumi_fd *entry, unsigned readiness);
/* Waits until whoever has the turn for a direction passes it on. 0, or why that
 * is not to be: as of a wait, the code of thrumi_fd_wake_all(), -EBADF. */
int thrumi_fd_await_turn(struct thrumi_fd *entry, unsigned turn,
                         const struct thrumi_io *io, thrum_time deadline);
/* Who had the turn for a direction, in this life of the number, hands it to the
 * next, or gives it up. */
void thrumi_fd_pass_turn(struct thrumi_fd *entry, unsigned turn,
                         uint32_t generation);
/* Takes all off the list and wakes them with this code. */
void thrumi_fd_wake_all(struct thrumi_fd *entry, int code);

#endif /* THRUMI_HUB_FD_H */
