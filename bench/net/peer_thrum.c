/* SPDX-License-Identifier: MIT */
/*
 * net/peer_thrum.c - Thrum's server, and a greenlet for every request.
 */
#include "net/peer_thrum.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <thrum.h>

#define ROOM        512
#define CONNECTIONS 20000

static bench_answer *peer_answer;
static struct sockaddr_in peer_server;

static void peer_failed(const char *call, int64_t rc)
{
    fprintf(stderr, "%s: %s\n", call, thrum_strerror((int)rc));
    exit(1);
}

static inline int64_t peer_check(const char *call, int64_t rc)
{
    if (__builtin_expect(rc < 0, 0))
        peer_failed(call, rc);
    return rc;
}

static void peer_connection(int fd, void *arg)
{
    char room[ROOM];
    int64_t got;

    while ((got = thrum_read(fd, room, sizeof room, THRUM_FOREVER)) > 0) {
        struct bench_bytes out = peer_answer(room, (size_t)got);
        if (thrum_write_all(fd, out.data, out.size, THRUM_FOREVER) < 0)
            break;
    }
}

static void peer_serve(bench_answer *answer)
{
    thrum_server_options options = THRUM_SERVER_OPTIONS;
    struct sockaddr_in address;
    unsigned length = sizeof address;
    thrum_server *server;

    peer_answer = answer;
    options.limit = CONNECTIONS;
    options.backlog = BENCH_WAITING;
    peer_check("thrum_stream_server_new",
               thrum_stream_server_new("127.0.0.1:0", peer_connection, NULL,
                                       &options, &server));
    peer_check(
        "thrum_server_address",
        thrum_server_address(server, (struct sockaddr *)&address, &length));
    bench_say_port(&address);
    peer_check("thrum_sleep", thrum_sleep(THRUM_FOREVER));
}

static void *peer_request(void *arg)
{
    int fd =
        (int)peer_check("thrum_socket", thrum_socket(AF_INET, SOCK_STREAM, 0));
    char room[BENCH_MESSAGE] = {0};

    peer_check("thrum_connect",
               thrum_connect(fd, (const void *)&peer_server, sizeof peer_server,
                             THRUM_FOREVER));
    peer_check("thrum_write_all",
               thrum_write_all(fd, room, sizeof room, THRUM_FOREVER));
    if (peer_check("thrum_read", thrum_read(fd, room, sizeof room,
                                            THRUM_FOREVER)) != sizeof room)
        bench_die("an answer");
    bench_reset(fd);
    thrum_close(fd);
    return arg;
}

static void peer_fanout(long n)
{
    thrum_future **all = malloc((size_t)n * sizeof(thrum_future *));

    peer_server = bench_server();
    for (long i = 0; i < n; i++)
        peer_check("thrum_spawn", thrum_spawn(peer_request, NULL, 0, &all[i]));
    peer_check("thrum_join_all", thrum_join_all(all, (size_t)n, THRUM_FOREVER));
    for (long i = 0; i < n; i++)
        thrum_future_unref(all[i]);
    free(all);
}

static int peer_fd;

static void peer_reads(long n)
{
    static char page[BENCH_PAGE];

    for (long i = 0; i < n; i++)
        if (peer_check("thrum_pread",
                       thrum_pread(peer_fd, page, BENCH_PAGE, bench_place(),
                                   THRUM_FOREVER)) != BENCH_PAGE)
            bench_die("a page");
}

static bench_run *peer_file(int fd)
{
    peer_fd = fd;
    return peer_reads;
}

const struct bench_peer bench_peer = {
    .serve = peer_serve,
    .fanout = peer_fanout,
    .timers = peer_thrum_timers,
    .file = peer_file,
};
