/* SPDX-License-Identifier: MIT */
/*
 * sys/io.h - one call on a descriptor, described; and made without waiting.
 *
 * Whoever wants to read, send, accept and so on fills in a struct thrumi_io:
 *
 *     struct thrumi_io io = {.op = THRUMI_IO_RECV, .fd = fd,
 *                            .into = buffer, .length = n};
 *
 * thrumi_io_try() makes the call if that can be done at once. It never touches
 * O_NONBLOCK of a description, which is shared with others: sockets are asked
 * with MSG_DONTWAIT, pipes and files with RWF_NOWAIT, and what knows neither is
 * polled first (docs/design/engines.md has the table).
 *
 * What each call reads of the struct, beside fd:
 *
 *     READ, WRITE           into/from, length
 *     READV, WRITEV         vector, length (its entries)
 *     PREAD, PWRITE         into/from, length, offset
 *     PREADV, PWRITEV       vector, length, offset
 *     RECV, SEND            into/from, length, flags
 *     RECVFROM              into, length, flags, address, address_length
 *     SENDTO                from, length, flags, to, to_length
 *     RECVMSG, SENDMSG      message, flags
 *     ACCEPT                address, address_length (both or neither), flags
 *     CONNECT               to, to_length
 *     POLL                  flags (poll's events); the result is its revents
 *     SENDFILE              fd out, other in, position (or NULL), length
 *     SPLICE                other in, fd out, position (of other, or NULL),
 *                           out_position (or NULL), length, flags
 *     OPENAT                fd of a folder, path, flags, mode
 *     STATX                 fd of a folder, path, flags, mode (mask), statx
 *     FSYNC                 flags: 1 for data alone
 */
#ifndef THRUMI_SYS_IO_H
#define THRUMI_SYS_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <thrum/base.h>

struct iovec;
struct msghdr;
struct sockaddr;
struct statx;

enum thrumi_io_op {
    THRUMI_IO_READ,
    THRUMI_IO_WRITE,
    THRUMI_IO_READV,
    THRUMI_IO_WRITEV,
    THRUMI_IO_PREAD,
    THRUMI_IO_PWRITE,
    THRUMI_IO_PREADV,
    THRUMI_IO_PWRITEV,
    THRUMI_IO_RECV,
    THRUMI_IO_SEND,
    THRUMI_IO_RECVFROM,
    THRUMI_IO_SENDTO,
    THRUMI_IO_RECVMSG,
    THRUMI_IO_SENDMSG,
    THRUMI_IO_ACCEPT,
    THRUMI_IO_CONNECT,
    THRUMI_IO_POLL,
    THRUMI_IO_SENDFILE,
    THRUMI_IO_SPLICE,
    THRUMI_IO_OPENAT,
    THRUMI_IO_STATX,
    THRUMI_IO_FSYNC,
    THRUMI_IO_OPS, /* how many there are */
};

/* What a descriptor is. It may be wrong when the number was given to something
 * else meanwhile: then a call costs more, but does the right thing. */
enum thrumi_io_kind {
    THRUMI_IO_UNKNOWN,
    THRUMI_IO_TCP,    /* plain: a short count says that it is drained */
    THRUMI_IO_SOCKET, /* any other */
    THRUMI_IO_PIPE,   /* takes RWF_NOWAIT: pipe, eventfd, timerfd, signalfd */
    THRUMI_IO_DEVICE, /* does not: tty, FIFO, inotify; polled first */
    THRUMI_IO_FILE,   /* never polls: -EAGAIN means that the disk is asked */
};

/* Readiness, to be waited for. */
#define THRUMI_READABLE 1u
#define THRUMI_WRITABLE 2u

/* Not an errno: the call can be made only by waiting in the kernel, so by
 * another thread, with thrumi_io_block(). */
#define THRUMI_IO_BLOCKS (-0x10000)

struct thrumi_io {
    unsigned char op;   /* enum thrumi_io_op */
    unsigned char kind; /* enum thrumi_io_kind; learnt if not known */
    bool sigpipe;       /* a write that nobody can read raises SIGPIPE */
    bool nowait;        /* -EAGAIN instead of a wait */
    bool started;       /* a connect is under way; set by the try */
    bool joined;        /* and was begun by somebody before us */
    int fd;
    int other;      /* sendfile, splice: where it comes from */
    unsigned flags; /* of the call */
    unsigned mode;
    union {
        void *into;
        const void *from;
        const struct iovec *vector;
        struct msghdr *message;
        const struct msghdr *sent;
        const char *path;
    };
    size_t length;
    int64_t offset;
    union {
        struct sockaddr *address;
        const struct sockaddr *to;
        struct statx *statx;
        int64_t *position;
    };
    union {
        unsigned *address_length;
        unsigned to_length;
        int64_t *out_position;
    };
    int wait_fd;       /* after -EAGAIN: what to wait for */
    unsigned wait_for; /* THRUMI_READABLE, THRUMI_WRITABLE */
};

/* Makes the call if it can be made at once. Its result, or -errno; -EAGAIN when
 * it would wait, with wait_fd and wait_for set; THRUMI_IO_BLOCKS. */
int64_t thrumi_io_try(struct thrumi_io *io);

/* Makes the call and waits in the kernel for it, for threads that have nothing
 * better to do. Its result or -errno. */
int64_t thrumi_io_block(struct thrumi_io *io);

/* Sets wait_fd and wait_for to what the call waits for by its nature. */
void thrumi_io_aim(struct thrumi_io *io);

/* Makes `wait` a poll for what `io` waits for. */
void thrumi_io_await(struct thrumi_io *wait, const struct thrumi_io *io);

/* For how long the descriptor lets the call wait: 0, it has O_NONBLOCK; else to
 * the end of its SO_RCVTIMEO or SO_SNDTIMEO, if it has one. */
thrum_time thrumi_io_patience(const struct thrumi_io *io);

/* Is it a socket of AF_UNIX? */
bool thrumi_io_is_unix(int fd);

/* What a call waits for, to be given to thrumi_parking_for(). */
const char *thrumi_io_wish(unsigned char op);

/* THRUMI_READABLE or THRUMI_WRITABLE for calls of which those that came first
 * are to be done first; 0 for all that may overtake each other: polls, and
 * whatever is done to files. */
unsigned thrumi_io_turn(const struct thrumi_io *io);

/* What the descriptor is; THRUMI_IO_SOCKET for any socket. */
unsigned char thrumi_io_kind_of(int fd);
bool thrumi_io_is_plain_tcp(int fd);

/* Can a short count be taken for a sign that nothing is left? */
bool thrumi_io_is_plain(const struct thrumi_io *io);

/* Room or data that this call leaves behind when it returns `count`? */
static inline bool thrumi_io_is_short(const struct thrumi_io *io, int64_t count)
{
    return count > 0 && (size_t)count < io->length;
}

#endif /* THRUMI_SYS_IO_H */
