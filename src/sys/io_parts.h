/* SPDX-License-Identifier: MIT */
/*
 * sys/io_parts.h - between the files that make sys/io.h.
 */
#ifndef THRUMI_SYS_IO_PARTS_H
#define THRUMI_SYS_IO_PARTS_H

#include <errno.h>
#include <sys/types.h>

#include "sys/io.h"

/* The result of a libc call as ours. */
#define thrumi_io_result(count) thrumi_io_errno((int64_t)(count))

static inline int64_t thrumi_io_errno(int64_t count)
{
    return count < 0 ? -errno : count;
}

/* Says what to wait for. */
static inline int64_t thrumi_io_again(struct thrumi_io *io, int fd,
                                      unsigned readiness)
{
    io->wait_fd = fd;
    io->wait_for = readiness;
    return -EAGAIN;
}

/* poll() of one descriptor without a wait: revents, 0, or -errno. */
int thrumi_io_poll(int fd, unsigned events);
/* Has the description O_NONBLOCK? */
bool thrumi_io_nonblocking(int fd);

/* io_socket.c */
int64_t thrumi_io_try_accept(struct thrumi_io *io);
int64_t thrumi_io_try_connect(struct thrumi_io *io);
int64_t thrumi_io_transfer(struct thrumi_io *io, int flags);
/* io_file.c */
int64_t thrumi_io_try_read(struct thrumi_io *io);
int64_t thrumi_io_try_write(struct thrumi_io *io);
int64_t thrumi_io_try_at(struct thrumi_io *io);
/* io_copy.c */
int64_t thrumi_io_try_sendfile(struct thrumi_io *io);
int64_t thrumi_io_try_splice(struct thrumi_io *io);
int64_t thrumi_io_copy(struct thrumi_io *io);

#endif /* THRUMI_SYS_IO_PARTS_H */
