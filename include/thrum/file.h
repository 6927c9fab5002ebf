/* SPDX-License-Identifier: MIT */
/*
 * thrum/file.h - files: what is in memory at once, the rest beside the hub.
 *
 * A disk cannot be waited for as a socket can. What the page cache has is read
 * at once; for the rest io_uring asks the kernel, and without it a thread of the
 * pool that thrum_offload() uses makes the call, while the greenlet waits.
 *
 * A call that a thread is in the middle of is waited for, past the deadline and
 * in spite of a kill, as the system lets nobody go who waits for a disk.
 *
 * struct statx is the system's, from <sys/stat.h>.
 */
#ifndef THRUM_FILE_H
#define THRUM_FILE_H

#include <thrum/base.h>

struct iovec;
struct statx;

THRUM_BEGIN_DECLS

/* Opens a file, relative to a folder or AT_FDCWD, close-on-exec. Opening a FIFO
 * waits for its other end in the kernel: open that with O_NONBLOCK or O_RDWR.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     for the disk.
 * Ownership:  borrows the path; the descriptor is the caller's, for
 *             thrum_close().
 * Returns:    the descriptor; -errno; of the wait -ETIMEDOUT, -ECANCELED,
 *             -EDEADLK, THRUM_ECONTEXT; -EAGAIN when there is no thread to be
 *             had. */
THRUM_API THRUM_MUST_USE int thrum_open(const char *path, int flags,
                                        unsigned mode, thrum_time deadline);
THRUM_API THRUM_MUST_USE int thrum_openat(int folder, const char *path,
                                          int flags, unsigned mode,
                                          thrum_time deadline);

/* Reads and writes at an offset; thrum_read() and thrum_write() do so where the
 * file stands.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     for the disk.
 * Ownership:  borrows the memory.
 * Returns:    how many bytes, 0 at the end of the file; else as thrum_open(). */
THRUM_API THRUM_MUST_USE int64_t thrum_pread(int fd, void *into, size_t n,
                                             int64_t offset,
                                             thrum_time deadline);
THRUM_API THRUM_MUST_USE int64_t thrum_pwrite(int fd, const void *from,
                                              size_t n, int64_t offset,
                                              thrum_time deadline);
THRUM_API THRUM_MUST_USE int64_t thrum_preadv(int fd, const struct iovec *into,
                                              int count, int64_t offset,
                                              thrum_time deadline);
THRUM_API THRUM_MUST_USE int64_t thrum_pwritev(int fd, const struct iovec *from,
                                               int count, int64_t offset,
                                               thrum_time deadline);

/* Looks at a file, as statx(2).
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     for the disk.
 * Ownership:  borrows the path; fills in `status`.
 * Returns:    0; else as thrum_open(). */
THRUM_API THRUM_MUST_USE int thrum_statx(int folder, const char *path,
                                         int flags, unsigned mask,
                                         struct statx *status,
                                         thrum_time deadline);

/* Waits until all that was written is on the disk; of fdatasync without what
 * is not needed to read it again.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     for the disk.
 * Ownership:  -
 * Returns:    0; else as thrum_open(). */
THRUM_API THRUM_MUST_USE int thrum_fsync(int fd, thrum_time deadline);
THRUM_API THRUM_MUST_USE int thrum_fdatasync(int fd, thrum_time deadline);

/* Sends from a file to a descriptor, as sendfile(2): `*offset` says where from
 * and is moved on; NULL: where the file stands.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until something is sent; cancellable.
 * Ownership:  borrows the offset.
 * Returns:    how many bytes, perhaps fewer than `n`, 0 at the end of the file;
 *             else as thrum_write(). */
THRUM_API THRUM_MUST_USE int64_t thrum_sendfile(int out, int in,
                                                int64_t *offset, size_t n,
                                                thrum_time deadline);

/* Moves from one descriptor to another, one of them a pipe, as splice(2), at
 * offsets or, NULL, where they stand.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until something is moved; cancellable.
 * Ownership:  borrows the offsets.
 * Returns:    as thrum_sendfile(). */
THRUM_API THRUM_MUST_USE int64_t thrum_splice(int in, int64_t *in_offset,
                                              int out, int64_t *out_offset,
                                              size_t n, thrum_time deadline);

THRUM_END_DECLS

#endif /* THRUM_FILE_H */
