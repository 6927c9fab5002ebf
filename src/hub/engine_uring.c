/* SPDX-License-Identifier: MIT */
/*
 * hub/engine_uring.c - calls that the kernel makes.
 *
 * A call is written into a slot of the ring, and its caller parks until the
 * result is there. What all greenlets of a turn have written goes to the kernel
 * in one system call, which also waits for results.
 *
 * Some calls do not go that way, see uring_way.c.
 *
 * A call whose wait ends early is cancelled, and its caller stays parked until
 * the kernel has let go of it, for its buffer lies on the caller's stack. If it
 * was done by then, it is done. One that a thread of the kernel is in the
 * middle of, as with files, is waited for.
 *
 * Calls lie on the list of their descriptor, so that those on one that is to be
 * closed can be cancelled: each holds the description open. The kernel has one
 * for each direction; the others wait for their turn.
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
#include "hub/claim.h"
#include "hub/fd.h"
#include "hub/uring_way.h"
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
static int uring_enter(struct engine_uring *self, bool wait,
                       thrum_time deadline)
{
    int rc = thrumi_uring_enter(&self->ring, wait, deadline);

    uring_reap(self);
    if (rc != 0 && rc != -EINTR && rc != -EBUSY && rc != -EAGAIN &&
        rc != -ENOMEM)
        uring_lost(rc);
    return rc == -EINTR ? rc : 0;
}

/* ---- calls ---- */

/* Room for a call; what is written already is handed over if there is none. */
static struct io_uring_sqe *uring_slot(struct engine_uring *self)
{
    struct io_uring_sqe *slot = thrumi_uring_slot(&self->ring);

    while (slot == NULL) {
        (void)uring_enter(self, false, THRUM_NOW);
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

/* What came of it. One that only says to try again must not be tried on what
 * has the number now. */
static int64_t uring_conclude(struct uring_call *call, struct thrumi_io *io,
                              const struct thrumi_fd *entry, int rc)
{
    bool gone = entry != NULL && entry->generation != call->wait.generation;

    if (call->result < 0 && call->wait.code != 0)
        return call->wait.code;
    if ((call->result == -ECANCELED || call->result == -EINTR) && rc != 0)
        return rc;
    if (gone && (call->result == -EAGAIN || io->op == THRUMI_IO_POLL))
        return -EBADF;
    if (call->result >= 0)
        thrumi_uring_conclude(io, &call->message);
    return call->result;
}

static int64_t uring_call(struct engine_uring *self, struct thrumi_io *io,
                          thrum_time deadline)
{
    struct thrumi_fd *entry = thrumi_fd_get(&self->fds, io->fd);
    struct uring_call call;
    int rc;

    if (entry == NULL && io->fd >= 0)
        return -ENOMEM;
    if (thrumi_context_in_callback(thrumi_context_running()))
        return THRUM_ECONTEXT;
    thrumi_fd_wait_init(&call.wait, entry != NULL ? entry->generation : 0, io,
                        0);
    thrumi_uring_prepare(uring_slot(self), io, &call.message,
                         (uint64_t)(uintptr_t)&call.wait);
    thrumi_list_append(entry != NULL ? &entry->waits : &self->loose,
                       &call.wait.link);
    rc = uring_wait(self, &call, deadline);
    return uring_conclude(&call, io, entry, rc);
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

/* ---- making a call ---- */

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

static bool uring_is_nonblocking(const struct engine_uring *self, int fd)
{
    const struct thrumi_fd *entry = thrumi_fd_find(&self->fds, fd);

    return entry != NULL && entry->nonblocking;
}

/* The kernel does not wait on what has O_NONBLOCK: from now on we do. */
static int64_t uring_go_on(struct engine_uring *self, struct thrumi_io *io,
                           thrum_time deadline)
{
    struct thrumi_fd *entry = thrumi_fd_find(&self->fds, io->fd);

    if (entry != NULL)
        entry->nonblocking = true;
    io->started = io->op == THRUMI_IO_CONNECT;
    return uring_try(self, io, deadline);
}

/* What somebody else has begun to connect is waited for, too. */
static int64_t uring_go_on_connecting(struct engine_uring *self,
                                      struct thrumi_io *io, int64_t result,
                                      thrum_time deadline)
{
    if (result == -EALREADY)
        return uring_try(self, io, deadline);
    if (result == -EAGAIN || result == -EINPROGRESS)
        return uring_go_on(self, io, deadline);
    return result;
}

static int64_t uring_go(struct engine_uring *self, struct thrumi_io *io,
                        thrum_time deadline)
{
    enum thrumi_uring_way way = thrumi_uring_way(io);
    int64_t result = -EAGAIN;

    if (way == THRUMI_URING_BY_TRY || io->nowait || io->started ||
        uring_is_nonblocking(self, io->fd))
        return uring_try(self, io, deadline);
    if (way == THRUMI_URING_AT_FIRST)
        result = thrumi_io_try(io);
    if (result == -EAGAIN || result == THRUMI_IO_BLOCKS)
        result = uring_call(self, io, deadline);
    if (io->op == THRUMI_IO_CONNECT)
        return uring_go_on_connecting(self, io, result, deadline);
    if (result == -EAGAIN)
        result = uring_go_on(self, io, deadline);
    return result;
}

/* When those that came first are done: the kernel does not say which of several
 * calls on one descriptor it makes first. So it gets one for each direction; bits
 * in the entry's `ready` say that it has. */
static int64_t uring_go_in_turn(struct engine_uring *self, struct thrumi_io *io,
                                thrum_time deadline)
{
    unsigned turn = io->nowait || io->fd < 0 ? 0 : thrumi_io_turn(io);
    struct thrumi_fd *entry;
    uint32_t generation;
    int64_t result;

    if (turn == 0)
        return uring_go(self, io, deadline);
    entry = thrumi_fd_get(&self->fds, io->fd);
    if (entry == NULL)
        return -ENOMEM;
    if (entry->ready & turn) {
        self->waiting++;
        result = thrumi_fd_await_turn(entry, turn, io, deadline);
        self->waiting--;
        if (result != 0)
            return result;
    }
    entry->ready |= (uint8_t)turn;
    generation = entry->generation;
    result = uring_go(self, io, deadline);
    thrumi_fd_pass_turn(entry, turn, generation);
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
        return uring_enter(self, true, deadline);
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

/* Ends the first that is not ended yet; what comes back meanwhile leaves the
 * list. One that waits for its turn is not the kernel's. */
static bool uring_end_next(struct engine_uring *self, struct thrumi_link *list,
                           int code)
{
    struct thrumi_link *link = list->next;
    struct thrumi_fd_wait *wait = NULL;

    for (; link != list; link = link->next) {
        wait = thrumi_container_of(link, struct thrumi_fd_wait, link);
        if (wait->code == 0)
            break;
    }
    if (link == list)
        return false;
    wait->code = code;
    if (wait->readiness == 0) {
        uring_cancel(self, wait);
    } else {
        thrumi_list_remove(link);
        thrumi_parking_wake(&wait->parking);
    }
    return true;
}

/* Cancels all on the list, and waits until the kernel has let go of them. */
static void uring_take_back(struct engine_uring *self, struct thrumi_link *list,
                            int code)
{
    while (uring_end_next(self, list, code))
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

static int64_t uring_run(struct thrumi_engine *engine, struct thrumi_io *io,
                         thrum_time deadline)
{
    struct engine_uring *self = uring_of(engine);
    int64_t result = uring_learn(self, io);

    if (result != 0)
        return result;
    result = uring_go_in_turn(self, io, deadline);
    if (result == -ENOTSOCK && io->op <= THRUMI_IO_WRITEV) {
        thrumi_fd_get(&self->fds, io->fd)->kind = THRUMI_IO_UNKNOWN;
        result = uring_learn(self, io);
        if (result == 0)
            result = uring_go_in_turn(self, io, deadline);
    }
    if (io->op == THRUMI_IO_ACCEPT && result >= 0)
        uring_forget(engine, (int)result, -EBADF); /* it was closed unseen */
    return result;
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
    self->engine.fds = &self->fds;
    self->fork_generation = thrumi_fork_generation();
    thrumi_fd_init(&self->fds);
    thrumi_list_init(&self->loose);
    thrumi_claim_keep(self->ring.fd);
    thrumi_claim_keep(self->wake);
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
    thrumi_claim_let_go(self->ring.fd);
    thrumi_claim_let_go(self->wake);
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
