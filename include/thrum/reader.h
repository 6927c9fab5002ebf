/* SPDX-License-Identifier: MIT */
/*
 * thrum/reader.h - reading by lines, by lengths, up to a pattern.
 *
 *     thrum_reader *reader;
 *     const char *line;
 *     int64_t n;
 *
 *     rc = thrum_reader_new(fd, NULL, &reader);
 *     while ((n = thrum_reader_line(reader, thrum_in_s(30), &line)) >= 0)
 *         printf("%.*s\n", (int)n, line);
 *     thrum_reader_free(reader);
 *
 * What is given lies in the reader's buffer: nothing is copied, and it is valid
 * until the next call. A call that gives a code has taken nothing, and may be
 * made again: after a deadline nothing is lost.
 *
 * A reader is used by one thread or greenlet at a time.
 */
#ifndef THRUM_READER_H
#define THRUM_READER_H

#include <thrum/base.h>

THRUM_BEGIN_DECLS

typedef struct thrum_reader thrum_reader; /* opaque, one owner */

typedef struct thrum_reader_options {
    size_t size;   /* sizeof(thrum_reader_options) */
    size_t buffer; /* bytes at first; 0: 4096 */
    size_t limit;  /* the longest line or piece; 0: 65536 */
} thrum_reader_options;

/* clang-format off */
#define THRUM_READER_OPTIONS { sizeof(thrum_reader_options), 0, 0 }
/* clang-format on */

/* Makes a reader of a descriptor.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  the options are copied, NULL is the defaults; the descriptor
 *             stays the caller's. The caller owns the reader.
 * Returns:    0; -EINVAL for options of another size; -ENOMEM. */
THRUM_API THRUM_MUST_USE int
thrum_reader_new(int fd, const thrum_reader_options *options,
                 thrum_reader **ret);

/* Frees a reader, and what it has read that nobody asked for.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  takes the reader; NULL is allowed. The descriptor stays open.
 * Returns:    nothing. */
THRUM_API void thrum_reader_free(thrum_reader *reader);

/* Takes a line, without its end, "\n" or "\r\n". The last one may have none.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until there is one; cancellable.
 * Ownership:  borrowed until the next call; not ended by a null byte.
 * Returns:    its length; THRUM_ESTOP at the end; -EMSGSIZE for one longer than
 *             the limit; -ENOMEM; the codes of thrum_read(). */
THRUM_API THRUM_MUST_USE int64_t thrum_reader_line(thrum_reader *reader,
                                                   thrum_time deadline,
                                                   const char **ret);

/* Takes what comes before a pattern of `n` bytes, and the pattern, which is not
 * given.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until the pattern has come; cancellable.
 * Ownership:  as thrum_reader_line(); borrows the pattern.
 * Returns:    as thrum_reader_line(); -ENODATA when the end comes before the
 *             pattern: what there is can still be taken otherwise; -EINVAL for
 *             an empty pattern. */
THRUM_API THRUM_MUST_USE int64_t thrum_reader_until(thrum_reader *reader,
                                                    const void *pattern,
                                                    size_t n,
                                                    thrum_time deadline,
                                                    const char **ret);

/* Takes exactly `n` bytes.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until they are there; cancellable.
 * Ownership:  as thrum_reader_line().
 * Returns:    0; THRUM_ESTOP, -ENODATA, -EMSGSIZE, -ENOMEM and the others as
 *             thrum_reader_until(). */
THRUM_API THRUM_MUST_USE int thrum_reader_exactly(thrum_reader *reader,
                                                  size_t n, thrum_time deadline,
                                                  const void **ret);

/* Looks at `n` bytes or more, and takes none.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     until `n` are there, or the end; cancellable.
 * Ownership:  as thrum_reader_line().
 * Returns:    how many there are, fewer than `n` at the end alone; -EMSGSIZE,
 *             -ENOMEM, and the codes of thrum_read(). */
THRUM_API THRUM_MUST_USE int64_t thrum_reader_peek(thrum_reader *reader,
                                                   size_t n,
                                                   thrum_time deadline,
                                                   const void **ret);

/* Reads what there is, as thrum_read(): first what the reader has already.
 *
 * Call from:  any thread or greenlet; not from a callback.
 * Blocks:     as thrum_read(), when the reader has nothing.
 * Ownership:  borrows the memory.
 * Returns:    as thrum_read(). */
THRUM_API THRUM_MUST_USE int64_t thrum_reader_read(thrum_reader *reader,
                                                   void *into, size_t n,
                                                   thrum_time deadline);

THRUM_AUTO_TYPE(thrum_reader, thrum_reader_free)

THRUM_END_DECLS

#endif /* THRUM_READER_H */
