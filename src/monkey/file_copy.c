/* SPDX-License-Identifier: MIT */
/*
 * monkey/file_copy.c - from one descriptor to another within the kernel.
 *
 * sendfile() goes on until all is sent, as libc's does. The others move what
 * there is and has room, so it is waited until both ends are ready, and then they
 * are asked not to wait (P38). A file is always ready; only the disk keeps it,
 * so the call is made elsewhere. A socket knows no such asking: so little is moved
 * at a time that what is ready has room for it.
 *
 * O_NONBLOCK of either end, and SPLICE_F_NONBLOCK where the kernel looks at it, are
 * honoured.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include <thrum/file.h>
#include <thrum/net.h>

#include "monkey/again.h"
#include "monkey/descriptor.h"
#include "monkey/elsewhere.h"
#include "monkey/hooks.h"

#define COPY_SOCKET ((size_t)16 << 10) /* what is moved to one at a time */

static mode_t copy_type(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 ? status.st_mode & S_IFMT : 0;
}

static bool copy_is_file(int fd)
{
    mode_t type = copy_type(fd);

    return type == S_IFREG || type == S_IFBLK;
}

/* ---- sendfile ---- */

/* Nobody is there to read what nothing was written of. */
static int64_t copy_broken(int64_t result)
{
    if (result == -EPIPE)
        (void)raise(SIGPIPE);
    return result;
}

/* From a file to whatever is not one, in pieces. */
static int64_t copy_send(int out, int in, off_t *offset, size_t n)
{
    size_t done = 0;

    while (done < n) {
        int64_t result =
            thrum_sendfile(out, in, offset, n - done, THRUM_AS_SET);

        if (result <= 0)
            return done > 0 ? (int64_t)done : copy_broken(result);
        done += (size_t)result;
    }
    return (int64_t)done;
}

struct copy_sendfile {
    int out;
    int in;
    off_t *offset;
    size_t n;
    ssize_t result;
};

static void copy_run_sendfile(void *arg)
{
    struct copy_sendfile *call = arg;

    call->result =
        thrumi_original.sendfile(call->out, call->in, call->offset, call->n);
}

/* An offset below 0 is an error, and would be another thing to Thrum: where the
 * file stands. */
ssize_t thrumi_hook_sendfile(int out, int in, off_t *offset, size_t n)
{
    struct copy_sendfile call = {out, in, offset, n, 0};

    if (thrumi_monkey_outside() || n == 0 || (offset != NULL && *offset < 0))
        return thrumi_original.sendfile(out, in, offset, n);
    if (!copy_is_file(out))
        return thrumi_to_errno(copy_send(out, in, offset, n));
    thrumi_elsewhere(copy_run_sendfile, &call);
    return call.result;
}

/* ---- copy_file_range ---- */

struct copy_range {
    int in;
    off64_t *in_offset;
    int out;
    off64_t *out_offset;
    size_t n;
    unsigned flags;
    ssize_t result;
};

static void copy_run_range(void *arg)
{
    struct copy_range *call = arg;

    call->result =
        thrumi_original.copy_file_range(call->in, call->in_offset, call->out,
                                        call->out_offset, call->n, call->flags);
}

ssize_t thrumi_hook_copy_file_range(int in, off64_t *in_offset, int out,
                                    off64_t *out_offset, size_t n,
                                    unsigned flags)
{
    struct copy_range call = {in, in_offset, out, out_offset, n, flags, 0};

    if (thrumi_monkey_outside())
        return thrumi_original.copy_file_range(in, in_offset, out, out_offset,
                                               n, flags);
    thrumi_elsewhere(copy_run_range, &call);
    return call.result;
}

/* ---- pipes ---- */

/* A call with one end or two. */
struct copy_call {
    void (*run)(void *arg);
    int in; /* -1: there is no such end */
    int out;
    off64_t *in_offset;
    off64_t *out_offset;
    const struct iovec *pieces; /* vmsplice */
    size_t n;
    unsigned flags;
    bool pipe_waits; /* for what comes, or for room */
    bool on_disk;    /* one of the ends is a file */
    int64_t result;  /* a count or a code */
};

static bool copy_has_nonblock(int fd)
{
    return fd >= 0 && thrumi_descriptor_never_waits(fd);
}

/* Is SPLICE_F_NONBLOCK for this end? Other sockets than these have O_NONBLOCK
 * alone. */
static bool copy_takes_flag(int fd)
{
    socklen_t length = sizeof(int);
    int family = AF_UNSPEC;

    return copy_type(fd) == S_IFIFO ||
           (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length) == 0 &&
            family == AF_UNIX);
}

/* Until the end is ready, where its own flags have it waited for: what poll()
 * says of it, 0 if it was not asked, or a code. */
static int copy_await(const struct copy_call *call, int fd, unsigned events)
{
    if (fd < 0 || (!call->pipe_waits && copy_takes_flag(fd)))
        return 0;
    return thrum_poll_one(fd, events, THRUM_AS_SET);
}

/* A pipe that nobody reads raises SIGPIPE, so in this thread. */
static void copy_make(struct copy_call *call, int events)
{
    if (call->on_disk && (events & POLLERR) == 0)
        thrumi_elsewhere(call->run, call);
    else
        call->run(call);
}

/* -EAGAIN: another was faster, so once more. The result is in the call. */
static int64_t copy_round(void *arg)
{
    struct copy_call *call = arg;
    int events = copy_await(call, call->in, POLLIN);

    if (events >= 0)
        events = copy_await(call, call->out, POLLOUT);
    call->result = events;
    if (events < 0)
        return 0;
    copy_make(call, events);
    if (call->result != -EAGAIN || !call->pipe_waits ||
        copy_has_nonblock(call->in) || copy_has_nonblock(call->out))
        return 0;
    return -EAGAIN;
}

static int64_t copy_move(struct copy_call *call)
{
    int64_t rc = thrumi_again(copy_round, call);

    return rc < 0 ? rc : call->result;
}

/* ---- splice ---- */

static void copy_run_splice(void *arg)
{
    struct copy_call *call = arg;

    call->result = thrumi_from_errno(thrumi_original.splice(
        call->in, call->in_offset, call->out, call->out_offset, call->n,
        call->flags | SPLICE_F_NONBLOCK));
}

/* To what waits for room without being asked to: what is in the pipe, until it
 * is empty. */
static int64_t copy_in_pieces(struct copy_call *call)
{
    size_t n = call->n;
    size_t done = 0;
    int64_t result;

    do {
        call->n = n - done < COPY_SOCKET ? n - done : COPY_SOCKET;
        result = copy_move(call);
        if (result <= 0)
            return done > 0 ? (int64_t)done : result;
        done += (size_t)result;
        call->pipe_waits = false;
    } while (done < n);
    return (int64_t)done;
}

static int64_t copy_splice(struct copy_call *call)
{
    mode_t in = copy_type(call->in);
    mode_t out = copy_type(call->out);

    if (in == S_IFIFO && out == S_IFIFO &&
        (copy_has_nonblock(call->in) || copy_has_nonblock(call->out)))
        call->pipe_waits = false;
    call->on_disk = copy_is_file(call->in) || copy_is_file(call->out);
    if (call->on_disk || out == S_IFIFO || copy_has_nonblock(call->out))
        return copy_move(call);
    return copy_in_pieces(call);
}

/* One that may not be used so: it would never be ready. */
static bool copy_cannot(int fd, int other_mode)
{
    int flags = thrumi_original.fcntl(fd, F_GETFL);

    return flags < 0 || (flags & O_ACCMODE) == other_mode;
}

/* Neither end is a pipe, or both are the same. */
static bool copy_is_no_way(int in, int out)
{
    struct stat from, to;

    if (fstat(in, &from) != 0 || fstat(out, &to) != 0)
        return true;
    if (!S_ISFIFO(from.st_mode) || !S_ISFIFO(to.st_mode))
        return !S_ISFIFO(from.st_mode) && !S_ISFIFO(to.st_mode);
    return from.st_dev == to.st_dev && from.st_ino == to.st_ino;
}

/* The system has an error for it at once, and it would be waited for here. */
static bool copy_is_wrong(int in, int out)
{
    return copy_cannot(in, O_WRONLY) || copy_cannot(out, O_RDONLY) ||
           copy_is_no_way(in, out);
}

ssize_t thrumi_hook_splice(int in, off64_t *in_offset, int out,
                           off64_t *out_offset, size_t n, unsigned flags)
{
    struct copy_call call = {.run = copy_run_splice,
                             .in = in,
                             .in_offset = in_offset,
                             .out = out,
                             .out_offset = out_offset,
                             .n = n,
                             .flags = flags,
                             .pipe_waits = (flags & SPLICE_F_NONBLOCK) == 0};

    if (thrumi_monkey_outside() || n == 0 || copy_is_wrong(in, out))
        return thrumi_original.splice(in, in_offset, out, out_offset, n, flags);
    return thrumi_to_errno(copy_splice(&call));
}

/* ---- tee and vmsplice, of pipes only ---- */

static void copy_run_tee(void *arg)
{
    struct copy_call *call = arg;

    call->result = thrumi_from_errno(thrumi_original.tee(
        call->in, call->out, call->n, call->flags | SPLICE_F_NONBLOCK));
}

ssize_t thrumi_hook_tee(int in, int out, size_t n, unsigned flags)
{
    struct copy_call call = {.run = copy_run_tee,
                             .in = in,
                             .out = out,
                             .n = n,
                             .flags = flags,
                             .pipe_waits = true};

    if (thrumi_monkey_outside() || n == 0 || (flags & SPLICE_F_NONBLOCK) != 0 ||
        copy_has_nonblock(in) || copy_has_nonblock(out) ||
        copy_is_wrong(in, out) || copy_type(in) != copy_type(out))
        return thrumi_original.tee(in, out, n, flags);
    return thrumi_to_errno(copy_move(&call));
}

static void copy_run_vmsplice(void *arg)
{
    struct copy_call *call = arg;
    int pipe = call->in >= 0 ? call->in : call->out;

    call->result = thrumi_from_errno(thrumi_original.vmsplice(
        pipe, call->pieces, call->n, call->flags | SPLICE_F_NONBLOCK));
}

ssize_t thrumi_hook_vmsplice(int fd, const struct iovec *pieces, size_t n,
                             unsigned flags)
{
    struct copy_call call = {.run = copy_run_vmsplice,
                             .in = -1,
                             .out = -1,
                             .pieces = pieces,
                             .n = n,
                             .flags = flags,
                             .pipe_waits = true};
    bool reads;

    if (thrumi_monkey_outside() || n == 0 || (flags & SPLICE_F_NONBLOCK) != 0 ||
        copy_has_nonblock(fd))
        return thrumi_original.vmsplice(fd, pieces, n, flags);
    reads = (thrumi_original.fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
    *(reads ? &call.in : &call.out) = fd;
    return thrumi_to_errno(copy_move(&call));
}
