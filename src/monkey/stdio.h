/* SPDX-License-Identifier: MIT */
/*
 * monkey/stdio.h - a greenlet's use of a stream that may have to wait.
 *
 * A FILE stays the C library's: its calls are the originals, made when they will
 * not block. Before one that would, the greenlet waits for the descriptor. While
 * it does so other greenlets must not use the same stream: the stream's own lock
 * knows threads alone, so there is one beside it. The stream's own is taken for
 * the steps that do not wait, and tried for: a thread may have it for as long as
 * it reads.
 *
 *     if (thrumi_monkey_outside() || !thrumi_stdio_begin(stream))
 *         return thrumi_original.fgets(into, n, stream);
 *     ...
 *     thrumi_stdio_end(stream);
 */
#ifndef THRUMI_MONKEY_STDIO_H
#define THRUMI_MONKEY_STDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* False: the stream cannot block, as one of a file cannot, and one that is set
 * not to. True: it is the caller's until the end. */
bool thrumi_stdio_begin(FILE *stream);
void thrumi_stdio_end(FILE *stream);

/* Takes the stream's own lock, and gives it back. */
void thrumi_stdio_lock(FILE *stream);
void thrumi_stdio_unlock(FILE *stream);

/* Would the C library wait for the descriptor to be ready for that event of
 * poll()? The lock is held. */
bool thrumi_stdio_would_wait(FILE *stream, unsigned event);
/* Waits for it, without the lock: 0, or EOF and errno. */
int thrumi_stdio_await(FILE *stream, unsigned event);

/* As fflush(). The stream is the caller's. */
int thrumi_stdio_flush(FILE *stream);

/* Writes all, waiting in between: how much was written. The stream is the
 * caller's. */
size_t thrumi_stdio_put(FILE *stream, const char *from, size_t n);

#endif /* THRUMI_MONKEY_STDIO_H */
