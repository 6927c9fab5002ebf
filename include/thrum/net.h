/* SPDX-License-Identifier: MIT */
/*
 * thrum/net.h - I/O on descriptors: who waits gives its turn away.
 *
 * Each call is the system's of the same name with three differences: it takes a
 * deadline, it gives a count or a negative code in place of errno, and while it
 * waits the other greenlets of its thread go on.
 *
 *     static void *echo(void *arg)
 *     {
 *         int fd = (int)(intptr_t)arg;
 *         char line[512];
 *         int64_t n;
 *
 *         while ((n = thrum_read(fd, line, sizeof(line), thrum_in_s(30))) > 0)
 *             if (thrum_write_all(fd, line, n, thrum_in_s(30)) != 0)
 *                 break;
 *         thrum_close(fd);
 *         return NULL;
 *     }
 *
 * It does not matter whether a descriptor has O_NONBLOCK, and it is never set:
 * the flag is the description's, which other processes may share. No call
 * raises SIGPIPE: a write that nobody can read is -EPIPE. Several may wait for
 * one descriptor; the first that came is the first served (S11). A thread that
 * has no hub gets one.
 *
 * The types struct sockaddr, msghdr, iovec and pollfd are the system's, from
 * <sys/socket.h>, <sys/uio.h> and <poll.h>.
 */
#ifndef THRUM_NET_H
#define THRUM_NET_H

#include <thrum/base.h>

struct iovec;
struct msghdr;
struct pollfd;
struct sockaddr;

THRUM_BEGIN_DECLS

/* In place of a deadline: as patient as the descriptor itself is set to be. One
 * with O_NONBLOCK does not wait, and SO_RCVTIMEO and SO_SNDTIMEO of a socket are
 * its deadlines; either is -EAGAIN then, and of a connect -EINPROGRESS. It is
 * asked for when there is something to wait for, and costs a system call or two
 * then; but see thrum_fd_told(). A signal handler without SA_RESTART ends the wait
 * of a thread's own program, with -EINTR, but not those of its greenlets. */
#define THRUM_AS_SET thrum_at_ns(INT64_MIN)

/* Reads what there is, at most `n` bytes; of a stream at its end: 0. From
 * sockets, pipes, ttys, eventfds and the like, and files: of these fewer than
 * `n` only at the end.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until something can be read; cancellable.
 * Ownership:  borrows the memory.
 * Returns:    how many bytes; what the system says, as -errno; of the wait
 *             -ETIMEDOUT, -ECANCELED, -EDEADLK, THRUM_ECONTEXT; -EBADF also
 *             when thrum_close() was called meanwhile (S12); -ENOMEM. When it
 *             is a code, nothing was read. */
THRUM_API THRUM_MUST_USE int64_t thrum_read(int fd, void *into, size_t n,
                                            thrum_time deadline);
THRUM_API THRUM_MUST_USE int64_t thrum_readv(int fd, const struct iovec *into,
                                             int count, thrum_time deadline);

/* Writes what there is room for, as write(2) with O_NONBLOCK does: the count
 * may be less than `n`.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until something can be written; cancellable.
 * Ownership:  borrows the memory.
 * Returns:    how many bytes, else as thrum_read(); -EPIPE without SIGPIPE. */
THRUM_API THRUM_MUST_USE int64_t thrum_write(int fd, const void *from, size_t n,
                                             thrum_time deadline);
THRUM_API THRUM_MUST_USE int64_t thrum_writev(int fd, const struct iovec *from,
                                              int count, thrum_time deadline);

/* Writes all of it, in as many writes as that takes.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until all is written; cancellable.
 * Ownership:  borrows the memory.
 * Returns:    0; the code of the write that failed: then some of it may have
 *             been written. */
THRUM_API THRUM_MUST_USE int thrum_write_all(int fd, const void *from, size_t n,
                                             thrum_time deadline);

/* Receives from a socket. The flags are the system's: with MSG_DONTWAIT, in
 * place of waiting, -EAGAIN.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until something is received; cancellable.
 * Ownership:  borrows the memory; the address is filled in, `*length` is its
 *             room before and its length after; both may be NULL.
 * Returns:    as thrum_read(). */
THRUM_API THRUM_MUST_USE int64_t thrum_recv(int fd, void *into, size_t n,
                                            int flags, thrum_time deadline);
THRUM_API THRUM_MUST_USE int64_t thrum_recvfrom(int fd, void *into, size_t n,
                                                int flags,
                                                struct sockaddr *address,
                                                unsigned *length,
                                                thrum_time deadline);
THRUM_API THRUM_MUST_USE int64_t thrum_recvmsg(int fd, struct msghdr *message,
                                               int flags, thrum_time deadline);

/* Sends to a socket. Of a stream the count may be less than `n`.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until something is sent; cancellable.
 * Ownership:  borrows the memory and the address.
 * Returns:    as thrum_write(). */
THRUM_API THRUM_MUST_USE int64_t thrum_send(int fd, const void *from, size_t n,
                                            int flags, thrum_time deadline);
THRUM_API THRUM_MUST_USE int64_t thrum_sendto(int fd, const void *from,
                                              size_t n, int flags,
                                              const struct sockaddr *address,
                                              unsigned length,
                                              thrum_time deadline);
THRUM_API THRUM_MUST_USE int64_t thrum_sendmsg(int fd,
                                               const struct msghdr *message,
                                               int flags, thrum_time deadline);

/* Accepts a connection. The new descriptor is close-on-exec.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until there is one; cancellable.
 * Ownership:  the descriptor is the caller's; `address` and `length` as for
 *             thrum_recvfrom().
 * Returns:    the descriptor; else as thrum_read(), and -EMFILE, -ENFILE. */
THRUM_API THRUM_MUST_USE int thrum_accept(int fd, struct sockaddr *address,
                                          unsigned *length,
                                          thrum_time deadline);

/* Connects a socket to an address. After a failure, a deadline too, the socket
 * is good for nothing but thrum_close().
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until it is connected; cancellable.
 * Ownership:  borrows the address.
 * Returns:    0; else as thrum_read(), such as -ECONNREFUSED. */
THRUM_API THRUM_MUST_USE int thrum_connect(int fd,
                                           const struct sockaddr *address,
                                           unsigned length,
                                           thrum_time deadline);

/* Waits until a descriptor is ready for any of these events of poll(2).
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until it is; cancellable.
 * Ownership:  -
 * Returns:    the events that are, POLLERR and POLLHUP among them; else as
 *             thrum_read(). */
THRUM_API THRUM_MUST_USE int thrum_poll_one(int fd, unsigned events,
                                            thrum_time deadline);

/* Waits until any of the descriptors is ready, as poll(2): negative ones are
 * passed over, and `revents` of each is filled in. One that thrum_close()
 * closes meanwhile is ready, with POLLNVAL.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until one is; cancellable.
 * Ownership:  borrows the array.
 * Returns:    how many are ready; -ETIMEDOUT when none is by the deadline;
 *             -EMFILE, -ENFILE and -ENOMEM when it has to wait; of the wait
 *             -ECANCELED, -EDEADLK, THRUM_ECONTEXT. */
THRUM_API THRUM_MUST_USE int thrum_poll(struct pollfd *fds, size_t n,
                                        thrum_time deadline);

/* Makes sockets and pipes, as the system does, but close-on-exec.
 *
 * Call from:  any thread or greenlet, callbacks included.
 * Blocks:     no.
 * Ownership:  the descriptors are the caller's, to be given to thrum_close().
 * Returns:    a descriptor, or 0 and two; -errno. */
THRUM_API THRUM_MUST_USE int thrum_socket(int family, int type, int protocol);
THRUM_API THRUM_MUST_USE int thrum_socketpair(int family, int type,
                                              int protocol, int ret_fds[2]);
THRUM_API THRUM_MUST_USE int thrum_pipe(int ret_fds[2]);

/* Tells that a number stands for a new descriptor, which Thrum has not made, or
 * that what it stood for was closed behind its back: what the thread's hub knows
 * of the number is void, and who waits there gets -EBADF. Without this the hub
 * finds out, but late.
 *
 * Call from:  any thread or greenlet, callbacks included.
 * Blocks:     no.
 * Ownership:  -
 * Returns:    the descriptor; a negative number is passed through. */
THRUM_API int thrum_fd_fresh(int fd);

/* Tells that O_NONBLOCK, SO_RCVTIMEO or SO_SNDTIMEO of a descriptor was just
 * changed: of all descriptors it will be asked for anew.
 *
 * Call from:  anywhere, signal handlers included.
 * Blocks:     no.
 * Ownership:  -
 * Returns:    nothing. */
THRUM_API void thrum_fd_changed(void);

/* Says whether thrum_fd_changed() is called after each change that the process
 * makes. As long as that is so THRUM_AS_SET does not ask each time: that a socket
 * waits for ever is remembered, by each hub. What others change who share the
 * socket, by fork() or SCM_RIGHTS, is seen after a second of waiting.
 *
 * Call from:  anywhere, signal handlers included.
 * Blocks:     no.
 * Ownership:  -
 * Returns:    nothing. */
THRUM_API void thrum_fd_told(bool told);

/* Ends one or both directions of a connection, as shutdown(2): who waits to
 * read there finds the end.
 *
 * Call from:  any thread or greenlet, callbacks included.
 * Blocks:     no.
 * Ownership:  the descriptor stays the caller's.
 * Returns:    0; -errno. */
THRUM_API int thrum_shutdown(int fd, int how);

/* Closes a descriptor. Whoever waits for it in any thread gets -EBADF, before
 * its number can be used again (S12); where others wait in other threads, the
 * number is used up until they know. A descriptor that was used in calls of
 * Thrum and is closed by close(2) leaves those that wait for it waiting.
 *
 * Call from:  any thread or greenlet, callbacks included.
 * Blocks:     no longer than close(2).
 * Ownership:  takes the descriptor.
 * Returns:    0; -EBADF, also for what hubs have for themselves; -EIO, -ENOSPC,
 *             -EDQUOT: it is closed, but data may be lost; -ENOMEM: nothing was
 *             done, others wait and there is no memory to tell them. */
THRUM_API int thrum_close(int fd);

THRUM_END_DECLS

#endif /* THRUM_NET_H */
