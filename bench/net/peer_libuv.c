/* SPDX-License-Identifier: MIT */
/*
 * net/peer_libuv.c - libuv.
 *
 * An answer is tried at once, as programs do that care: it never has to wait.
 * A file is read by the pool of threads; one read at a time.
 */
#include <stdlib.h>
#include <uv.h>

#include "net/harness.h"

static uv_loop_t *peer_loop(void)
{
    return uv_default_loop();
}

static void peer_check(const char *call, int rc)
{
    if (rc < 0)
        bench_die(call);
}

static void peer_closed(uv_handle_t *handle)
{
    free(handle);
}

static void peer_room(uv_handle_t *handle, size_t size, uv_buf_t *room)
{
    static char shared[BENCH_ROOM];

    *room = uv_buf_init(shared, sizeof shared);
}

/* ---- the server ---- */

static bench_answer *peer_answer;

static void peer_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *room)
{
    if (got < 0) {
        uv_close((uv_handle_t *)stream, peer_closed);
        return;
    }
    if (got == 0)
        return;
    struct bench_bytes out = peer_answer(room->base, (size_t)got);
    uv_buf_t whole =
        uv_buf_init((char *)(uintptr_t)out.data, (unsigned)out.size);
    if (uv_try_write(stream, &whole, 1) != (int)out.size)
        bench_die("uv_try_write");
}

static void peer_accept(uv_stream_t *listener, int status)
{
    uv_tcp_t *connection = malloc(sizeof *connection);

    peer_check("a connection", status);
    uv_tcp_init(peer_loop(), connection);
    peer_check("uv_accept", uv_accept(listener, (uv_stream_t *)connection));
    uv_tcp_nodelay(connection, 1);
    uv_read_start((uv_stream_t *)connection, peer_room, peer_read);
}

static void peer_serve(bench_answer *answer)
{
    uv_tcp_t listener;

    peer_answer = answer;
    uv_tcp_init(peer_loop(), &listener);
    peer_check("uv_tcp_open", uv_tcp_open(&listener, bench_listen(0)));
    peer_check("uv_listen",
               uv_listen((uv_stream_t *)&listener, BENCH_WAITING, peer_accept));
    uv_run(peer_loop(), UV_RUN_DEFAULT);
}

/* ---- the client ---- */

struct request {
    uv_tcp_t tcp; /* first: what is closed is freed */
    uv_connect_t connect;
};

static void peer_answered(uv_stream_t *stream, ssize_t got,
                          const uv_buf_t *room)
{
    if (got != BENCH_MESSAGE)
        bench_die("an answer");
    uv_tcp_close_reset((uv_tcp_t *)stream, peer_closed);
}

static void peer_connected(uv_connect_t *connect, int status)
{
    static char message[BENCH_MESSAGE];
    uv_buf_t whole = uv_buf_init(message, sizeof message);

    peer_check("a connection", status);
    if (uv_try_write(connect->handle, &whole, 1) != BENCH_MESSAGE)
        bench_die("uv_try_write");
    uv_read_start(connect->handle, peer_room, peer_answered);
}

static void peer_fanout(long n)
{
    struct sockaddr_in server = bench_server();

    for (long i = 0; i < n; i++) {
        struct request *one = malloc(sizeof *one);
        uv_tcp_init(peer_loop(), &one->tcp);
        peer_check("uv_tcp_connect",
                   uv_tcp_connect(&one->connect, &one->tcp,
                                  (const void *)&server, peer_connected));
    }
    uv_run(peer_loop(), UV_RUN_DEFAULT);
}

/* ---- timers ---- */

static uv_timer_t *peer_timer;
static long peer_live;

static void peer_due(uv_timer_t *timer)
{
    bench_die("a timer came");
}

static void peer_restart(long n)
{
    for (long i = 0; i < n; i++) {
        uv_timer_t *timer =
            &peer_timer[bench_random() % (unsigned long)peer_live];
        uv_timer_stop(timer);
        uv_timer_start(timer, peer_due, bench_due_ms(), 0);
    }
}

static bench_run *peer_timers(long live)
{
    peer_live = live;
    peer_timer = calloc((size_t)live, sizeof *peer_timer);
    for (long i = 0; i < live; i++) {
        uv_timer_init(peer_loop(), &peer_timer[i]);
        uv_timer_start(&peer_timer[i], peer_due, bench_due_ms(), 0);
    }
    return peer_restart;
}

/* ---- files ---- */

static int peer_fd;
static long peer_left;

static void peer_read_next(uv_fs_t *request);

static void peer_read_done(uv_fs_t *request)
{
    if (request->result != BENCH_PAGE)
        bench_die("uv_fs_read");
    uv_fs_req_cleanup(request);
    if (--peer_left > 0)
        peer_read_next(request);
}

static void peer_read_next(uv_fs_t *request)
{
    static char page[BENCH_PAGE];
    uv_buf_t whole = uv_buf_init(page, sizeof page);

    uv_fs_read(peer_loop(), request, peer_fd, &whole, 1, bench_place(),
               peer_read_done);
}

static void peer_reads(long n)
{
    uv_fs_t request;

    peer_left = n;
    peer_read_next(&request);
    uv_run(peer_loop(), UV_RUN_DEFAULT);
}

static bench_run *peer_file(int fd)
{
    peer_fd = fd;
    return peer_reads;
}

const struct bench_peer bench_peer = {
    .serve = peer_serve,
    .fanout = peer_fanout,
    .timers = peer_timers,
    .file = peer_file,
};
