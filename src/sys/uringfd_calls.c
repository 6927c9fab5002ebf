/* SPDX-License-Identifier: MIT */
/*
 * sys/uringfd_calls.c - a struct thrumi_io as the kernel's io_uring takes it.
 *
 * There is no call of io_uring for sendfile; splice would take a thread of the
 * kernel. Both are tried, and polled for, instead.
 *
 * MSG_WAITALL is not handed on: like the other engine, this one does as much as
 * can be done at once, and callers that want all of it ask again.
 */
#include "sys/uringfd.h"

#include <errno.h>
#include <fcntl.h>

#include "sys/uringfd_abi.h"

static void uringfd_set(struct io_uring_sqe *slot, unsigned char code, int fd,
                        const void *at, unsigned length)
{
    slot->opcode = code;
    slot->fd = fd;
    slot->addr = (uint64_t)(uintptr_t)at;
    slot->len = length;
}

/* A vector has at most IOV_MAX entries; one buffer at most so many bytes. */
static unsigned uringfd_length(size_t length)
{
    return length < 0x7ffff000u ? (unsigned)length : 0x7ffff000u;
}

static bool uringfd_is_socket(const struct thrumi_io *io)
{
    return io->kind == THRUMI_IO_TCP || io->kind == THRUMI_IO_SOCKET;
}

static unsigned uringfd_message_flags(const struct thrumi_io *io, bool send)
{
    unsigned flags = io->flags & ~(unsigned)MSG_WAITALL;

    return send && !io->sigpipe ? flags | MSG_NOSIGNAL : flags;
}

static void uringfd_transfer(struct io_uring_sqe *slot,
                             const struct thrumi_io *io, bool send)
{
    uringfd_set(slot, send ? IORING_OP_SEND : IORING_OP_RECV, io->fd, io->from,
                uringfd_length(io->length));
    slot->msg_flags = uringfd_message_flags(io, send);
}

static void uringfd_message(struct io_uring_sqe *slot,
                            const struct thrumi_io *io,
                            const struct msghdr *message, bool send)
{
    uringfd_set(slot, send ? IORING_OP_SENDMSG : IORING_OP_RECVMSG, io->fd,
                message, 1);
    slot->msg_flags = uringfd_message_flags(io, send);
}

/* recvfrom and sendto, and writev to a socket, which is not to raise SIGPIPE.
 */
static void uringfd_own_message(struct io_uring_sqe *slot,
                                const struct thrumi_io *io,
                                struct thrumi_uring_message *own, bool send)
{
    struct msghdr *message = &own->message;

    *message = (struct msghdr){.msg_iov = &own->one, .msg_iovlen = 1};
    own->one.iov_base = io->into;
    own->one.iov_len = io->length;
    if (io->op == THRUMI_IO_WRITEV) {
        message->msg_iov = io->into;
        message->msg_iovlen = io->length;
    } else if (send) {
        message->msg_name = io->address;
        message->msg_namelen = io->to_length;
    } else if (io->address != NULL && io->address_length != NULL) {
        message->msg_name = io->address;
        message->msg_namelen = *io->address_length;
    }
    uringfd_message(slot, io, message, send);
}

static void uringfd_file(struct io_uring_sqe *slot, const struct thrumi_io *io,
                         unsigned char code)
{
    bool at = io->op == THRUMI_IO_PREAD || io->op == THRUMI_IO_PWRITE ||
              io->op == THRUMI_IO_PREADV || io->op == THRUMI_IO_PWRITEV;

    uringfd_set(slot, code, io->fd, io->from, uringfd_length(io->length));
    slot->off = at ? (uint64_t)io->offset : UINT64_MAX;
}

static void uringfd_path(struct io_uring_sqe *slot, const struct thrumi_io *io)
{
    if (io->op == THRUMI_IO_OPENAT) {
        uringfd_set(slot, IORING_OP_OPENAT, io->fd, io->path, io->mode);
        slot->open_flags = io->flags | O_CLOEXEC;
        return;
    }
    uringfd_set(slot, IORING_OP_STATX, io->fd, io->path, io->mode);
    slot->off = (uint64_t)(uintptr_t)io->statx;
    slot->statx_flags = io->flags;
}

static void uringfd_socket(struct io_uring_sqe *slot,
                           const struct thrumi_io *io)
{
    if (io->op == THRUMI_IO_CONNECT) {
        uringfd_set(slot, IORING_OP_CONNECT, io->fd, io->to, 0);
        slot->off = io->to_length;
        return;
    }
    uringfd_set(slot, IORING_OP_ACCEPT, io->fd, io->address, 0);
    slot->addr2 = (uint64_t)(uintptr_t)io->address_length;
    slot->accept_flags = io->flags;
}

static void uringfd_poll(struct io_uring_sqe *slot, int fd, unsigned events)
{
    uringfd_set(slot, IORING_OP_POLL_ADD, fd, NULL, 0);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    events = events << 16 | events >> 16;
#endif
    slot->poll32_events = events;
}

bool thrumi_uring_can(const struct thrumi_io *io)
{
    return io->op != THRUMI_IO_SENDFILE && io->op != THRUMI_IO_SPLICE;
}

/* read and write of all kinds; 0 for the other calls. */
static unsigned char uringfd_file_code(unsigned char op)
{
    static const unsigned char codes[THRUMI_IO_OPS] = {
        [THRUMI_IO_READ] = IORING_OP_READ,
        [THRUMI_IO_WRITE] = IORING_OP_WRITE,
        [THRUMI_IO_READV] = IORING_OP_READV,
        [THRUMI_IO_WRITEV] = IORING_OP_WRITEV,
        [THRUMI_IO_PREAD] = IORING_OP_READ,
        [THRUMI_IO_PWRITE] = IORING_OP_WRITE,
        [THRUMI_IO_PREADV] = IORING_OP_READV,
        [THRUMI_IO_PWRITEV] = IORING_OP_WRITEV,
    };

    return codes[op];
}

/* read and write: of a socket they are recv and send. */
static void uringfd_prepare_file(struct io_uring_sqe *slot,
                                 const struct thrumi_io *io,
                                 struct thrumi_uring_message *message)
{
    if (uringfd_is_socket(io) && io->op <= THRUMI_IO_WRITE)
        uringfd_transfer(slot, io, io->op == THRUMI_IO_WRITE);
    else if (uringfd_is_socket(io) && io->op == THRUMI_IO_WRITEV)
        uringfd_own_message(slot, io, message, true);
    else
        uringfd_file(slot, io, uringfd_file_code(io->op));
}

static void uringfd_prepare_other(struct io_uring_sqe *slot,
                                  const struct thrumi_io *io,
                                  struct thrumi_uring_message *message)
{
    switch (io->op) {
    case THRUMI_IO_RECV:
    case THRUMI_IO_SEND:
        uringfd_transfer(slot, io, io->op == THRUMI_IO_SEND);
        break;
    case THRUMI_IO_RECVFROM:
    case THRUMI_IO_SENDTO:
        uringfd_own_message(slot, io, message, io->op == THRUMI_IO_SENDTO);
        break;
    case THRUMI_IO_RECVMSG:
    case THRUMI_IO_SENDMSG:
        uringfd_message(slot, io, io->message, io->op == THRUMI_IO_SENDMSG);
        break;
    case THRUMI_IO_ACCEPT:
    case THRUMI_IO_CONNECT:
        uringfd_socket(slot, io);
        break;
    case THRUMI_IO_POLL:
        uringfd_poll(slot, io->fd, io->flags);
        break;
    case THRUMI_IO_OPENAT:
    case THRUMI_IO_STATX:
        uringfd_path(slot, io);
        break;
    default:
        uringfd_set(slot, IORING_OP_FSYNC, io->fd, NULL, 0);
        slot->fsync_flags = io->flags ? IORING_FSYNC_DATASYNC : 0;
        break;
    }
}

void thrumi_uring_prepare(struct io_uring_sqe *slot, const struct thrumi_io *io,
                          struct thrumi_uring_message *message, uint64_t data)
{
    if (uringfd_file_code(io->op) != 0)
        uringfd_prepare_file(slot, io, message);
    else
        uringfd_prepare_other(slot, io, message);
    slot->user_data = data;
}

void thrumi_uring_conclude(struct thrumi_io *io,
                           const struct thrumi_uring_message *message)
{
    if (io->op == THRUMI_IO_RECVFROM && io->address != NULL &&
        io->address_length != NULL)
        *io->address_length = message->message.msg_namelen;
}

void thrumi_uring_prepare_cancel(struct io_uring_sqe *slot, uint64_t victim,
                                 uint64_t data)
{
    uringfd_set(slot, IORING_OP_ASYNC_CANCEL, -1, NULL, 0);
    slot->addr = victim;
    slot->flags = URING_CQE_SKIP_SUCCESS;
    slot->user_data = data;
}

void thrumi_uring_prepare_watch(struct io_uring_sqe *slot, int fd,
                                uint64_t data)
{
    uringfd_poll(slot, fd, 1 /* POLLIN */);
    slot->len = URING_POLL_MULTI;
    slot->user_data = data;
}
