/* SPDX-License-Identifier: MIT */
/*
 * net/peer_threads.c - a thread for every connection, with a stack of 64 KiB.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/harness.h"

#define STACK 65536
#define ROOM  512

static pthread_attr_t peer_small;
static bench_answer *peer_answer;
static struct sockaddr_in peer_server;

static void peer_init(int detached)
{
    pthread_attr_init(&peer_small);
    pthread_attr_setstacksize(&peer_small, STACK);
    pthread_attr_setdetachstate(&peer_small, detached);
}

static void *peer_connection(void *arg)
{
    int fd = (int)(long)arg;
    char room[ROOM];
    ssize_t got;

    while ((got = read(fd, room, sizeof room)) > 0) {
        struct bench_bytes out = peer_answer(room, (size_t)got);
        if (send(fd, out.data, out.size, MSG_NOSIGNAL) != (ssize_t)out.size)
            break;
    }
    close(fd);
    return NULL;
}

static void peer_serve(bench_answer *answer)
{
    int listener = bench_listen(0);
    pthread_t thread;

    peer_answer = answer;
    peer_init(PTHREAD_CREATE_DETACHED);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            bench_die("accept");
        bench_nodelay(fd);
        if (pthread_create(&thread, &peer_small, peer_connection,
                           (void *)(long)fd))
            bench_die("pthread_create");
    }
}

static void *peer_request(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char room[BENCH_MESSAGE] = {0};

    if (fd < 0 ||
        connect(fd, (const void *)&peer_server, sizeof peer_server) < 0)
        bench_die("connect");
    if (write(fd, room, sizeof room) != sizeof room ||
        recv(fd, room, sizeof room, MSG_WAITALL) != sizeof room)
        bench_die("a request");
    bench_reset(fd);
    close(fd);
    return arg;
}

static void peer_fanout(long n)
{
    pthread_t *thread = malloc((size_t)n * sizeof *thread);

    peer_server = bench_server();
    peer_init(PTHREAD_CREATE_JOINABLE);
    for (long i = 0; i < n; i++)
        if (pthread_create(&thread[i], &peer_small, peer_request, NULL))
            bench_die("pthread_create");
    for (long i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
    free(thread);
}

const struct bench_peer bench_peer = {
    .serve = peer_serve,
    .fanout = peer_fanout,
};
