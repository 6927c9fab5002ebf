/* SPDX-License-Identifier: MIT */
/*
 * sys/write.h - writing all of it.
 */
#ifndef THRUMI_SYS_WRITE_H
#define THRUMI_SYS_WRITE_H

#include <stddef.h>

/* Writes all bytes to a descriptor. 0 or -errno. Async-signal-safe. */
int thrumi_write(int fd, const void *bytes, size_t count);

#endif /* THRUMI_SYS_WRITE_H */
