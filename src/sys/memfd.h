/* SPDX-License-Identifier: MIT */
/*
 * sys/memfd.h - memory that processes share, as files without a name.
 */
#ifndef THRUMI_SYS_MEMFD_H
#define THRUMI_SYS_MEMFD_H

#include <stdbool.h>
#include <stddef.h>

/* Makes one of `size` bytes. All its pages are there, so that a full tmpfs is
 * an error now and no SIGBUS later; and it never changes its size, so that a
 * mapping of it stays good whatever its other users do. A descriptor or
 * -errno. */
int thrumi_memfd_new(size_t size);

/* The same, with its contents still to be sealed. */
int thrumi_memfd_new_blank(size_t size);
/* Nobody can write to it any more, from now on: 0, or -EBUSY while it is mapped
 * by somebody who could. */
int thrumi_memfd_freeze(int fd);
/* Is it a file of at least `size` bytes that nobody can change? */
bool thrumi_memfd_is_frozen(int fd, size_t size);

/* Maps it for all to see, or a copy of one's own, made page by page when it is
 * written to; NULL if there is no room. */
void *thrumi_memfd_map(int fd, size_t size, bool own_copy);
void thrumi_memfd_unmap(void *memory, size_t size);

/* Writes to its beginning: 0 or -errno. */
int thrumi_memfd_write(int fd, const void *bytes, size_t size);

/* Reads so many bytes from a place on: 0 or -errno. */
int thrumi_memfd_read(int fd, void *bytes, size_t size, size_t from);

#endif /* THRUMI_SYS_MEMFD_H */
