/* SPDX-License-Identifier: MIT */
/*
 * net/harness.h - the workloads of the net suite, and what a peer gives.
 *
 * A peer is one file that fills in `bench_peer`; harness.c has main() and runs
 * one workload in this process. What is NULL the peer does not have.
 *
 *     net-libev echo 1         a server: says "port N", answers until killed
 *     net-libev fanout 10      a client of the server at $BENCH_PORT
 *
 * drive.py has the other side: it starts the peer, and measures what it cannot
 * measure itself.
 */
#ifndef BENCH_NET_HARNESS_H
#define BENCH_NET_HARNESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "measure.h"
#include "program.h"

#define BENCH_MESSAGE 64    /* of a request and of its answer */
#define BENCH_ROOM    16384 /* in what a server reads into */
#define BENCH_PAGE    4096
#define BENCH_WAITING 16384 /* for listen(): the kernel makes less of it */

struct bench_bytes {
    const char *data;
    size_t size;
};

/* What to answer to what was read. */
typedef struct bench_bytes bench_answer(const char *data, size_t size);

struct bench_peer {
    /* Serves for ever; one answer for each read. */
    void (*serve)(bench_answer *answer);

    /* Has n requests in flight at once, each on a connection of its own to
     * bench_server(): connects, writes a message, reads one, closes. */
    void (*fanout)(long n);

    /* The same by HTTP, by libcurl: see monkey/request.h. For the monkey
     * suite. */
    void (*curl)(long n);

    /* Starts `live` timers, due in bench_due_ms(). The run cancels one of
     * them, taken at random, and starts it anew. */
    bench_run *(*timers)(long live);

    /* The run reads the page at bench_place() of the file. */
    bench_run *(*file)(int fd);

    /* The run calls a function of libc that does nothing; in a thread that has
     * no hub of Thrum's, and in one that has. For the monkey suite. */
    bench_run *outside;
    bench_run *hub;
};

extern const struct bench_peer bench_peer;

/* A listening socket at some port, which is said. `type` is that of socket(),
 * SOCK_NONBLOCK or nothing beside it. */
int bench_listen(int type);
void bench_say_port(const struct sockaddr_in *address);

/* Of a connection: small answers leave at once; its end leaves nothing behind
 * in either system. */
void bench_nodelay(int fd);
void bench_reset(int fd);

struct sockaddr_in bench_server(void); /* at $BENCH_PORT */

uint64_t bench_random(void);
uint64_t bench_due_ms(void); /* 100 to 160 s: none of them comes */
off_t bench_place(void);     /* of a whole page of the file */

#endif /* BENCH_NET_HARNESS_H */
