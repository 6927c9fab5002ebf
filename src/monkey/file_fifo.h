/* SPDX-License-Identifier: MIT */
/*
 * monkey/file_fifo.h - opening a FIFO, which waits for its other end.
 */
#ifndef THRUMI_MONKEY_FILE_FIFO_H
#define THRUMI_MONKEY_FILE_FIFO_H

/* As openat() of a path that leads to a FIFO, by a greenlet: the descriptor, or
 * a code. */
int thrumi_fifo_open(int folder, const char *path, int flags);

#endif /* THRUMI_MONKEY_FILE_FIFO_H */
