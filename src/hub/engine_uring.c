/* SPDX-License-Identifier: MIT */
/*
 * hub/engine_uring.c - calls that the kernel makes.
 *
 * A call is written into a slot of the ring, and its caller parks until the
 * result is there. What all greenlets of a turn have written goes to the kernel
 * in one system call, which also waits for results.
 *
 * Some calls do not go that way, see uring_way():
 *
 *     send, when nobody else can run    at once: a turn of its own is dearer
 *     files, in the page cache          at once, if it is there
 *     what io_uring does not have, and  tried, and polled for by the ring
 *     writes that would raise SIGPIPE
 *     descriptors with O_NONBLOCK       the kernel says EAGAIN: as above
 *
 * A call whose wait ends early is cancelled, and its caller stays parked until
 * the kernel has let go of it, for its buffer lies on the caller's stack. If it
 * was done by then, it is done. One that a thread of the kernel is in the
 * middle of, as with files, is waited for.
 *
 * Calls lie on the list of their descriptor, so that those on one that is to be
 * closed can be cancelled: each holds the description open.
 *
 * The data of a result is the address of its call, or one of the small numbers
 * below.
 */
#include "hub/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <thrum/error.h>

#include "base/alloc.h"
#include "hub/fd.h"
#include "hub/hub.h"
#include "sys/fork.h"
#include "sys/uringfd.h"
#include "sys/wakefd.h"

enum {
    URING_OF_CANCEL = 1, /* one that came too late */
    URING_OF_WAKE = 2,   /* the eventfd */
};

struct engine_uring {
    struct thrumi_engine engine;
    struct thrumi_uring ring;
    int wake;                 /* an eventfd, watched; never read */
    bool watched;             /* the ring watches it */
    uint16_t fork_generation; /* of the process that made it */
    size_t waiting;           /* calls that are parked */
    struct thrumi_fd_table fds;
    struct thrumi_link loose; /* calls on no descriptor */
};

/* A call that the kernel has. */
struct uring_call {
    struct thrumi_fd_wait wait; /* listed until its result is there */
    int result;
    struct thrumi_uring_message message;
};

static struct engine_uring *uring_of(const struct thrumi_engine *engine)
{
    return thrumi_container_of(engine, struct engine_uring, engine);
}

static bool uring_is_inherited(const struct engine_uring *self)
{
    return self->fork_generation != thrumi_fork_generation();
}

/* ---- results ---- */

static void uring_settle(struct engine_uring *self,
                         const struct thrumi_uring_result *result)
{
    struct uring_call *call;

    if (result->data == URING_OF_CANCEL)
        return;
    if (result->data == URING_OF_WAKE) {
        self->watched = result->more;
        return;
    }
    call = thrumi_container_of((struct thrumi_fd_wait *)(uintptr_t)result->data,
                               struct uring_call, wait);
    call->result = result->result;
    thrumi_list_remove(&call->wait.link);
    thrumi_parking_wake(&call->wait.parking);
}

static void uring_reap(struct engine_uring *self)
{
    struct thrumi_uring_result result;

    while (thrumi_uring_next(&self->ring, &result))
        uring_settle(self, &result);
}

/* Calls that the kernel has cannot be taken back, and their buffers lie on
 * stacks: without the ring there is no going on. */
static void uring_lost(int rc)
{
    fprintf(stderr,
            "thrum: io_uring is gone (%s): was its descriptor closed, or was "
            "it forbidden after it was made?\n",
            thrum_strerror(rc));
    abort();
}

/* Results that have no room keep the kernel from taking calls: they are taken
 * first, and then it goes on. */
static void uring_enter(struct engine_uring *self, bool wait,
                        thrum_time deadline)
{
    int rc = thrumi_uring_enter(&self->ring, wait, deadline);

    uring_reap(self);
    if (rc != 0 && rc != -EBUSY && rc != -EAGAIN && rc != -ENOMEM)
        uring_lost(rc);
}

/* ---- calls ---- */

/* Room for a call; what is written already is handed over if there is none. */
static struct io_uring_sqe *uring_slot(struct engine_uring *self)
{
    struct io_uring_sqe *slot = thrumi_uring_slot(&self->ring);

    while (slot == NULL) {
        uring_enter(self, false, THRUM_NOW);
        slot = thrumi_uring_slot(&self->ring);
    }
    return slot;
}

/* Its result may be there by the time that there is room: then the kernel finds
 * nothing. */
static void uring_cancel(struct engine_uring *self, struct thrumi_fd_wait *wait)
{
    thrumi_uring_prepare_cancel(uring_slot(self), (uint64_t)(uintptr_t)wait,
                                URING_OF_CANCEL);
}

/* Hands the call to the kernel, and parks until it is back. */
static int uring_wait(struct engine_uring *self, struct uring_call *call,
                      thrum_time deadline)
{
    int rc;

    self->waiting++;
    rc = thrumi_parking_wait(&call->wait.parking, deadline);
    if (rc != 0) {
        if (thrumi_link_listed(&call->wait.link))
            uring_cancel(self, &call->wait);
        thrumi_parking_finish(&call->wait.parking);
    }
    self->waiting--;
    return rc;
}

/* The list of those that wait on the descriptor; NULL without memory. */
static struct thrumi_link *uring_list_of(struct engine_uring *self, int fd)
{
    struct thrumi_fd *entry;

    if (fd < 0)
        return &self->loose;
    entry = thrumi_fd_get(&self->fds, fd);
    return entry != NULL ? &entry->waits : NULL;
}

static int64_t uring_call(struct engine_uring *self, struct thrumi_io *io,
                          thrum_time deadline)
{
    struct thrumi_link *list = uring_list_of(self, io->fd);
    struct uring_call call;
    int rc;

    if (list == NULL)
        return -ENOMEM;
    if (thrumi_context_in_callback(thrumi_context_running()))
        return THRUM_ECONTEXT;
    thrumi_fd_wait_init(&call.wait, 0, io, 0);
    thrumi_uring_prepare(uring_slot(self), io, &call.message,
                         (uint64_t)(uintptr_t)&call.wait);
    thrumi_list_append(list, &call.wait.link);
    rc = uring_wait(self, &call, deadline);
    if (call.result == -ECANCELED || call.result == -EINTR) {
        if (call.wait.code != 0)
            return call.wait.code;
        if (rc != 0)
            return rc;
    }
    if (call.result >= 0)
        thrumi_uring_conclude(io, &call.message);
    return call.result;
}

/* Tries, and polls in between. */
static int64_t uring_try(struct engine_uring *self, struct thrumi_io *io,
                         thrum_time deadline)
{
    int64_t result = thrumi_io_try(io);

    while (result == -EAGAIN && !io->nowait) {
        struct thrumi_io wait;
        int64_t rc;

        thrumi_io_await(&wait, io);
        rc = uring_call(self, &wait, deadline);
        if (rc < 0)
            return rc;
        result = thrumi_io_try(io);
    }
    return result;
}

/* ---- which way ---- */

enum uring_way {
    URING_BY_RING,
    URING_BY_TRY,   /* and polls */
    URING_AT_FIRST, /* tries once, then by the ring */
};

static bool uring_is_send(const struct thrumi_io *io)
{
    return io->op == THRUMI_IO_SEND || io->op == THRUMI_IO_SENDTO ||
           io->op == THRUMI_IO_SENDMSG ||
           ((io->op == THRUMI_IO_WRITE || io->op == THRUMI_IO_WRITEV) &&
            io->kind <= THRUMI_IO_SOCKET);
}

/* A write to what is no socket and no file can raise SIGPIPE. */
static enum uring_way uring_way_of_write(const struct thrumi_io *io)
{
    if (io->kind == THRUMI_IO_PIPE || io->kind == THRUMI_IO_DEVICE)
        return io->sigpipe ? URING_BY_RING : URING_BY_TRY;
    if (io->kind == THRUMI_IO_FILE)
        return URING_AT_FIRST;
    return thrumi_hub_has_ready() ? URING_BY_RING : URING_AT_FIRST;
}

static enum uring_way uring_way(const struct thrumi_io *io)
{
    switch (io->op) {
    case THRUMI_IO_READ:
    case THRUMI_IO_READV:
        if (io->length == 0)
            return URING_BY_TRY;
        return io->kind == THRUMI_IO_FILE ? URING_AT_FIRST : URING_BY_RING;
    case THRUMI_IO_WRITE:
    case THRUMI_IO_WRITEV:
        return io->length == 0 ? URING_BY_TRY : uring_way_of_write(io);
    case THRUMI_IO_PREAD:
    case THRUMI_IO_PREADV:
    case THRUMI_IO_PWRITE:
    case THRUMI_IO_PWRITEV:
        return URING_AT_FIRST;
    default:
        if (!thrumi_uring_can(io))
            return URING_BY_TRY;
        return uring_is_send(io) && !thrumi_hub_has_ready() ? URING_AT_FIRST
                                                            : URING_BY_RING;
    }
}

/* Which way a read or write goes depends on what the descriptor is. */
static int uring_learn(struct engine_uring *self, struct thrumi_io *io)
{
    struct thrumi_fd *entry;

    if (io->op > THRUMI_IO_WRITEV || io->fd < 0)
        return 0;
    entry = thrumi_fd_get(&self->fds, io->fd);
    if (entry == NULL)
        return -ENOMEM;
    if (entry->kind == THRUMI_IO_UNKNOWN)
        entry->kind = thrumi_io_kind_of(io->fd);
    io->kind = entry->kind;
    return 0;
}

/* What was known of the number is wrong, or void. */
static void uring_unlearn(struct engine_uring *self, int fd)
{
    struct thrumi_fd *entry = thrumi_fd_find(&self->fds, fd);

    if (entry != NULL)
        entry->kind = THRUMI_IO_UNKNOWN;
}

static int64_t uring_go(struct engine_uring *self, struct thrumi_io *io,
                        thrum_time deadline)
{
    enum uring_way way = uring_way(io);
    int64_t result = -EAGAIN;

    if (way == URING_BY_TRY || io->nowait || io->started)
        return uring_try(self, io, deadline);
    if (way == URING_AT_FIRST)
        result = thrumi_io_try(io);
    if (result == -EAGAIN || result == THRUMI_IO_BLOCKS)
        result = uring_call(self, io, deadline);
    if (io->op == THRUMI_IO_CONNECT &&
        (result == -EINPROGRESS || result == -EAGAIN)) {
        io->started = true;
        result = -EAGAIN;
    }
    if (result == -EAGAIN) /* it has O_NONBLOCK */
        result = uring_try(self, io, deadline);
    return result;
}

static int64_t uring_run(struct thrumi_engine *engine, struct thrumi_io *io,
                         thrum_time deadline)
{
    struct engine_uring *self = uring_of(engine);
    int64_t result = uring_learn(self, io);

    if (result != 0)
        return result;
    result = uring_go(self, io, deadline);
    if (result == -ENOTSOCK && io->op <= THRUMI_IO_WRITEV) {
        uring_unlearn(self, io->fd);
        result = uring_learn(self, io);
        if (result == 0)
            result = uring_go(self, io, deadline);
    }
    if (io->op == THRUMI_IO_ACCEPT && result >= 0)
        uring_unlearn(self, (int)result);
    return result;
}

/* ---- turning ---- */

static void uring_watch(struct engine_uring *self)
{
    if (self->watched)
        return;
    thrumi_uring_prepare_watch(uring_slot(self), self->wake, URING_OF_WAKE);
    self->watched = true;
}

static int uring_turn(struct thrumi_engine *engine, thrum_time deadline)
{
    struct engine_uring *self = uring_of(engine);

    uring_watch(self);
    if (deadline.ns > 0 || !thrumi_uring_idle(&self->ring))
        uring_enter(self, true, deadline);
    return 0;
}

static void uring_flush(struct thrumi_engine *engine)
{
    (void)uring_turn(engine, THRUM_NOW);
}

static void uring_interrupt(struct thrumi_engine *engine)
{
    thrumi_wakefd_set(uring_of(engine)->wake, true);
}

static int uring_fd(struct thrumi_engine *engine)
{
    return uring_of(engine)->ring.fd;
}

/* Cancels the first that is not yet; what comes back meanwhile leaves the list.
 */
static bool uring_cancel_next(struct engine_uring *self,
                              struct thrumi_link *list, int code)
{
    struct thrumi_link *link = list->next;

    for (; link != list; link = link->next) {
        struct thrumi_fd_wait *wait =
            thrumi_container_of(link, struct thrumi_fd_wait, link);

        if (wait->code == 0) {
            wait->code = code;
            uring_cancel(self, wait);
            return true;
        }
    }
    return false;
}

/* Cancels all on the list, and waits until the kernel has let go of them. */
static void uring_take_back(struct engine_uring *self, struct thrumi_link *list,
                            int code)
{
    while (uring_cancel_next(self, list, code))
        ;
    while (!thrumi_list_empty(list))
        uring_enter(self, true, THRUM_FOREVER);
}

static void uring_forget(struct thrumi_engine *engine, int fd, int code)
{
    struct engine_uring *self = uring_of(engine);
    struct thrumi_fd *entry = thrumi_fd_find(&self->fds, fd);

    if (entry == NULL || uring_is_inherited(self))
        return;
    uring_take_back(self, &entry->waits, code);
    thrumi_fd_renew(entry);
}

static size_t uring_waiting(const struct thrumi_engine *engine)
{
    return uring_of(engine)->waiting;
}

/* ---- its life ---- */

static int uring_open(struct thrumi_engine **ret_engine)
{
    struct engine_uring *self = thrumi_alloc_zero(sizeof(*self));
    int rc;

    if (self == NULL)
        return -ENOMEM;
    rc = thrumi_uring_open(&self->ring);
    if (rc != 0)
        goto out_free;
    rc = thrumi_wakefd_open();
    if (rc < 0)
        goto out_close;
    self->wake = rc;
    self->engine.ops = &thrumi_engine_uring;
    self->fork_generation = thrumi_fork_generation();
    thrumi_fd_init(&self->fds);
    thrumi_list_init(&self->loose);
    uring_watch(self);
    *ret_engine = &self->engine;
    return 0;

out_close:
    thrumi_uring_close(&self->ring, false);
out_free:
    thrumi_free(self);
    return rc;
}

/* Greenlets that would not end when their thread did may still wait: what is
 * left of them must not be written to. */
static void uring_take_all_back(struct engine_uring *self)
{
    struct thrumi_fd *entry;

    uring_take_back(self, &self->loose, -ECANCELED);
    for (int fd = 0; thrumi_fd_next(&self->fds, &fd, &entry); fd++)
        uring_take_back(self, &entry->waits, -ECANCELED);
}

static void uring_close(struct thrumi_engine *engine)
{
    struct engine_uring *self = uring_of(engine);

    if (self->waiting > 0 && !uring_is_inherited(self))
        uring_take_all_back(self);
    thrumi_uring_close(&self->ring, uring_is_inherited(self));
    thrumi_wakefd_close(self->wake);
    thrumi_fd_fini(&self->fds);
    thrumi_free(self);
}

const struct thrumi_engine_ops thrumi_engine_uring = {
    .name = "uring",
    .open = uring_open,
    .close = uring_close,
    .run = uring_run,
    .turn = uring_turn,
    .flush = uring_flush,
    .interrupt = uring_interrupt,
    .fd = uring_fd,
    .forget = uring_forget,
    .waiting = uring_waiting,
};
