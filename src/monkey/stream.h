/* SPDX-License-Identifier: MIT */
/*
 * monkey/stream.h - transfers that go on until all is done, as libc's do.
 */
#ifndef THRUMI_MONKEY_STREAM_H
#define THRUMI_MONKEY_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Each gives a count or a code, and a count rather than a code when some of it
 * was done. Nobody to read: SIGPIPE is raised, unless the flags say otherwise. */
int64_t thrumi_stream_recv(int fd, void *into, size_t n, int flags);
int64_t thrumi_stream_send(int fd, const void *from, size_t n, int flags);
int64_t thrumi_stream_write(int fd, const void *from, size_t n);
int64_t thrumi_stream_writev(int fd, const struct iovec *from, int count);
int64_t thrumi_stream_recvmsg(int fd, struct msghdr *message, int flags);
int64_t thrumi_stream_sendmsg(int fd, const struct msghdr *message, int flags);

/* Tells the hub of the descriptors that came with a message. */
void thrumi_stream_received(struct msghdr *message);

/* Raises SIGPIPE if the code says that nobody can read. Returns the code. */
int64_t thrumi_stream_broken(int64_t result, int flags);

#endif /* THRUMI_MONKEY_STREAM_H */
