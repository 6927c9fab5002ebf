/* SPDX-License-Identifier: MIT */
/*
 * monkey/file_fifo.c - a FIFO is opened when both of its ends are.
 *
 * In a thread of its own the open could not be given up, and those that wait for
 * each other could use up all threads. So the end is opened with O_NONBLOCK, by
 * which it is there for the other as an open that waits would be, and then waited
 * for (P36). The flag is taken away before anybody else knows of the descriptor.
 *
 *     to write   ENXIO says that nobody reads yet, and nothing tells when somebody
 *                does: it is tried again and again. One who opens it to read
 *                without a wait, and is gone after some milliseconds, is missed.
 *     to read    a writer shows by what it writes, and by its end, which poll()
 *                tells. One that keeps silent shows by tee(), which copies what
 *                lies there and says EAGAIN, and not the end, if a writer is there
 *                and nothing lies there.
 */
#include "monkey/file_fifo.h"

#include <errno.h>
#include <poll.h>

#include <thrum/net.h>

#include "monkey/again.h"
#include "monkey/hooks.h"

struct fifo_open {
    int folder;
    const char *path;
    int flags;
};

static int64_t fifo_try(void *arg)
{
    const struct fifo_open *open = arg;
    int fd = thrumi_original.openat(open->folder, open->path,
                                    open->flags | O_NONBLOCK);

    if (fd >= 0)
        return fd;
    return errno == ENXIO ? -EAGAIN : -errno;
}

/* ---- reading ---- */

struct fifo_reader {
    int fd;
    int copy[2]; /* a pipe for tee() */
};

/* Has one opened it to write, ever since we have opened it to read? */
static int64_t fifo_has_writer(void *arg)
{
    const struct fifo_reader *reader = arg;
    struct pollfd seen = {reader->fd, POLLIN, 0};

    if (poll(&seen, 1, 0) > 0 ||
        tee(reader->fd, reader->copy[1], 1, SPLICE_F_NONBLOCK) != 0)
        return 0;
    return -EAGAIN;
}

static int fifo_pause(void *arg, thrum_time end)
{
    const struct fifo_reader *reader = arg;

    return thrum_poll_one(reader->fd, POLLIN, end);
}

static int fifo_await_writer(int fd)
{
    struct fifo_reader reader = {.fd = fd};
    int rc;

    if (pipe2(reader.copy, O_CLOEXEC) != 0)
        return -errno;
    rc = (int)thrumi_again_with(fifo_has_writer, fifo_pause, &reader);
    (void)close(reader.copy[0]);
    (void)close(reader.copy[1]);
    return rc;
}

/* ---- either ---- */

static int fifo_open_end(int folder, const char *path, int flags)
{
    struct fifo_open open = {folder, path, flags};
    int fd = (int)thrumi_again(fifo_try, &open);
    int rc = 0;

    if (fd < 0)
        return fd;
    (void)thrum_fd_fresh(fd);
    if ((flags & O_ACCMODE) == O_RDONLY)
        rc = fifo_await_writer(fd);
    if (rc == 0 &&
        thrumi_original.fcntl(
            fd, F_SETFL, thrumi_original.fcntl(fd, F_GETFL) & ~O_NONBLOCK) != 0)
        rc = -errno;
    if (rc == 0)
        return fd;
    (void)thrum_close(fd);
    return rc;
}

/* With both ends it does not wait. */
int thrumi_fifo_open(int folder, const char *path, int flags)
{
    int fd;

    if ((flags & O_ACCMODE) != O_RDWR)
        return fifo_open_end(folder, path, flags);
    fd = thrumi_original.openat(folder, path, flags);
    return (int)thrumi_from_errno(fd);
}
