/* SPDX-License-Identifier: MIT */
/*
 * net/ring.h - a ring of io_uring for one thread, by liburing.
 *
 * What a completion is of stands in its user data: a small number, what was
 * asked for, in the low bits, and whose it is above.
 */
#ifndef BENCH_NET_RING_H
#define BENCH_NET_RING_H

#include <liburing.h>
#include <stddef.h>
#include <stdint.h>

#include "program.h"

#define RING_KINDS   4 /* things to ask for; a power of 2 */
#define RING_ENTRIES 2048
#define RING_ENDED   32768 /* completions that have room */

/* Work is done where the ring's thread asks for it; on a kernel before 6.1
 * wherever the thread is. */
static inline void ring_open(struct io_uring *ring)
{
    struct io_uring_params how = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_CQSIZE,
        .cq_entries = RING_ENDED,
    };
    int rc = io_uring_queue_init_params(RING_ENTRIES, ring, &how);

    if (rc == -EINVAL) {
        how = (struct io_uring_params){.flags = IORING_SETUP_CQSIZE,
                                       .cq_entries = RING_ENDED};
        rc = io_uring_queue_init_params(RING_ENTRIES, ring, &how);
    }
    if (rc < 0)
        bench_die("no io_uring");
    io_uring_register_ring_fd(ring);
}

static inline struct io_uring_sqe *ring_sqe(struct io_uring *ring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

    if (!sqe) {
        io_uring_submit(ring);
        sqe = io_uring_get_sqe(ring);
        if (!sqe)
            bench_die("a ring that takes no more");
    }
    return sqe;
}

/* After it was prepared. */
static inline void ring_mark(struct io_uring_sqe *sqe, const void *whose,
                             unsigned kind)
{
    io_uring_sqe_set_data64(sqe, (uintptr_t)whose | kind);
}

static inline unsigned ring_kind(const struct io_uring_cqe *cqe)
{
    return cqe->user_data & (RING_KINDS - 1);
}

static inline void *ring_whose(const struct io_uring_cqe *cqe)
{
    return (void *)(uintptr_t)(cqe->user_data & ~(uint64_t)(RING_KINDS - 1));
}

/* Submits, and waits until something has ended. */
static inline void ring_wait(struct io_uring *ring)
{
    io_uring_submit_and_wait(ring, 1);
}

/* fn(cqe) for each of what has ended. */
static inline void ring_reap(struct io_uring *ring,
                             void (*fn)(const struct io_uring_cqe *))
{
    struct io_uring_cqe *cqe;
    unsigned head, n = 0;

    io_uring_for_each_cqe(ring, head, cqe)
    {
        fn(cqe);
        n++;
    }
    io_uring_cq_advance(ring, n);
}

#endif /* BENCH_NET_RING_H */
