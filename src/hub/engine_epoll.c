/* SPDX-License-Identifier: MIT */
/*
 * hub/engine_epoll.c - calls that are tried, and tried again when the
 * descriptor has become ready.
 *
 * A descriptor is registered once in its life, edge-triggered and for both
 * directions, when a call on it would wait for the first time. From then on the
 * entry of its number knows whether it may be ready:
 *
 *     event           sets the direction's bit
 *     -EAGAIN         clears it
 *     a short count   clears it too, on plain TCP: the next call parks without
 *                     having tried, which saves one system call in three
 *
 * but the end of a stream, an error and urgent data make the bit sticky for
 * short counts: they may have come together with the data, and no second edge
 * tells of them.
 *
 * An event carries number and generation, so one of an earlier life of the
 * number is dropped.
 *
 * A program may close a descriptor behind our back and get its number again for
 * another: the entry then says that it is registered, and it is not. So a call
 * that relies on an older registration, and has waited for one to two seconds,
 * has it made sure of, once.
 */
#include "hub/engine.h"

#include <errno.h>

#include "base/alloc.h"
#include "hub/claim.h"
#include "hub/fd.h"
#include "sys/clock.h"
#include "sys/epollfd.h"
#include "sys/fork.h"
#include "sys/wakefd.h"

#define EPOLL_EVENTS   256
#define EPOLL_OF_WAKE  UINT64_MAX
#define EPOLL_TICK     INT64_C(1000000000)
#define EPOLL_LEARN_AT 3 /* waits, after which it pays to know the kind */

struct engine_epoll {
    struct thrumi_engine engine;
    int epoll;
    int wake;                 /* an eventfd; edge-triggered, so never read */
    uint16_t fork_generation; /* of the process that made it */
    size_t waiting;           /* calls that are parked */
    struct thrumi_fd_table fds;
    struct thrumi_link young; /* of thrumi_fd_wait.aging, since the last tick */
    struct thrumi_link old;   /* and before that */
    int64_t tick;             /* when it is next; 0: not set */
    struct epoll_event events[EPOLL_EVENTS];
};

static struct engine_epoll *epoll_of(const struct thrumi_engine *engine)
{
    return thrumi_container_of(engine, struct engine_epoll, engine);
}

static bool epoll_is_inherited(const struct engine_epoll *self)
{
    return self->fork_generation != thrumi_fork_generation();
}

static uint64_t epoll_tag(int fd, const struct thrumi_fd *entry)
{
    return (uint64_t)entry->generation << 32 | (unsigned)fd;
}

/* ---- registering ---- */

/* False in *ret_fresh: it was registered before. */
static int epoll_register(struct engine_epoll *self, struct thrumi_fd *entry,
                          const struct thrumi_io *io, bool *ret_fresh)
{
    int rc = 0;

    *ret_fresh = !entry->registered;
    if (entry->waits_seen < EPOLL_LEARN_AT &&
        ++entry->waits_seen == EPOLL_LEARN_AT &&
        thrumi_io_is_plain_tcp(io->wait_fd))
        entry->kind = THRUMI_IO_TCP;
    if (entry->registered)
        return 0;
    rc = thrumi_epoll_add(self->epoll, io->wait_fd,
                          epoll_tag(io->wait_fd, entry));
    entry->registered = rc == 0;
    return rc == -EPERM ? THRUMI_IO_BLOCKS : rc;
}

/* ---- trying ---- */

/* A plain TCP socket that gave less than was asked for. */
static bool epoll_is_drained(const struct thrumi_fd *entry,
                             struct thrumi_io *io)
{
    if (entry == NULL || !entry->registered || entry->kind != THRUMI_IO_TCP ||
        io->nowait || !thrumi_io_is_plain(io))
        return false;
    thrumi_io_aim(io);
    return (entry->ready & io->wait_for) == 0;
}

/* Others wait for the same: then this one is not to overtake them. */
static bool epoll_is_behind(const struct thrumi_fd *entry, struct thrumi_io *io)
{
    unsigned turn;

    if (entry == NULL || thrumi_list_empty(&entry->waits) || io->nowait)
        return false;
    turn = thrumi_io_turn(io);
    if (turn == 0 || thrumi_fd_first(entry, turn) == NULL)
        return false;
    thrumi_io_aim(io);
    return true;
}

static void epoll_note_short(struct thrumi_fd *entry, struct thrumi_io *io)
{
    thrumi_io_aim(io);
    entry->ready &= (uint8_t)(~io->wait_for | entry->sticky);
}

/* Something is left? Then it is for the next that waits. */
static void epoll_pass_on(struct thrumi_fd *entry, struct thrumi_io *io)
{
    thrumi_io_aim(io);
    if (entry->ready & io->wait_for)
        thrumi_fd_wake_first(entry, io->wait_for);
}

/* The call was made: what it tells of the descriptor. */
static void epoll_note_result(struct engine_epoll *self, struct thrumi_io *io,
                              int64_t result)
{
    struct thrumi_fd *entry = thrumi_fd_find(&self->fds, io->fd);

    if (entry == NULL && io->kind > THRUMI_IO_SOCKET)
        entry = thrumi_fd_get(&self->fds, io->fd);
    if (entry == NULL)
        return;
    if (io->kind != THRUMI_IO_UNKNOWN)
        entry->kind = io->kind;
    if (entry->kind == THRUMI_IO_TCP && thrumi_io_is_plain(io) &&
        thrumi_io_is_short(io, result))
        epoll_note_short(entry, io);
    if (!thrumi_list_empty(&entry->waits))
        epoll_pass_on(entry, io);
}

/* A new descriptor: what was known of the number's last life is void. */
static void epoll_note_new(struct engine_epoll *self, int fd)
{
    struct thrumi_fd *entry = thrumi_fd_find(&self->fds, fd);

    if (entry == NULL)
        return;
    thrumi_fd_wake_all(entry, -EBADF);
    thrumi_fd_renew(entry);
}

static int64_t epoll_try(struct engine_epoll *self, struct thrumi_io *io)
{
    int64_t result = thrumi_io_try(io);
    struct thrumi_fd *entry;

    if (result == -EAGAIN) {
        entry = thrumi_fd_find(&self->fds, io->wait_fd);
        if (entry != NULL && io->op != THRUMI_IO_POLL)
            entry->ready &= (uint8_t)~io->wait_for;
        return result;
    }
    epoll_note_result(self, io, result);
    if (io->op == THRUMI_IO_ACCEPT && result >= 0)
        epoll_note_new(self, (int)result);
    return result;
}

/* ---- waiting ---- */

/* True: it was woken. */
static bool epoll_unlist(struct engine_epoll *self, struct thrumi_fd_wait *wait)
{
    bool woken = !thrumi_link_listed(&wait->link);

    self->waiting--;
    if (thrumi_link_listed(&wait->aging))
        thrumi_list_remove(&wait->aging);
    if (!woken)
        thrumi_list_remove(&wait->link);
    return woken;
}

/* 0, or what has become of the descriptor. */
static int epoll_gone(struct engine_epoll *self,
                      const struct thrumi_fd_wait *wait)
{
    struct thrumi_fd *entry = thrumi_fd_find(&self->fds, wait->io->wait_fd);

    if (wait->code == 0 && wait->generation != entry->generation)
        return -EBADF;
    return wait->code;
}

/* The wait has ended with `rc`: 0 when the call may be tried. */
static int epoll_conclude(struct engine_epoll *self, struct thrumi_fd *entry,
                          struct thrumi_fd_wait *wait, int rc)
{
    bool woken = epoll_unlist(self, wait);
    int gone;

    if (woken && rc != 0)
        thrumi_parking_finish(&wait->parking);
    gone = epoll_gone(self, wait);
    if (gone == 0 && woken && rc != 0 && rc != -ETIMEDOUT)
        thrumi_fd_wake_first(entry, entry->ready & wait->readiness);
    return gone != 0 ? gone : rc;
}

/* Lists a call on its descriptor. */
static int epoll_begin(struct thrumi_engine *engine, struct thrumi_io *io,
                       struct thrumi_fd_wait *wait)
{
    struct engine_epoll *self = epoll_of(engine);
    struct thrumi_fd *entry = thrumi_fd_get(&self->fds, io->wait_fd);
    bool fresh;
    int rc;

    if (entry == NULL)
        return io->wait_fd < 0 ? -EBADF : -ENOMEM;
    rc = epoll_register(self, entry, io, &fresh);
    if (rc != 0)
        return rc;
    thrumi_fd_wait_init(wait, entry->generation, io, io->wait_for);
    if (!fresh)
        thrumi_list_append(&self->young, &wait->aging);
    thrumi_list_append(&entry->waits, &wait->link);
    self->waiting++;
    return 0;
}

/* Parks until the descriptor may be ready. */
static int epoll_park(struct engine_epoll *self, struct thrumi_io *io,
                      thrum_time deadline, bool again)
{
    struct thrumi_fd_wait wait;
    struct thrumi_fd *entry;
    int rc = epoll_begin(&self->engine, io, &wait);

    if (rc != 0)
        return rc;
    entry = thrumi_fd_find(&self->fds, io->wait_fd);
    if (again) { /* it was the first before */
        thrumi_list_remove(&wait.link);
        thrumi_list_prepend(&entry->waits, &wait.link);
    }
    rc = thrumi_parking_wait(&wait.parking, deadline);
    return epoll_conclude(self, entry, &wait, rc);
}

static int epoll_end(struct thrumi_engine *engine, struct thrumi_fd_wait *wait)
{
    struct engine_epoll *self = epoll_of(engine);

    (void)epoll_unlist(self, wait);
    return epoll_gone(self, wait);
}

static int64_t epoll_run(struct thrumi_engine *engine, struct thrumi_io *io,
                         thrum_time deadline)
{
    struct engine_epoll *self = epoll_of(engine);
    struct thrumi_fd *entry = thrumi_fd_find(&self->fds, io->fd);
    int64_t result = -EAGAIN;
    bool again = false;
    int rc;

    if (entry != NULL)
        io->kind = entry->kind;
    if (!epoll_is_drained(entry, io) && !epoll_is_behind(entry, io))
        result = epoll_try(self, io);
    while (result == -EAGAIN && !io->nowait) {
        rc = epoll_park(self, io, deadline, again);
        if (rc != 0 && rc != -ETIMEDOUT)
            return rc;
        result = epoll_try(self, io);
        if (result == -EAGAIN && rc != 0)
            return rc;
        again = true;
    }
    return result;
}

/* ---- turning ---- */

static void epoll_tell(struct engine_epoll *self,
                       const struct epoll_event *event)
{
    const uint32_t broken = EPOLLHUP | EPOLLERR;
    uint32_t events = event->events;
    struct thrumi_fd *entry;
    uint8_t ready = 0;

    if (event->data.u64 == EPOLL_OF_WAKE)
        return;
    entry = thrumi_fd_find(&self->fds, (int)(uint32_t)event->data.u64);
    if (entry == NULL || entry->generation != event->data.u64 >> 32)
        return;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLPRI | broken))
        ready |= THRUMI_READABLE;
    if (events & (EPOLLOUT | broken))
        ready |= THRUMI_WRITABLE;
    if (events & (EPOLLRDHUP | EPOLLPRI | broken))
        entry->sticky |= THRUMI_READABLE;
    if (events & broken)
        entry->sticky |= THRUMI_WRITABLE;
    entry->ready |= ready;
    if (thrumi_list_empty(&entry->waits))
        return;
    thrumi_fd_wake_polls(entry, ready);
    if (ready & THRUMI_READABLE)
        thrumi_fd_wake_first(entry, THRUMI_READABLE);
    if (ready & THRUMI_WRITABLE)
        thrumi_fd_wake_first(entry, THRUMI_WRITABLE);
}

/* Is it registered still? One that was closed cannot be. */
static void epoll_make_sure(struct engine_epoll *self,
                            struct thrumi_fd_wait *wait)
{
    int fd = wait->io->wait_fd;
    struct thrumi_fd *entry = thrumi_fd_find(&self->fds, fd);
    int rc;

    if (entry == NULL)
        return; /* none that waits: those have entries */
    rc = thrumi_epoll_arm(self->epoll, fd, epoll_tag(fd, entry));
    if (rc != -EBADF)
        return;
    thrumi_fd_wake_all(entry, rc);
    thrumi_fd_renew(entry);
}

static void epoll_tick(struct engine_epoll *self, int64_t now)
{
    struct thrumi_link *link = thrumi_list_pop(&self->old);

    for (; link != NULL; link = thrumi_list_pop(&self->old))
        epoll_make_sure(
            self, thrumi_container_of(link, struct thrumi_fd_wait, aging));
    for (link = thrumi_list_pop(&self->young); link != NULL;
         link = thrumi_list_pop(&self->young))
        thrumi_list_append(&self->old, link);
    self->tick = now + EPOLL_TICK;
}

/* Ages those that wait, if any; a hub where all are old enough is left alone.
 * Returns when to look again. */
static int64_t epoll_age(struct engine_epoll *self)
{
    int64_t now;

    if (thrumi_list_empty(&self->young) && thrumi_list_empty(&self->old)) {
        self->tick = 0;
        return INT64_MAX;
    }
    now = thrumi_clock_ns();
    if (self->tick == 0)
        self->tick = now + EPOLL_TICK;
    else if (now >= self->tick)
        epoll_tick(self, now);
    return self->tick;
}

static int epoll_turn(struct thrumi_engine *engine, thrum_time deadline)
{
    struct engine_epoll *self = epoll_of(engine);
    int64_t look = epoll_age(self);
    int found;

    if (deadline.ns > look)
        deadline.ns = look;
    found =
        thrumi_epoll_wait(self->epoll, self->events, EPOLL_EVENTS, deadline);
    for (int i = 0; i < found; i++)
        epoll_tell(self, &self->events[i]);
    return found < 0 ? found : 0;
}

static void epoll_flush(struct thrumi_engine *engine)
{
    (void)engine;
}

static void epoll_interrupt(struct thrumi_engine *engine)
{
    thrumi_wakefd_set(epoll_of(engine)->wake, true);
}

static int epoll_fd(struct thrumi_engine *engine)
{
    return epoll_of(engine)->epoll;
}

/* The registration is dropped by hand: it would outlive the descriptor if the
 * description has others, or a child has it. */
static void epoll_forget(struct thrumi_engine *engine, int fd, int code)
{
    struct engine_epoll *self = epoll_of(engine);
    struct thrumi_fd *entry = thrumi_fd_find(&self->fds, fd);

    if (entry == NULL || epoll_is_inherited(self))
        return;
    if (entry->registered)
        thrumi_epoll_drop(self->epoll, fd);
    thrumi_fd_wake_all(entry, code);
    thrumi_fd_renew(entry);
}

static size_t epoll_waiting(const struct thrumi_engine *engine)
{
    return epoll_of(engine)->waiting;
}

/* ---- its life ---- */

static int epoll_open_wake(struct engine_epoll *self)
{
    int rc = thrumi_wakefd_open();

    if (rc < 0)
        return rc;
    self->wake = rc;
    rc = thrumi_epoll_add(self->epoll, self->wake, EPOLL_OF_WAKE);
    if (rc != 0)
        thrumi_wakefd_close(self->wake);
    return rc;
}

static int epoll_open(struct thrumi_engine **ret_engine)
{
    struct engine_epoll *self = thrumi_alloc_zero(sizeof(*self));
    int rc;

    if (self == NULL)
        return -ENOMEM;
    rc = thrumi_epoll_open();
    if (rc < 0)
        goto out_free;
    self->epoll = rc;
    rc = epoll_open_wake(self);
    if (rc != 0)
        goto out_close;
    self->engine.ops = &thrumi_engine_epoll;
    self->engine.fds = &self->fds;
    self->fork_generation = thrumi_fork_generation();
    thrumi_fd_init(&self->fds);
    thrumi_list_init(&self->young);
    thrumi_list_init(&self->old);
    thrumi_claim_keep(self->epoll);
    thrumi_claim_keep(self->wake);
    *ret_engine = &self->engine;
    return 0;

out_close:
    thrumi_epoll_close(self->epoll);
out_free:
    thrumi_free(self);
    return rc;
}

static void epoll_close(struct thrumi_engine *engine)
{
    struct engine_epoll *self = epoll_of(engine);

    thrumi_claim_let_go(self->epoll);
    thrumi_claim_let_go(self->wake);
    thrumi_epoll_close(self->epoll);
    thrumi_wakefd_close(self->wake);
    thrumi_fd_fini(&self->fds);
    thrumi_free(self);
}

const struct thrumi_engine_ops thrumi_engine_epoll = {
    .name = "epoll",
    .open = epoll_open,
    .close = epoll_close,
    .run = epoll_run,
    .begin = epoll_begin,
    .end = epoll_end,
    .turn = epoll_turn,
    .flush = epoll_flush,
    .interrupt = epoll_interrupt,
    .fd = epoll_fd,
    .forget = epoll_forget,
    .waiting = epoll_waiting,
};
