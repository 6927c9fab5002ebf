/* SPDX-License-Identifier: MIT */
/*
 * pool/process_zygote.c - the process that starts the workers of a pool.
 *
 * It has one thread and is small, so that a worker is a fork of a tenth of a
 * millisecond, whatever the program has grown to. It runs nothing of the
 * program's but its constructors. It is the workers' parent: it takes their
 * remains away and tells the owner how they ended.
 *
 * It ends with the owner, whose end it sees by a pidfd: the end of the socket
 * does not tell, since a process that the owner has forked may hold the other
 * end. Its workers are killed by the kernel when it ends.
 */
#include "pool/process_protocol.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/list.h"
#include "sys/launch.h"
#include "sys/message.h"
#include "sys/pidfd.h"
#include "sys/pollset.h"
#include "sys/unwind.h"

struct zygote_child {
    struct thrumi_link link;
    unsigned number;
    int pid;
};

static struct {
    int socket;
    int owner; /* its pidfd */
    int watch; /* readable when a child has ended */
    struct thrumi_link children;
    struct thrumi_confine confine;
    bool spawns;          /* its workers are programs run anew, */
    const char *variable; /* by this */
} zygote;

/* The owner has gone, or does not listen: nothing more to be done. */
__attribute__((noreturn)) static void zygote_end(void)
{
    thrumi_children_exit(0);
}

static void zygote_tell(struct thrumi_process_message *message, int fd)
{
    if (thrumi_message_send(zygote.socket, message, sizeof(*message), &fd,
                            fd >= 0) == -EPIPE)
        zygote_end();
}

/* ---- children ---- */

static void zygote_work(unsigned number, const int *fds)
{
    struct thrumi_process_birth birth = {.number = number,
                                         .confine = zygote.confine};

    memcpy(birth.fds, fds, sizeof(birth.fds));
    thrumi_process_work(&birth);
}

/* In the child: the program is run anew, and is told what a fork knows. */
static void zygote_spawn(int parent, unsigned number, const int *fds)
{
    struct thrumi_process_message message = {.kind = THRUMI_PROCESS_START,
                                             .number = number,
                                             .confine = zygote.confine};
    int ends[2];

    message.ending.pid = parent;
    if (thrumi_message_pair(ends) == 0 &&
        thrumi_message_send(ends[0], &message, sizeof(message), fds,
                            THRUMI_PROCESS_FDS) == 0)
        thrumi_launch_become(zygote.variable, ends[1]);
    thrumi_children_exit(127);
}

/* In the child: only what is a worker's is kept open. */
static void zygote_become_worker(int parent, unsigned number, const int *fds)
{
    if (!thrumi_children_born(parent))
        thrumi_children_exit(0);
    if (zygote.spawns)
        zygote_spawn(parent, number, fds);
    thrumi_close(zygote.socket);
    thrumi_close(zygote.owner);
    thrumi_close(zygote.watch);
    zygote_work(number, fds);
}

static int zygote_fork(unsigned number, const int *fds)
{
    struct zygote_child *child = thrumi_alloc(sizeof(*child));
    int parent = thrumi_children_self();
    int pid;

    if (child == NULL)
        return -ENOMEM;
    pid = thrumi_children_fork();
    if (pid <= 0)
        thrumi_free(child);
    if (pid == 0)
        zygote_become_worker(parent, number, fds);
    if (pid < 0)
        return pid;
    child->number = number;
    child->pid = pid;
    thrumi_list_append(&zygote.children, &child->link);
    return pid;
}

static void zygote_start(const struct thrumi_process_message *order,
                         const int *fds)
{
    struct thrumi_process_message answer = {.kind = THRUMI_PROCESS_STARTED,
                                            .number = order->number};
    int pid = zygote_fork(order->number, fds);
    int pidfd = -1;

    if (pid > 0)
        pidfd = thrumi_pidfd_open(pid);
    answer.code = pid < 0 ? pid : 0;
    answer.ending.pid = pid > 0 ? pid : 0;
    zygote_tell(&answer, pidfd);
    thrumi_close(pidfd);
}

static struct zygote_child *zygote_find(int pid)
{
    for (struct thrumi_link *link = zygote.children.next;
         link != &zygote.children; link = link->next) {
        struct zygote_child *child =
            thrumi_container_of(link, struct zygote_child, link);

        if (child->pid == pid)
            return child;
    }
    return NULL;
}

static void zygote_reap(void)
{
    struct thrumi_process_message message = {.kind = THRUMI_PROCESS_ENDED};
    struct zygote_child *child;

    thrumi_children_clear(zygote.watch);
    while (thrumi_children_reap(&message.ending)) {
        child = zygote_find(message.ending.pid);
        if (child == NULL)
            continue; /* an orphan that came to us */
        message.number = child->number;
        thrumi_list_remove(&child->link);
        thrumi_free(child);
        zygote_tell(&message, -1);
    }
}

/* ---- orders ---- */

static void zygote_obey(void)
{
    struct thrumi_process_message message;
    int fds[THRUMI_MESSAGE_FDS];
    int rc = thrumi_message_receive(zygote.socket, &message, sizeof(message),
                                    fds, false);

    if (rc == -EAGAIN)
        return;
    if (rc != 0)
        zygote_end();
    if (message.kind == THRUMI_PROCESS_START)
        zygote_start(&message, fds);
    thrumi_message_close_fds(fds);
}

/* A worker that was spawned: its parent has said what it needs, and the end of
 * the socket is its own. */
static void zygote_be_spawned(const struct thrumi_process_message *message,
                              const int *fds)
{
    zygote.confine = message->confine;
    if (!thrumi_children_born(message->ending.pid))
        thrumi_children_exit(0);
    thrumi_children_forget(); /* what the program's constructors did */
    thrumi_close(zygote.socket);
    zygote_work(message->number, fds);
}

/* The file of the library may have been replaced since the owner began. */
static bool zygote_is_same(const struct thrumi_object_id *identity)
{
    const struct thrumi_object_id self = thrumi_object_self();

    return memcmp(identity, &self, sizeof(self)) == 0;
}

/* What comes first says what this process is. */
static void zygote_hello(void)
{
    struct thrumi_process_message message;
    int fds[THRUMI_MESSAGE_FDS];

    if (thrumi_message_receive(zygote.socket, &message, sizeof(message), fds,
                               true) != 0)
        zygote_end();
    if (message.kind == THRUMI_PROCESS_START)
        zygote_be_spawned(&message, fds);
    if (message.kind != THRUMI_PROCESS_HELLO || fds[0] < 0 ||
        !zygote_is_same(&message.identity))
        zygote_end();
    zygote.owner = fds[0];
    zygote.confine = message.confine;
    zygote.spawns = message.spawn != 0;
}

static void zygote_serve(void)
{
    struct thrumi_poll polls[3];

    for (;;) {
        polls[0] = (struct thrumi_poll){zygote.owner, false};
        polls[1] = (struct thrumi_poll){zygote.watch, false};
        polls[2] = (struct thrumi_poll){zygote.socket, false};
        thrumi_poll(polls, 3, THRUM_FOREVER);
        if (polls[0].ready)
            zygote_end();
        if (polls[1].ready)
            zygote_reap();
        if (polls[2].ready)
            zygote_obey();
    }
}

void thrumi_process_begin(int socket, const char *variable)
{
    zygote.socket = socket;
    zygote.variable = variable;
    thrumi_list_init(&zygote.children);
    zygote_hello();
    thrumi_children_name("thrum-zygote", 0);
    if (!zygote.spawns)
        thrumi_unwind_prepare(); /* once for all workers: they are copies */
    zygote.watch = thrumi_children_watch();
    if (zygote.watch >= 0)
        zygote_serve();
    zygote_end();
}
