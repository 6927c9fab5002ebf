/* SPDX-License-Identifier: MIT */
/*
 * monkey/stream.h - transfers that go on until all is done, as libc's do.
 */
#ifndef THRUMI_MONKEY_STREAM_H
#define THRUMI_MONKEY_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Where the address of a peer is written; as for recvfrom(). */
struct thrumi_peer {
    struct sockaddr *address;
    socklen_t *length;
};

/* Each gives a count or a code, and a count rather than a code when some of it
 * was done. Nobody to read: SIGPIPE is raised, unless the flags say otherwise. */
int64_t thrumi_stream_recv(int fd, void *into, size_t n, int flags);
int64_t thrumi_stream_recvfrom(int fd, void *into, size_t n, int flags,
                               const struct thrumi_peer *peer);
int64_t thrumi_stream_send(int fd, const void *from, size_t n, int flags);
int64_t thrumi_stream_write(int fd, const void *from, size_t n);
int64_t thrumi_stream_writev(int fd, const struct iovec *from, int count);
/* Tells the hub of the descriptors that came with the message. */
int64_t thrumi_stream_recvmsg(int fd, struct msghdr *message, int flags);
int64_t thrumi_stream_sendmsg(int fd, const struct msghdr *message, int flags);

#endif /* THRUMI_MONKEY_STREAM_H */
