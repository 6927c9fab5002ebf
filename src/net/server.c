/* SPDX-License-Identifier: MIT */
/*
 * net/server.c - a greenlet that takes what comes, and one for each that came.
 *
 *     room      a unit for each handler that may run; the taker has one before
 *               it takes, so what is too much stays in the kernel
 *     serving   those that were taken and have not ended
 *     running   their number, to be waited for
 *
 * What was taken is a struct server_call: it is the argument of its greenlet,
 * and free_arg() ends it, also if the greenlet is killed before it has begun.
 *
 * All of it is of one thread.
 */
#include <thrum/server.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thrum/error.h>
#include <thrum/green.h>
#include <thrum/net.h>
#include <thrum/scope.h>
#include <thrum/sync.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/log.h"
#include "net/listen.h"
#include "task/context.h"

#define SERVER_LIMIT    10000
#define SERVER_BACKLOG  SOMAXCONN /* a queue that overflows loses connections */
#define SERVER_DATAGRAM 65536
#define SERVER_PAUSE_NS INT64_C(10000000)
#define SERVER_LONG_NS  INT64_C(1000000000)

struct thrum_server {
    struct thrumi_self *thread;
    int fd; /* -1: stopped */
    char *path;
    thrum_server_options options;
    thrum_stream_fn *stream; /* one of the two */
    thrum_datagram_fn *datagram;
    void *arg;
    thrum_future *taker;
    thrum_semaphore room;
    thrum_waitgroup running;
    struct thrumi_link serving; /* of server_call.link */
    int64_t pause;              /* before the next try; 0: the last was good */
    size_t now;
    uint64_t total;
    uint64_t waits;
};

struct server_call {
    struct thrumi_link link;
    thrum_server *server;
    thrum_future *future;
    int fd;
    struct sockaddr_storage from; /* of a datagram, as what follows */
    unsigned from_length;
    size_t size;
    char data[];
};

/* ---- a call ---- */

static void *server_call_run(void *arg)
{
    struct server_call *call = arg;
    thrum_server *server = call->server;
    thrum_datagram datagram;

    if (server->stream != NULL) {
        server->stream(call->fd, server->arg);
        return NULL;
    }
    datagram = (thrum_datagram){.fd = server->fd,
                                .data = call->data,
                                .size = call->size,
                                .from = (struct sockaddr *)&call->from,
                                .from_length = call->from_length};
    server->datagram(&datagram, server->arg);
    return NULL;
}

/* Runs once, whatever has become of the call. */
static void server_call_end(void *arg)
{
    struct server_call *call = arg;
    thrum_server *server = call->server;

    if (call->fd >= 0)
        (void)thrum_close(call->fd);
    thrumi_list_remove(&call->link);
    thrum_future_unref(call->future);
    thrumi_free(call);
    server->now--;
    (void)thrum_semaphore_release(&server->room);
    thrum_waitgroup_done(&server->running);
}

/* Begins to serve what was taken. */
static int server_call_spawn(thrum_server *server, struct server_call *call)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;
    int rc;

    options.name = "serve";
    options.free_arg = server_call_end;
    options.stack_size = server->options.stack_size;
    call->server = server;
    rc = thrum_spawn_with(server_call_run, call, 0, &options, &call->future);
    if (rc != 0)
        return rc;
    thrumi_list_append(&server->serving, &call->link);
    thrum_waitgroup_add(&server->running, 1);
    server->now++;
    server->total++;
    return 0;
}

static int server_take_stream(thrum_server *server)
{
    int fd = thrum_accept(server->fd, NULL, NULL, THRUM_FOREVER);
    struct server_call *call;
    int rc = -ENOMEM;

    if (fd < 0)
        return fd;
    call = thrumi_alloc(sizeof(*call));
    if (call != NULL) {
        call->fd = fd;
        rc = server_call_spawn(server, call);
    }
    if (rc != 0) {
        thrumi_free(call);
        (void)thrum_close(fd);
    }
    return rc;
}

/* The memory is made for the longest before anything comes. */
static int server_take_datagram(thrum_server *server)
{
    size_t room = server->options.datagram;
    struct server_call *call = thrumi_alloc(sizeof(*call) + room);
    int64_t rc;

    if (call == NULL)
        return -ENOMEM;
    call->fd = -1;
    call->from_length = sizeof(call->from);
    rc = thrum_recvfrom(server->fd, call->data, room, 0,
                        (struct sockaddr *)&call->from, &call->from_length,
                        THRUM_FOREVER);
    if (rc >= 0) {
        call->size = (size_t)rc;
        rc = server_call_spawn(server, call);
    }
    if (rc != 0)
        thrumi_free(call);
    return (int)rc;
}

/* ---- the taker ---- */

/* Waits, longer each time; 0: try again. */
static int server_pause(thrum_server *server, int why)
{
    if (server->pause == 0)
        thrumi_log(THRUM_LOG_WARNING,
                   "a server waits before it takes the next: %s",
                   thrum_strerror(why));
    server->waits++;
    server->pause = server->pause == 0 ? SERVER_PAUSE_NS : server->pause * 2;
    if (server->pause > SERVER_LONG_NS)
        server->pause = SERVER_LONG_NS;
    return thrum_sleep(thrum_in_ns(server->pause));
}

/* What came of a try: 0, go on; else it is the end. */
static int server_after(thrum_server *server, int rc)
{
    switch (rc) {
    case 0:
        server->pause = 0;
        return 0;
    case -EAGAIN: /* it was reset while it waited, or so */
    case -EINTR:
    case -ECONNABORTED:
    case -ECONNREFUSED: /* of an answer to an earlier datagram */
    case -EPROTO:
        return 0;
    case -EBADF:
    case -ECANCELED:
    case THRUM_ESHUTDOWN:
        return rc;
    default:
        return server_pause(server, rc);
    }
}

static void *server_taker(void *arg)
{
    thrum_server *server = arg;
    int rc = 0;

    while (rc == 0) {
        rc = thrum_semaphore_acquire(&server->room, THRUM_FOREVER);
        if (rc != 0)
            break;
        rc = server->stream != NULL ? server_take_stream(server)
                                    : server_take_datagram(server);
        if (rc != 0)
            (void)thrum_semaphore_release(&server->room);
        rc = server_after(server, rc);
    }
    return NULL;
}

/* ---- making ---- */

static int server_set_options(thrum_server *server,
                              const thrum_server_options *options)
{
    thrum_server_options *own = &server->options;

    *own = (thrum_server_options)THRUM_SERVER_OPTIONS;
    if (options != NULL && options->size < sizeof(*options))
        return -EINVAL;
    if (options != NULL)
        *own = *options;
    if (own->limit == 0)
        own->limit = SERVER_LIMIT;
    if (own->backlog == 0)
        own->backlog = SERVER_BACKLOG;
    if (own->datagram == 0)
        own->datagram = SERVER_DATAGRAM;
    return own->backlog < 0 || own->limit > INT32_MAX / 8 ? -EINVAL : 0;
}

/* The taker gets its stack when it begins, and there may be none: so it begins
 * before anybody takes it that there is a server. */
static int server_start(thrum_server *server)
{
    const thrum_error *error = NULL;
    int rc = thrum_spawn(server_taker, server, 0, &server->taker);

    if (rc != 0)
        return rc;
    (void)thrum_pass();
    if (!thrum_future_done(server->taker))
        return 0;
    rc = -ECANCELED;
    if (thrum_future_exception(server->taker, THRUM_NOW, &error) == 0 &&
        error != NULL)
        rc = error->code;
    thrum_future_unref(server->taker);
    return rc;
}

static int server_open(thrum_server *server, const char *address)
{
    const struct thrumi_listen how = {
        .type = server->stream != NULL ? SOCK_STREAM : SOCK_DGRAM,
        .backlog = server->options.backlog,
        .reuse_port = server->options.reuse_port,
        .delay = server->options.delay};
    int rc = thrumi_listen_at(address, &how, THRUM_FOREVER, &server->path);

    if (rc < 0)
        return rc;
    server->fd = rc;
    rc = server_start(server);
    if (rc == 0)
        return 0;
    (void)thrum_close(server->fd);
    if (server->path != NULL)
        (void)unlink(server->path);
    thrumi_free(server->path);
    return rc;
}

static int server_new(const char *address, const thrum_server *like,
                      const thrum_server_options *options, thrum_server **ret)
{
    thrum_server *server;
    int rc;

    if (like->stream == NULL && like->datagram == NULL)
        return -EINVAL;
    server = thrumi_alloc(sizeof(*server));
    if (server == NULL)
        return -ENOMEM;
    *server = *like;
    server->thread = thrumi_self();
    rc = server_set_options(server, options);
    if (rc == 0)
        rc = thrum_semaphore_init(&server->room,
                                  (unsigned)server->options.limit, 0);
    thrum_waitgroup_init(&server->running);
    thrumi_list_init(&server->serving);
    if (rc == 0)
        rc = server_open(server, address);
    if (rc != 0)
        thrumi_free(server);
    else
        *ret = server;
    return rc;
}

int thrum_stream_server_new(const char *address, thrum_stream_fn *fn, void *arg,
                            const thrum_server_options *options,
                            thrum_server **ret)
{
    const thrum_server like = {.stream = fn, .arg = arg};

    return server_new(address, &like, options, ret);
}

int thrum_datagram_server_new(const char *address, thrum_datagram_fn *fn,
                              void *arg, const thrum_server_options *options,
                              thrum_server **ret)
{
    const thrum_server like = {.datagram = fn, .arg = arg};

    return server_new(address, &like, options, ret);
}

/* ---- the end ---- */

/* Does one of its handlers call this? */
static bool server_is_inside(const thrum_server *server)
{
    const thrum_greenlet *here = thrum_greenlet_current();

    for (const struct thrumi_link *link = server->serving.next;
         link != &server->serving; link = link->next) {
        const struct server_call *call =
            thrumi_container_of(link, struct server_call, link);

        if (thrum_future_greenlet(call->future) == here)
            return true;
    }
    return false;
}

/* Kills a task and waits for its end; nothing keeps the caller from that. */
static void server_end_task(thrum_future *task)
{
    int rc = 0;

    THRUM_SHIELD
    {
        rc = thrum_future_kill(task, THRUM_FOREVER);
    }
    if (rc != 0)
        thrumi_log(THRUM_LOG_ERROR, "a server cannot end a task: %s",
                   thrum_strerror(rc));
}

/* Takes nothing more, and the address is free. A datagram's handlers answer by
 * the socket, so that stays until they have ended. */
static void server_stop_taking(thrum_server *server)
{
    server_end_task(server->taker);
    thrum_future_unref(server->taker);
    server->taker = NULL;
    if (server->path != NULL)
        (void)unlink(server->path);
    if (server->stream == NULL)
        return;
    (void)thrum_close(server->fd);
    server->fd = -1;
}

/* Each that is killed leaves the list before its future settles. */
static void server_kill(thrum_server *server)
{
    while (!thrumi_list_empty(&server->serving)) {
        thrum_future *future =
            thrumi_container_of(server->serving.next, struct server_call, link)
                ->future;

        thrum_future_ref(future);
        server_end_task(future);
        thrum_future_unref(future);
    }
}

int thrum_server_stop(thrum_server *server, thrum_time deadline)
{
    int rc;

    if (server->thread != thrumi_self())
        return THRUM_ETHREAD;
    if (thrumi_context_in_callback(thrumi_context_running()) ||
        server_is_inside(server))
        return THRUM_ECONTEXT;
    if (server->taker == NULL)
        return 0;
    server_stop_taking(server);
    rc = thrum_waitgroup_wait(&server->running, deadline);
    server_kill(server);
    if (server->fd >= 0)
        (void)thrum_close(server->fd);
    server->fd = -1;
    return rc;
}

void thrum_server_free(thrum_server *server)
{
    int rc;

    if (server == NULL)
        return;
    rc = thrum_server_stop(server, THRUM_NOW);
    if (rc == THRUM_ETHREAD || rc == THRUM_ECONTEXT) {
        fprintf(stderr, "thrum_server_free: called from another thread, or by "
                        "one of the server's handlers\n");
        abort();
    }
    thrum_waitgroup_fini(&server->running);
    thrum_semaphore_fini(&server->room);
    thrumi_free(server->path);
    thrumi_free(server);
}

/* ---- looking ---- */

int thrum_server_address(const thrum_server *server, struct sockaddr *address,
                         unsigned *length)
{
    return getsockname(server->fd, address, length) == 0 ? 0 : -errno;
}

int thrum_server_stats(const thrum_server *server, thrum_server_counts *counts)
{
    if (counts->size < sizeof(*counts))
        return -EINVAL;
    counts->now = server->now;
    counts->total = server->total;
    counts->waits = server->waits;
    return 0;
}
