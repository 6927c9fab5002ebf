/* SPDX-License-Identifier: MIT */
/*
 * sys/io.c - one call on a descriptor: what it waits for, and which file here
 * makes it.
 *
 *     io_socket.c   recv, send, accept, connect
 *     io_file.c     read and write, of whatever the descriptor is
 *     io_copy.c     sendfile, splice
 *
 * Calls of files that take their time (open, stat, fsync) cannot be made
 * without a wait at all, and say so.
 */
#include "sys/io.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/io_parts.h"

const char *thrumi_io_wish(unsigned char op)
{
    static const char *const wishes[THRUMI_IO_OPS] = {
        [THRUMI_IO_READ] = "read of descriptor #",
        [THRUMI_IO_WRITE] = "write of descriptor #",
        [THRUMI_IO_READV] = "readv of descriptor #",
        [THRUMI_IO_WRITEV] = "writev of descriptor #",
        [THRUMI_IO_PREAD] = "pread of descriptor #",
        [THRUMI_IO_PWRITE] = "pwrite of descriptor #",
        [THRUMI_IO_PREADV] = "preadv of descriptor #",
        [THRUMI_IO_PWRITEV] = "pwritev of descriptor #",
        [THRUMI_IO_RECV] = "recv of descriptor #",
        [THRUMI_IO_SEND] = "send of descriptor #",
        [THRUMI_IO_RECVFROM] = "recvfrom of descriptor #",
        [THRUMI_IO_SENDTO] = "sendto of descriptor #",
        [THRUMI_IO_RECVMSG] = "recvmsg of descriptor #",
        [THRUMI_IO_SENDMSG] = "sendmsg of descriptor #",
        [THRUMI_IO_ACCEPT] = "accept of descriptor #",
        [THRUMI_IO_CONNECT] = "connect of descriptor #",
        [THRUMI_IO_POLL] = "poll of descriptor #",
        [THRUMI_IO_SENDFILE] = "sendfile of descriptor #",
        [THRUMI_IO_SPLICE] = "splice of descriptor #",
        [THRUMI_IO_OPENAT] = "openat",
        [THRUMI_IO_STATX] = "statx",
        [THRUMI_IO_FSYNC] = "fsync of descriptor #",
    };

    return wishes[op];
}

int thrumi_io_poll(int fd, unsigned events)
{
    struct pollfd one = {fd, (short)events, 0};

    if (poll(&one, 1, 0) < 0)
        return errno == EINTR ? 0 : -errno;
    if (one.revents & POLLNVAL)
        return -EBADF;
    return (unsigned short)one.revents;
}

bool thrumi_io_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

/* No protocol above it (kTLS) that gives its data in records. */
bool thrumi_io_is_plain_tcp(int fd)
{
    char above[16] = "";
    socklen_t length = sizeof(above);
    int protocol = 0;
    socklen_t protocol_length = sizeof(protocol);

    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &protocol_length) !=
            0 ||
        protocol != IPPROTO_TCP)
        return false;
    return getsockopt(fd, IPPROTO_TCP, TCP_ULP, above, &length) == 0 &&
           length == 0;
}

unsigned char thrumi_io_kind_of(int fd)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return THRUMI_IO_UNKNOWN;
    if (S_ISSOCK(status.st_mode))
        return THRUMI_IO_SOCKET;
    if (S_ISCHR(status.st_mode))
        return THRUMI_IO_DEVICE;
    if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) ||
        S_ISBLK(status.st_mode))
        return THRUMI_IO_FILE;
    return THRUMI_IO_PIPE;
}

/* Which directions poll's events lie in; errors show in both. */
static unsigned io_directions(unsigned events)
{
    unsigned readiness = 0;

    if (events & (POLLOUT | POLLWRNORM | POLLWRBAND))
        readiness |= THRUMI_WRITABLE;
    if ((events & (POLLIN | POLLRDNORM | POLLRDBAND | POLLPRI | POLLRDHUP)) ||
        readiness == 0)
        readiness |= THRUMI_READABLE;
    return readiness;
}

/* Calls that put something into the descriptor. */
static bool io_is_write(unsigned char op)
{
    const uint32_t writes = 1u << THRUMI_IO_WRITE | 1u << THRUMI_IO_WRITEV |
                            1u << THRUMI_IO_PWRITE | 1u << THRUMI_IO_PWRITEV |
                            1u << THRUMI_IO_SEND | 1u << THRUMI_IO_SENDTO |
                            1u << THRUMI_IO_SENDMSG | 1u << THRUMI_IO_CONNECT |
                            1u << THRUMI_IO_SENDFILE | 1u << THRUMI_IO_SPLICE;

    return (writes >> op & 1) != 0;
}

thrum_time thrumi_io_patience(const struct thrumi_io *io)
{
    struct timeval limit = {0, 0};
    socklen_t length = sizeof(limit);
    int option = io_is_write(io->op) ? SO_SNDTIMEO : SO_RCVTIMEO;

    if (io->kind == THRUMI_IO_FILE) /* O_NONBLOCK means nothing to it */
        return THRUM_FOREVER;
    if (thrumi_io_nonblocking(io->fd))
        return THRUM_NOW;
    if (io->kind == THRUMI_IO_PIPE || io->kind == THRUMI_IO_DEVICE ||
        getsockopt(io->fd, SOL_SOCKET, option, &limit, &length) != 0 ||
        (limit.tv_sec == 0 && limit.tv_usec == 0))
        return THRUM_FOREVER;
    return thrum_in_ns(limit.tv_sec * INT64_C(1000000000) +
                       limit.tv_usec * INT64_C(1000));
}

void thrumi_io_aim(struct thrumi_io *io)
{
    unsigned readiness = THRUMI_READABLE;

    if (io->op == THRUMI_IO_POLL)
        readiness = io_directions(io->flags);
    else if (io_is_write(io->op))
        readiness = THRUMI_WRITABLE;
    (void)thrumi_io_again(io, io->fd, readiness);
}

unsigned thrumi_io_turn(const struct thrumi_io *io)
{
    const uint32_t ins = 1u << THRUMI_IO_RECV | 1u << THRUMI_IO_RECVFROM |
                         1u << THRUMI_IO_RECVMSG | 1u << THRUMI_IO_ACCEPT |
                         1u << THRUMI_IO_READ | 1u << THRUMI_IO_READV;
    const uint32_t outs = 1u << THRUMI_IO_SEND | 1u << THRUMI_IO_SENDTO |
                          1u << THRUMI_IO_SENDMSG | 1u << THRUMI_IO_WRITE |
                          1u << THRUMI_IO_WRITEV | 1u << THRUMI_IO_SENDFILE;

    if (io->kind == THRUMI_IO_FILE)
        return 0;
    if (ins >> io->op & 1)
        return THRUMI_READABLE;
    return (outs >> io->op & 1) != 0 ? THRUMI_WRITABLE : 0;
}

void thrumi_io_await(struct thrumi_io *wait, const struct thrumi_io *io)
{
    *wait = (struct thrumi_io){.op = THRUMI_IO_POLL, .fd = io->wait_fd};
    if (io->wait_for & THRUMI_READABLE)
        wait->flags |= POLLIN;
    if (io->wait_for & THRUMI_WRITABLE)
        wait->flags |= POLLOUT;
}

bool thrumi_io_is_plain(const struct thrumi_io *io)
{
    const uint32_t plain = 1u << THRUMI_IO_READ | 1u << THRUMI_IO_WRITE |
                           1u << THRUMI_IO_RECV | 1u << THRUMI_IO_SEND;

    return (plain >> io->op & 1) != 0 && io->length > 0 &&
           (io->flags & ~(unsigned)(MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE)) ==
               0;
}

static int64_t io_try_poll(struct thrumi_io *io)
{
    int rc = thrumi_io_poll(io->fd, io->flags);

    if (rc != 0)
        return rc;
    return thrumi_io_again(io, io->fd, io_directions(io->flags));
}

static int64_t io_dispatch(struct thrumi_io *io)
{
    switch ((enum thrumi_io_op)io->op) {
    case THRUMI_IO_READ:
    case THRUMI_IO_READV:
        return thrumi_io_try_read(io);
    case THRUMI_IO_WRITE:
    case THRUMI_IO_WRITEV:
        return thrumi_io_try_write(io);
    case THRUMI_IO_PREAD:
    case THRUMI_IO_PWRITE:
    case THRUMI_IO_PREADV:
    case THRUMI_IO_PWRITEV:
        return thrumi_io_try_at(io);
    case THRUMI_IO_RECV:
    case THRUMI_IO_SEND:
    case THRUMI_IO_RECVFROM:
    case THRUMI_IO_SENDTO:
    case THRUMI_IO_RECVMSG:
    case THRUMI_IO_SENDMSG:
        return thrumi_io_transfer(io, MSG_DONTWAIT);
    case THRUMI_IO_ACCEPT:
        return thrumi_io_try_accept(io);
    case THRUMI_IO_CONNECT:
        return thrumi_io_try_connect(io);
    case THRUMI_IO_POLL:
        return io_try_poll(io);
    case THRUMI_IO_SENDFILE:
        return thrumi_io_try_sendfile(io);
    case THRUMI_IO_SPLICE:
        return thrumi_io_try_splice(io);
    case THRUMI_IO_OPENAT:
    case THRUMI_IO_STATX:
    case THRUMI_IO_FSYNC:
        return THRUMI_IO_BLOCKS;
    case THRUMI_IO_OPS:
        break;
    }
    return -ENOSYS;
}

int64_t thrumi_io_try(struct thrumi_io *io)
{
    int64_t result;

    if (thrumi_fault("io_again")) {
        thrumi_io_aim(io);
        return -EAGAIN;
    }
    result = io_dispatch(io);
    if (result == -EAGAIN && io->wait_for == 0)
        thrumi_io_aim(io);
    return result;
}

static int64_t io_block_read(struct thrumi_io *io)
{
    struct iovec one = {io->into, io->length};
    const struct iovec *vector = &one;
    int count = 1;
    int64_t at = -1; /* the position of the description */

    if (io->op == THRUMI_IO_READV || io->op == THRUMI_IO_PREADV) {
        vector = io->vector;
        count = (int)io->length;
    }
    if (io->op == THRUMI_IO_PREAD || io->op == THRUMI_IO_PREADV)
        at = io->offset;
    return thrumi_io_result(preadv2(io->fd, vector, count, at, 0));
}

static int64_t io_block_write(struct thrumi_io *io)
{
    struct iovec one = {io->into, io->length};
    const struct iovec *vector = &one;
    int count = 1;
    int64_t at = -1;

    if (io->op == THRUMI_IO_WRITEV || io->op == THRUMI_IO_PWRITEV) {
        vector = io->vector;
        count = (int)io->length;
    }
    if (io->op == THRUMI_IO_PWRITE || io->op == THRUMI_IO_PWRITEV)
        at = io->offset;
    return thrumi_io_result(pwritev2(io->fd, vector, count, at, 0));
}

static int64_t io_block_poll(struct thrumi_io *io)
{
    struct pollfd one = {io->fd, (short)io->flags, 0};

    if (poll(&one, 1, -1) < 0)
        return -errno;
    return (one.revents & POLLNVAL) ? -EBADF : (unsigned short)one.revents;
}

static int64_t io_block_file(struct thrumi_io *io)
{
    if (io->op == THRUMI_IO_OPENAT)
        return thrumi_io_result(openat(
            io->fd, io->path, (int)io->flags | O_CLOEXEC, (mode_t)io->mode));
    if (io->op == THRUMI_IO_STATX)
        return thrumi_io_result(
            statx(io->fd, io->path, (int)io->flags, io->mode, io->statx));
    return thrumi_io_result(io->flags ? fdatasync(io->fd) : fsync(io->fd));
}

int64_t thrumi_io_block(struct thrumi_io *io)
{
    switch ((enum thrumi_io_op)io->op) {
    case THRUMI_IO_READ:
    case THRUMI_IO_READV:
    case THRUMI_IO_PREAD:
    case THRUMI_IO_PREADV:
        return io_block_read(io);
    case THRUMI_IO_WRITE:
    case THRUMI_IO_WRITEV:
    case THRUMI_IO_PWRITE:
    case THRUMI_IO_PWRITEV:
        return io_block_write(io);
    case THRUMI_IO_RECV:
    case THRUMI_IO_SEND:
    case THRUMI_IO_RECVFROM:
    case THRUMI_IO_SENDTO:
    case THRUMI_IO_RECVMSG:
    case THRUMI_IO_SENDMSG:
        return thrumi_io_transfer(io, 0);
    case THRUMI_IO_ACCEPT:
        return thrumi_io_result(
            accept4(io->fd, io->address, io->address_length, (int)io->flags));
    case THRUMI_IO_CONNECT:
        return thrumi_io_result(connect(io->fd, io->to, io->to_length));
    case THRUMI_IO_POLL:
        return io_block_poll(io);
    case THRUMI_IO_SENDFILE:
    case THRUMI_IO_SPLICE:
        return thrumi_io_copy(io);
    case THRUMI_IO_OPENAT:
    case THRUMI_IO_STATX:
    case THRUMI_IO_FSYNC:
        return io_block_file(io);
    case THRUMI_IO_OPS:
        break;
    }
    return -ENOSYS;
}
