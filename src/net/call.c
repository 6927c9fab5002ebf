/* SPDX-License-Identifier: MIT */
/*
 * net/call.c - a call, whoever makes it in the end.
 *
 * Almost all calls are the engine's. What can only be done by waiting in the
 * kernel goes to the pool of threads for such things. It may use memory of the
 * caller's, so one that a thread is in the middle of is waited for, as the
 * system itself lets nobody go who waits for a disk.
 */
#include "net/call.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>

#include <thrum/error.h>
#include <thrum/net.h>
#include <thrum/offload.h>
#include <thrum/scope.h>

#include "hub/engine.h"
#include "hub/fd.h"
#include "hub/hub.h"
#include "sys/clock.h"
#include "sys/signals.h"

struct call_job {
    struct thrumi_io *io;
    int64_t result;
};

static void *call_run(void *arg)
{
    struct call_job *job = arg;

    job->result = thrumi_io_block(job->io);
    return NULL;
}

/* Waits for one that nobody can stop any more. */
static void call_finish(thrum_future *future)
{
    int rc = -ECANCELED;

    THRUM_SHIELD
    {
        while (rc != 0)
            rc = thrum_future_quiesce(future, THRUM_FOREVER);
    }
}

static int64_t call_elsewhere(struct thrumi_io *io, thrum_time deadline)
{
    struct call_job job = {.io = io};
    thrum_future *future;
    int rc;

    if (thrumi_context_in_callback(thrumi_context_running()))
        return THRUM_ECONTEXT;
    rc = thrum_offload_future(call_run, &job, &future);
    if (rc != 0)
        return rc;
    rc = thrum_future_result(future, deadline, NULL);
    if (rc != 0 && !thrum_future_cancel(future)) {
        call_finish(future);
        rc = 0;
    }
    thrum_future_unref(future);
    return rc != 0 ? rc : job.result;
}

/* A file was read, and the connection that it is sent to has no room. */
static int64_t call_await_room(const struct thrumi_io *io, thrum_time deadline)
{
    struct thrumi_io room = {
        .op = THRUMI_IO_POLL, .fd = io->fd, .flags = POLLOUT};
    int64_t result = thrumi_hub_io(&room, deadline);

    return result < 0 ? result : 0;
}

/* What the engine has not done is done by a thread. */
static int64_t call_go_on(struct thrumi_io *io, int64_t result,
                          thrum_time deadline)
{
    if (thrumi_likely(result != THRUMI_IO_BLOCKS))
        return result;
    if (io->nowait)
        return -EAGAIN;
    result = call_elsewhere(io, deadline);
    while (result == -EAGAIN && io->op == THRUMI_IO_SENDFILE) {
        result = call_await_room(io, deadline);
        if (result == 0)
            result = call_elsewhere(io, deadline);
    }
    return result;
}

/* By its engine, or by a thread. */
static int64_t call_make(struct thrumi_io *io, thrum_time deadline)
{
    return call_go_on(io, thrumi_hub_io(io, deadline), deadline);
}

/* ---- as the descriptor is set ---- */

/* Whether the program tells of changes is in the lowest bit, how often it has
 * told of one in the others. */
#define CALL_TOLD   1u
#define CALL_CHANGE 2u

#define CALL_TRUST_NS INT64_C(1000000000)

static atomic_uint call_settings;

void thrum_fd_told(bool told)
{
    unsigned now = atomic_load_explicit(&call_settings, memory_order_relaxed);
    unsigned next;

    do
        next = ((now + CALL_CHANGE) & ~CALL_TOLD) | (told ? CALL_TOLD : 0);
    /* release: as in thrum_fd_changed() */
    while (!atomic_compare_exchange_weak_explicit(&call_settings, &now, next,
                                                  memory_order_release,
                                                  memory_order_relaxed));
}

void thrum_fd_changed(void)
{
    /* release: whoever asks the system after having seen it sees the change */
    atomic_fetch_add_explicit(&call_settings, CALL_CHANGE,
                              memory_order_release);
}

/* After a try: what is no socket is known by then. Pipes and ttys are left out,
 * which other processes have too. */
static bool call_is_of_socket(const struct thrumi_io *io)
{
    return io->op <= THRUMI_IO_ACCEPT && io->kind <= THRUMI_IO_SOCKET;
}

/* What the hub knows of the descriptor, if that may be relied on. */
static struct thrumi_fd *call_known(const struct thrumi_io *io,
                                    unsigned settings)
{
    struct thrumi_hub *hub = thrumi_hub_current();

    if ((settings & CALL_TOLD) == 0 || hub == NULL || hub->engine == NULL)
        return NULL;
    return thrumi_fd_find(hub->engine->fds, io->fd);
}

static bool call_is_patient(const struct thrumi_io *io, unsigned settings)
{
    const struct thrumi_fd *entry = call_known(io, settings);

    return entry != NULL && entry->settings == settings &&
           (entry->patient & thrumi_io_turn(io)) != 0;
}

/* For how long the descriptor lets the call wait; for ever is remembered. */
static thrum_time call_ask(const struct thrumi_io *io, unsigned settings)
{
    thrum_time deadline = thrumi_io_patience(io);
    struct thrumi_fd *entry = call_known(io, settings);

    if (entry == NULL || !call_is_of_socket(io) ||
        deadline.ns != THRUM_FOREVER.ns)
        return deadline;
    if (entry->settings != settings)
        entry->patient = 0;
    entry->settings = settings;
    entry->patient |= (uint8_t)thrumi_io_turn(io);
    return deadline;
}

/* A signal handler ends the wait of the thread's own program, as it ends that of
 * a program without greenlets; those of greenlets go on. */
static int64_t call_wait(struct thrumi_io *io, thrum_time deadline)
{
    struct thrumi_context *context =
        thrumi_context_carrier(thrumi_context_running());
    struct thrumi_hub *hub = thrumi_hub_current();
    bool before = context->interruptible;
    int64_t result;

    if (hub != NULL && hub->thread == context)
        context->interruptible = true;
    do
        result = thrumi_hub_io(io, deadline);
    while (result == -EINTR && !thrumi_signal_ends_calls());
    context->interruptible = before;
    return call_go_on(io, result, deadline);
}

/* Waits with the deadline that the descriptor has: past it, -EAGAIN. */
static int64_t call_until(struct thrumi_io *io, thrum_time deadline)
{
    int64_t result;

    io->nowait = false;
    result = call_wait(io, deadline);
    return result == -ETIMEDOUT && thrumi_time_past(deadline) ? -EAGAIN
                                                              : result;
}

/* A descriptor that is known to wait for ever is not asked until the call has
 * waited for a while: it may have been set by one who does not tell, another
 * process for instance.
 *
 * Not inline: of those who wait only few come here, and whoever waits keeps what
 * its frames have touched. */
static __attribute__((noinline)) int64_t call_as_set(struct thrumi_io *io)
{
    /* acquire: pairs with thrum_fd_changed() */
    unsigned settings =
        atomic_load_explicit(&call_settings, memory_order_acquire);
    bool asked = io->nowait;
    thrum_time deadline;
    int64_t result;

    if (!asked && call_is_patient(io, settings)) {
        result =
            call_until(io, thrum_at_ns(thrumi_hub_here()->now + CALL_TRUST_NS));
        if (result != -EAGAIN)
            return result;
    }
    io->nowait = true;
    result = call_make(io, THRUM_FOREVER);
    if (result != -EAGAIN || asked)
        return result;
    deadline = call_ask(io, settings);
    return deadline.ns == 0 ? -EAGAIN : call_until(io, deadline);
}

int64_t thrumi_net_io(struct thrumi_io *io, thrum_time deadline)
{
    if (thrumi_unlikely(deadline.ns == THRUM_AS_SET.ns))
        return call_as_set(io);
    return call_make(io, deadline);
}

int thrum_fd_fresh(int fd)
{
    return thrumi_net_fresh(fd);
}

int thrumi_net_fresh(int fd)
{
    struct thrumi_hub *hub = thrumi_hub_current();

    if (fd >= 0 && hub != NULL && hub->engine != NULL)
        hub->engine->ops->forget(hub->engine, fd, -EBADF);
    return fd;
}
