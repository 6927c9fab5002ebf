/* SPDX-License-Identifier: MIT */
/*
 * hub/engine.h - what a hub's I/O goes through: epoll or io_uring.
 *
 * Whoever makes a call gives its turn away until the call is done, and cannot
 * tell which engine did it. An engine belongs to one hub and is used by that
 * hub's thread alone, but for interrupt().
 *
 * Operation and choice: docs/design/engines.md.
 */
#ifndef THRUMI_HUB_ENGINE_H
#define THRUMI_HUB_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <thrum/base.h>

#include "sys/io.h"

struct thrumi_fd_table;
struct thrumi_fd_wait;

struct thrumi_engine {
    const struct thrumi_engine_ops *ops;
    struct thrumi_fd_table *fds; /* what it knows of descriptors */
};

struct thrumi_engine_ops {
    const char *name; /* as in THRUM_LOOP */

    /* Made by the thread that will use it. 0 or -errno. */
    int (*open)(struct thrumi_engine **ret_engine);
    /* Nothing may wait in it any more. In a forked child it lets go of what
     * was inherited and leaves the parent's alone. */
    void (*close)(struct thrumi_engine *engine);

    /* Makes a call, and parks the caller until it is done: its result, or
     * -errno. Of the wait: -ETIMEDOUT, -ECANCELED; -EBADF when the descriptor
     * was closed meanwhile; -EDEADLK; THRUM_ECONTEXT. THRUMI_IO_BLOCKS: let
     * another thread do it, by thrumi_io_block(). A call that was done before
     * its wait ended is done, whatever ended the wait. */
    int64_t (*run)(struct thrumi_engine *engine, struct thrumi_io *io,
                   thrum_time deadline);

    /* One of several polls that wait at once, or NULL where they cannot: begins
     * one that is aimed, and that wakes wait->whom, which the caller sets when
     * that is done: 0, or as run(). And ends it, whether it was woken or not:
     * 0, or what has become of the descriptor. */
    int (*begin)(struct thrumi_engine *engine, struct thrumi_io *io,
                 struct thrumi_fd_wait *wait);
    int (*end)(struct thrumi_engine *engine, struct thrumi_fd_wait *wait);

    /* Waits to the deadline for something to happen, and wakes those whose call
     * is done or may go on; one in the past only looks. Never parks. 0;
     * -EINTR after a signal; else -errno, of which none can be mended. */
    int (*turn)(struct thrumi_engine *engine, thrum_time deadline);
    /* Hands to the kernel what waits to be handed over; to be called before
     * something else than turn() waits on fd(). */
    void (*flush)(struct thrumi_engine *engine);
    /* Ends a turn that waits, or the next one at once. From any thread, and
     * from signal handlers. */
    void (*interrupt)(struct thrumi_engine *engine);
    /* Polls as readable when a turn would find something. */
    int (*fd)(struct thrumi_engine *engine);

    /* The descriptor is about to be closed or replaced: who waits on it gets
     * `code`, and what was known of it is dropped. When it returns the kernel
     * holds nothing of it. May wait in the kernel for a moment; never parks. */
    void (*forget)(struct thrumi_engine *engine, int fd, int code);

    /* How many calls wait. */
    size_t (*waiting)(const struct thrumi_engine *engine);
};

extern const struct thrumi_engine_ops thrumi_engine_epoll;
extern const struct thrumi_engine_ops thrumi_engine_uring;

/* Makes the engine that THRUM_LOOP names, or the one that is best here. 0 or
 * -errno; -EINVAL when it names none, and the error of io_uring when that is
 * named and cannot be had. */
int thrumi_engine_open(struct thrumi_engine **ret_engine);

#endif /* THRUMI_HUB_ENGINE_H */
