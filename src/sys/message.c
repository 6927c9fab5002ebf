/* SPDX-License-Identifier: MIT */
/*
 * sys/message.c - short messages between processes, with descriptors.
 */
#include "sys/message.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sys/fault.h"

union message_control {
    struct cmsghdr header; /* for its alignment */
    char bytes[CMSG_SPACE(THRUMI_MESSAGE_FDS * sizeof(int))];
};

int thrumi_message_pair(int ret[2])
{
    if (thrumi_fault("socketpair"))
        return -EMFILE;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) == 0
               ? 0
               : -errno;
}

static void message_add_fds(struct msghdr *message,
                            union message_control *control, const int *fds,
                            unsigned count)
{
    struct cmsghdr *header;

    memset(control, 0, sizeof(*control));
    message->msg_control = control;
    message->msg_controllen = CMSG_SPACE(count * sizeof(int));
    header = CMSG_FIRSTHDR(message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
}

int thrumi_message_send(int socket, const void *bytes, size_t size,
                        const int *fds, unsigned count)
{
    struct iovec part = {(void *)(uintptr_t)bytes, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    union message_control control;

    if (thrumi_fault("sendmsg"))
        return -EPIPE;
    if (count > 0)
        message_add_fds(&message, &control, fds, count);
    while (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        if (errno != EINTR)
            return errno == ECONNRESET ? -EPIPE : -errno;
    return 0;
}

static void message_get_fds(struct msghdr *message, int *fds)
{
    struct cmsghdr *header = CMSG_FIRSTHDR(message);

    if (header != NULL && header->cmsg_level == SOL_SOCKET &&
        header->cmsg_type == SCM_RIGHTS)
        memcpy(fds, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
}

int thrumi_message_receive(int socket, void *bytes, size_t size, int *fds,
                           bool wait)
{
    struct iovec part = {bytes, size};
    union message_control control;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    ssize_t n;

    for (unsigned i = 0; i < THRUMI_MESSAGE_FDS; i++)
        fds[i] = -1;
    do
        n = recvmsg(socket, &message,
                    MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == ECONNRESET ? -EPIPE : -errno;
    message_get_fds(&message, fds);
    if (n == (ssize_t)size && (message.msg_flags & MSG_TRUNC) == 0)
        return 0;
    thrumi_message_close_fds(fds);
    return n == 0 ? -EPIPE : -EPROTO;
}

bool thrumi_message_is_socket(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    int type = 0;
    socklen_t type_size = sizeof(type);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) == 0 &&
           type == SOCK_SEQPACKET &&
           getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           peer.uid == geteuid();
}

void thrumi_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

void thrumi_message_close_fds(const int *fds)
{
    for (unsigned i = 0; i < THRUMI_MESSAGE_FDS; i++)
        thrumi_close(fds[i]);
}
