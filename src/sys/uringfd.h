/* SPDX-License-Identifier: MIT */
/*
 * sys/uringfd.h - io_uring: calls handed to the kernel, and their results.
 *
 *     thrumi_uring_slot()      room for one call
 *     thrumi_uring_prepare()   writes the call there
 *     thrumi_uring_enter()     hands over what was written, and waits
 *     thrumi_uring_next()      takes one result
 *
 * Only the thread that opened a ring may use it.
 */
#ifndef THRUMI_SYS_URINGFD_H
#define THRUMI_SYS_URINGFD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <thrum/base.h>

#include "sys/io.h"

struct io_uring_cqe;
struct io_uring_sqe;

struct thrumi_uring {
    int fd;               /* for poll() */
    int enter_fd;         /* for calls: a registered number, or fd */
    unsigned enter_flags; /* says which */
    unsigned taken;       /* slots filled: the tail that the kernel gets */
    /* The queue of calls, shared with the kernel. */
    atomic_uint *sq_head;
    atomic_uint *sq_tail;
    atomic_uint *sq_flags;
    unsigned sq_mask;
    struct io_uring_sqe *slots;
    /* The queue of results. */
    atomic_uint *cq_head;
    atomic_uint *cq_tail;
    unsigned cq_mask;
    struct io_uring_cqe *results;
    void *queues; /* both, in one mapping */
    size_t queues_size;
    size_t slots_size;
};

struct thrumi_uring_result {
    uint64_t data; /* as it was given with the call */
    int result;    /* or -errno */
    bool more;     /* a call that gives several results goes on */
};

/* What some calls are made of; lives until their result is there. */
struct thrumi_uring_message {
    struct msghdr message;
    struct iovec one;
};

/* 0, or -errno: -EPERM where io_uring is forbidden, -ENOSYS where it is not
 * there or too old. */
int thrumi_uring_open(struct thrumi_uring *ring);
/* `inherited`: in a forked child, which must not touch the parent's ring. */
void thrumi_uring_close(struct thrumi_uring *ring, bool inherited);

/* An empty slot, or NULL when all are taken: enter, and ask again. */
struct io_uring_sqe *thrumi_uring_slot(struct thrumi_uring *ring);

/* Can io_uring make this call? */
bool thrumi_uring_can(const struct thrumi_io *io);
void thrumi_uring_prepare(struct io_uring_sqe *slot, const struct thrumi_io *io,
                          struct thrumi_uring_message *message, uint64_t data);
/* After the result: what the call says of itself besides. */
void thrumi_uring_conclude(struct thrumi_io *io,
                           const struct thrumi_uring_message *message);
/* To cancel the call that was given with `victim`. A result with `data` comes
 * only when that does not succeed. */
void thrumi_uring_prepare_cancel(struct io_uring_sqe *slot, uint64_t victim,
                                 uint64_t data);
/* A result each time that the descriptor becomes readable. */
void thrumi_uring_prepare_watch(struct io_uring_sqe *slot, int fd,
                                uint64_t data);

/* Would enter without a wait find nothing to do? */
bool thrumi_uring_idle(const struct thrumi_uring *ring);
/* Hands over all that is written; with `wait` it waits to the deadline until
 * there is a result, and else only looks for results. 0; -EINTR after a
 * signal; -EBUSY, -EAGAIN: take results first; other errors cannot be mended. */
int thrumi_uring_enter(struct thrumi_uring *ring, bool wait,
                       thrum_time deadline);
/* False: there is none. */
bool thrumi_uring_next(struct thrumi_uring *ring,
                       struct thrumi_uring_result *result);

#endif /* THRUMI_SYS_URINGFD_H */
