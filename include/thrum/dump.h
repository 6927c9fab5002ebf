/* SPDX-License-Identifier: MIT */
/*
 * thrum/dump.h - what every greenlet and generator of the process is doing.
 *
 *     thrum_dump(STDERR_FILENO, NULL);
 *
 * Equal backtraces are told once, with the number of those that share it.
 */
#ifndef THRUM_DUMP_H
#define THRUM_DUMP_H

#include <thrum/base.h>

THRUM_BEGIN_DECLS

typedef struct thrum_dump_options {
    size_t size; /* sizeof(thrum_dump_options) */
    int groups;  /* backtraces to be told, the most frequent first; 0: 100 */
    int names;   /* greenlets to be listed of each; 0: 10; at most 1000 */
    int frames;  /* of each backtrace; 0: 32; at most 64 */
} thrum_dump_options;

/* clang-format off */
#define THRUM_DUMP_OPTIONS { sizeof(thrum_dump_options), 0, 0, 0 }
/* clang-format on */

/* Writes to a descriptor: the name of each, its state, what it waits for, and
 * where it stands; at the end a line about each hub. Those that run are listed
 * without a backtrace. Other threads cannot switch meanwhile.
 *
 * Call from:  any thread; not from a signal handler.
 * Blocks:     as write(2) does.
 * Ownership:  borrows; `options` NULL are the defaults.
 * Returns:    how many greenlets and generators there are; -EINVAL for options
 *             of another size or a negative number; -ENOMEM; -errno of
 *             write(2). */
THRUM_API int thrum_dump(int fd, const thrum_dump_options *options);

THRUM_END_DECLS

#endif /* THRUM_DUMP_H */
