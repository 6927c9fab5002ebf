/* SPDX-License-Identifier: MIT */
/*
 * sys/message.h - short messages between processes, with descriptors.
 *
 * A pair of sockets that keep the messages apart; the end of one side is seen
 * by the other. Descriptors that come are close-on-exec.
 */
#ifndef THRUMI_SYS_MESSAGE_H
#define THRUMI_SYS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#define THRUMI_MESSAGE_FDS 4

/* Two ends, close-on-exec: 0 or -errno. */
int thrumi_message_pair(int ret[2]);

/* Sends one, and copies of the descriptors: 0; -EPIPE when the other side is
 * gone; -EAGAIN when it does not read. Does not wait. */
int thrumi_message_send(int socket, const void *bytes, size_t size,
                        const int *fds, unsigned count);

/* Receives one that has `size` bytes. `fds` has room for THRUMI_MESSAGE_FDS;
 * those that did not come are -1. 0; -EAGAIN when there is none and `wait` is
 * false; -EPIPE at the end; -EPROTO for one of another size. */
int thrumi_message_receive(int socket, void *bytes, size_t size, int *fds,
                           bool wait);

/* Is the descriptor such an end, whose other end a process of the same user
 * made? */
bool thrumi_message_is_socket(int fd);

void thrumi_close(int fd);
/* Closes those that are not -1. */
void thrumi_message_close_fds(const int *fds);

#endif /* THRUMI_SYS_MESSAGE_H */
