/* SPDX-License-Identifier: MIT */
/*
 * pool/process_protocol.h - what the owner of a process pool and its zygote
 * tell each other, over a socket (sys/message.h).
 *
 *     owner                                  zygote
 *       | HELLO, pidfd of the owner             |
 *       | START 7, memory, bell, socket         |
 *       |----------------------------------->   |
 *       |   STARTED 7, pidfd of the worker      |
 *       |   ENDED 7, how                        |
 *       |   <-----------------------------------|
 *
 * The zygote ends with the owner, or when the socket has no other end; its
 * workers end with it.
 */
#ifndef THRUMI_POOL_PROCESS_PROTOCOL_H
#define THRUMI_POOL_PROCESS_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/children.h"
#include "sys/confine.h"
#include "sys/object.h"

/* Of the environment; its value says by which way the process is to be got. */
#define THRUMI_PROCESS_VARIABLE  "THRUM_WORKER"
#define THRUMI_PROCESS_BY_LOADER "loader" /* the constructor redirects main */
#define THRUMI_PROCESS_BY_MAIN   "main"   /* main calls thrum_worker_main() */

enum thrumi_process_message_kind {
    THRUMI_PROCESS_HELLO = 1,
    THRUMI_PROCESS_START,
    THRUMI_PROCESS_STARTED,
    THRUMI_PROCESS_ENDED,
};

/* One size for all, so that a message of another is none. */
struct thrumi_process_message {
    uint32_t kind;
    uint32_t number;                  /* of the worker */
    int32_t code;                     /* STARTED: 0 or -errno */
    uint32_t spawn;                   /* HELLO: workers are programs run anew */
    struct thrumi_ending ending;      /* ENDED; STARTED: its pid; START to a
                                       * worker that is spawned: its parent's */
    struct thrumi_object_id identity; /* HELLO: of the owner's library; another
                                       * has other messages, other memory */
    struct thrumi_confine confine;    /* HELLO; START to one that is spawned */
};

/* Descriptors that come with a START, in order. */
enum {
    THRUMI_PROCESS_FD_MEMORY,
    THRUMI_PROCESS_FD_BELL,
    THRUMI_PROCESS_FD_SOCKET,
    THRUMI_PROCESS_FDS,
};

/* What a zygote gives a worker at its birth. */
struct thrumi_process_birth {
    unsigned number;
    int fds[THRUMI_PROCESS_FDS];
    struct thrumi_confine confine;
};

/* A process that was started for a pool, by the way that the variable says: what
 * comes first through the socket tells whether it is the zygote or a worker.
 * Does not return. */
__attribute__((noreturn)) void thrumi_process_begin(int socket,
                                                    const char *variable);

/* A worker: does not return. */
__attribute__((noreturn)) void
thrumi_process_work(const struct thrumi_process_birth *birth);

/* How zygotes can be had here. */
struct thrumi_process_way {
    const char *value;   /* of THRUMI_PROCESS_VARIABLE; NULL: not at all */
    const char *program; /* that is run */
    bool helper;         /* it is not this one: its functions are not there */
};

struct thrumi_process_way thrumi_process_way(void);

#endif /* THRUMI_POOL_PROCESS_PROTOCOL_H */
