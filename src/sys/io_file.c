/* SPDX-License-Identifier: MIT */
/*
 * sys/io_file.c - read and write without a wait, whatever the descriptor is.
 *
 * What it is decides how it is asked, and asking costs a system call, so the
 * first guess is a socket. Each way notices when it is the wrong one:
 *
 *     socket   recv, send with MSG_DONTWAIT       else: ENOTSOCK
 *     pipe     RWF_NOWAIT                         else: EOPNOTSUPP
 *     device   poll, then as much as there is     works with all that polls
 *     file     RWF_NOWAIT: what is in the page cache. Files in memory do not
 *              know the flag, and never wait; others are read and written in
 *              the kernel's own time, by whoever can wait.
 *
 * Between poll and read somebody else may take what was there, and the read
 * waits: a tty, or a FIFO, is not to be read by two hubs.
 *
 * No SIGPIPE unless asked for: RWF_NOSIGNAL, of Linux 6.18, does it for pipes;
 * before that the signal is blocked, and taken, around the call.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/io.h"
#include "sys/io_parts.h"

#ifndef RWF_NOWAIT
# define RWF_NOWAIT 0x00000008
#endif
#ifndef RWF_NOSIGNAL
# define RWF_NOSIGNAL 0x00000100
#endif

/* The room of a tty that polls as writable is not told; this much there is. */
#define FILE_TTY_CHUNK 256

/* So many pieces of a vector are looked at when only a part may be used. */
#define FILE_PIECES 8

/* What a call reads or writes, as a vector. */
struct file_span {
    struct iovec some[FILE_PIECES]; /* of the vector, or all of a buffer */
    const struct iovec *vector;
    int count;
    int64_t at; /* -1: where the description stands */
};

/* This kernel has refused RWF_NOSIGNAL. */
static atomic_bool file_must_guard;

static void file_span_of(struct file_span *span, const struct thrumi_io *io)
{
    bool many = io->op == THRUMI_IO_READV || io->op == THRUMI_IO_WRITEV ||
                io->op == THRUMI_IO_PREADV || io->op == THRUMI_IO_PWRITEV;
    bool at = io->op == THRUMI_IO_PREAD || io->op == THRUMI_IO_PWRITE ||
              io->op == THRUMI_IO_PREADV || io->op == THRUMI_IO_PWRITEV;

    span->some[0].iov_base = many ? NULL : io->into;
    span->some[0].iov_len = io->length;
    span->vector = many ? io->vector : span->some;
    span->count = many ? (int)io->length : 1;
    span->at = at ? io->offset : -1;
}

/* ---- SIGPIPE ---- */

struct file_guard {
    sigset_t pipe;
    sigset_t before;
    bool pending; /* one was there before */
};

static void file_guard_up(struct file_guard *guard)
{
    sigset_t pending;

    sigemptyset(&guard->pipe);
    sigaddset(&guard->pipe, SIGPIPE);
    sigpending(&pending);
    guard->pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &guard->pipe, &guard->before);
}

static void file_guard_down(struct file_guard *guard, int64_t result)
{
    const struct timespec now = {0, 0};

    if (result == -EPIPE && !guard->pending)
        while (sigtimedwait(&guard->pipe, NULL, &now) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
}

static int64_t file_pwrite(int fd, const struct file_span *span, int flags)
{
    return thrumi_io_result(
        pwritev2(fd, span->vector, span->count, span->at, flags));
}

static int64_t file_pwrite_guarded(int fd, const struct file_span *span,
                                   int flags)
{
    struct file_guard guard;
    int64_t result;

    file_guard_up(&guard);
    result = file_pwrite(fd, span, flags);
    file_guard_down(&guard, result);
    return result;
}

/* A kernel that does not know the flag, and a file that does not know
 * RWF_NOWAIT, give the same error: the second call tells which it was. */
static int64_t file_write(const struct thrumi_io *io,
                          const struct file_span *span, int flags)
{
    int64_t result;

    if (io->sigpipe)
        return file_pwrite(io->fd, span, flags);
    /* relaxed: it only saves a call */
    if (!atomic_load_explicit(&file_must_guard, memory_order_relaxed)) {
        result = file_pwrite(io->fd, span, flags | RWF_NOSIGNAL);
        if (result != -EOPNOTSUPP)
            return result;
    }
    result = file_pwrite_guarded(io->fd, span, flags);
    if (result != -EOPNOTSUPP)
        atomic_store_explicit(&file_must_guard, true, memory_order_relaxed);
    return result;
}

/* ---- sockets ---- */

static bool file_is_empty(const struct iovec *vector, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (vector[i].iov_len != 0)
            return false;
    return true;
}

/* To read nothing does not wait. */
static int64_t file_recv(struct thrumi_io *io)
{
    struct msghdr message = {.msg_iov = NULL};
    int64_t result;

    if (io->op == THRUMI_IO_READ)
        return thrumi_io_result(
            recv(io->fd, io->into, io->length, MSG_DONTWAIT));
    message.msg_iov = io->into;
    message.msg_iovlen = io->length;
    result = thrumi_io_result(recvmsg(io->fd, &message, MSG_DONTWAIT));
    if (result == -EAGAIN && file_is_empty(io->vector, io->length))
        return 0;
    return result;
}

static int64_t file_send(struct thrumi_io *io)
{
    int flags = MSG_DONTWAIT | (io->sigpipe ? 0 : MSG_NOSIGNAL);
    struct msghdr message = {.msg_iov = NULL};

    if (io->op == THRUMI_IO_WRITE)
        return thrumi_io_result(send(io->fd, io->from, io->length, flags));
    message.msg_iov = io->into;
    message.msg_iovlen = io->length;
    return thrumi_io_result(sendmsg(io->fd, &message, flags));
}

/* ---- pipes ---- */

static int64_t file_nowait(struct thrumi_io *io, bool write)
{
    struct file_span span;

    file_span_of(&span, io);
    if (thrumi_fault("rwf_nowait"))
        return -EOPNOTSUPP;
    if (write)
        return file_write(io, &span, RWF_NOWAIT);
    return thrumi_io_result(
        preadv2(io->fd, span.vector, span.count, span.at, RWF_NOWAIT));
}

/* ---- devices ---- */

/* How much a write can put there for sure, once it polls as writable. */
static size_t file_room(int fd)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return 1;
    if (S_ISFIFO(status.st_mode))
        return PIPE_BUF;
    return isatty(fd) ? FILE_TTY_CHUNK : SIZE_MAX;
}

/* Only the first so many bytes, or fewer. */
static void file_narrow(struct file_span *span, size_t most)
{
    int count = 0;

    for (; count < span->count && count < FILE_PIECES && most > 0; count++) {
        span->some[count] = span->vector[count];
        if (span->some[count].iov_len > most)
            span->some[count].iov_len = most;
        most -= span->some[count].iov_len;
    }
    span->vector = span->some;
    span->count = count;
}

/* What lies there, so that a read takes no more than that; 0: not told. */
static size_t file_there(int fd)
{
    int bytes = 0;

    if (ioctl(fd, FIONREAD, &bytes) != 0 || bytes < 0)
        return 0;
    return (size_t)bytes;
}

static int64_t file_device_read(struct thrumi_io *io)
{
    struct file_span span;
    size_t there;
    int ready = thrumi_io_poll(io->fd, POLLIN);

    if (ready < 0)
        return ready;
    if (ready == 0)
        return -EAGAIN;
    file_span_of(&span, io);
    there = file_there(io->fd);
    if (there > 0)
        file_narrow(&span, there);
    return thrumi_io_result(readv(io->fd, span.vector, span.count));
}

static int64_t file_device_write(struct thrumi_io *io)
{
    struct file_span span;
    int ready = thrumi_io_poll(io->fd, POLLOUT);

    if (ready < 0)
        return ready;
    if (ready == 0)
        return -EAGAIN;
    file_span_of(&span, io);
    if (!thrumi_io_nonblocking(io->fd))
        file_narrow(&span, file_room(io->fd));
    if (io->sigpipe)
        return file_pwrite(io->fd, &span, 0);
    return file_pwrite_guarded(io->fd, &span, 0);
}

/* ---- files ---- */

/* Does the file live in memory, so that it never waits for a disk? */
static bool file_in_memory(int fd)
{
    struct statfs system;

    if (fstatfs(fd, &system) != 0)
        return false;
    switch ((unsigned long)system.f_type) {
    case TMPFS_MAGIC:
    case RAMFS_MAGIC:
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
        return true;
    default:
        return false;
    }
}

static int64_t file_plain(struct thrumi_io *io, bool write)
{
    struct file_span span;

    file_span_of(&span, io);
    if (write)
        return file_pwrite(io->fd, &span, 0);
    return thrumi_io_result(
        preadv2(io->fd, span.vector, span.count, span.at, 0));
}

static int64_t file_regular(struct thrumi_io *io, bool write)
{
    int64_t result = file_nowait(io, write);

    if (result == -EAGAIN)
        return THRUMI_IO_BLOCKS;
    if (result != -EOPNOTSUPP)
        return result;
    return file_in_memory(io->fd) ? file_plain(io, write) : THRUMI_IO_BLOCKS;
}

/* ---- which of them ---- */

/* One round; false when the kind was wrong, and is another now. */
static bool file_try_kind(struct thrumi_io *io, bool write, int64_t *result)
{
    switch (io->kind) {
    case THRUMI_IO_FILE:
        *result = file_regular(io, write);
        return true;
    case THRUMI_IO_DEVICE:
        *result = write ? file_device_write(io) : file_device_read(io);
        return true;
    case THRUMI_IO_PIPE:
        *result = file_nowait(io, write);
        if (*result != -EOPNOTSUPP)
            return true;
        io->kind = THRUMI_IO_DEVICE;
        return false;
    default:
        *result = write ? file_send(io) : file_recv(io);
        if (*result != -ENOTSOCK && *result != -EOPNOTSUPP)
            return true;
        io->kind = thrumi_io_kind_of(io->fd);
        return false;
    }
}

static int64_t file_try(struct thrumi_io *io, bool write)
{
    int64_t result = -EBADF;

    if (io->length == 0) { /* recv would take a message */
        result = file_nowait(io, write);
        return result == -EOPNOTSUPP ? 0 : result;
    }
    for (int round = 0; round < 3; round++)
        if (file_try_kind(io, write, &result))
            break;
    if (result == -EAGAIN)
        thrumi_io_aim(io);
    return result;
}

int64_t thrumi_io_try_read(struct thrumi_io *io)
{
    return file_try(io, false);
}

int64_t thrumi_io_try_write(struct thrumi_io *io)
{
    return file_try(io, true);
}

int64_t thrumi_io_try_at(struct thrumi_io *io)
{
    return file_regular(io, io->op == THRUMI_IO_PWRITE ||
                                io->op == THRUMI_IO_PWRITEV);
}
