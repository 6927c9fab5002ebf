/* SPDX-License-Identifier: MIT */
/*
 * monkey/peer_thrum.c - a server made of plain calls of libc, which were patched.
 *
 * The client is that of client_thrum.c. With $BENCH_UNPATCHED they were not, and it has nothing but the calls outside
 * of greenlets.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thrum.h>
#include <thrum/monkey.h>

#include "monkey/client_thrum.h"
#include "net/harness.h"

#define ROOM 512

static bool peer_patched;
static bench_answer *peer_answer;

static __attribute__((constructor)) void peer_patch(void)
{
    if (getenv("BENCH_UNPATCHED"))
        return;
    if (thrum_monkey_patch_all() != 0)
        bench_die("thrum_monkey_patch_all");
    peer_patched = true;
}

static void *peer_connection(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char room[ROOM];
    ssize_t got;

    while ((got = read(fd, room, sizeof room)) > 0) {
        struct bench_bytes out = peer_answer(room, (size_t)got);
        if (write(fd, out.data, out.size) != (ssize_t)out.size)
            break;
    }
    close(fd);
    return NULL;
}

static void peer_serve(bench_answer *answer)
{
    int listener, fd;

    if (!peer_patched)
        exit(BENCH_NOT_RUN);
    peer_answer = answer;
    listener = bench_listen(0);
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        bench_nodelay(fd);
        if (thrum_spawn(peer_connection, (void *)(intptr_t)fd, 0, NULL) != 0)
            bench_die("thrum_spawn");
    }
    bench_die("accept");
}

static void peer_curl(long n)
{
    if (!peer_patched || !client_curl)
        exit(BENCH_NOT_RUN);
    client_curl(n);
}

static void peer_calls(long n)
{
    for (long i = 0; i < n; i++)
        if (sendmmsg(-1, NULL, 0, 0) != 0)
            bench_die("an empty function");
}

static void peer_calls_beside_hub(long n)
{
    if (thrum_hub_executor() == NULL)
        bench_die("thrum_hub_executor");
    peer_calls(n);
}

const struct bench_peer bench_peer = {
    .serve = peer_serve,
    .curl = peer_curl,
    .outside = peer_calls,
    .hub = peer_calls_beside_hub,
};
