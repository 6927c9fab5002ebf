/* SPDX-License-Identifier: MIT */
/*
 * thrum/local.h - a variable of which each greenlet has its own value.
 *
 * So has each thread, for what runs there outside of greenlets: a task of a
 * pool, the thread's own program. A generator has those of whoever pulls it.
 *
 *     static thrum_local connection = THRUM_LOCAL_INIT(close_connection);
 *
 *     struct connection *mine = thrum_local_get(&connection);
 *     if (mine == NULL) {
 *         mine = open_connection();
 *         rc = thrum_local_set(&connection, mine);
 *     }
 *
 * A value is NULL until it is set. When the greenlet or thread ends, and its
 * function and what was deferred have returned, `destroy` is called with each
 * that is not NULL, in the order in which they were first set; if that sets
 * others, again, up to four times. A greenlet's are destroyed before its future
 * settles; they may wait. A thread that ends with the process, as the one of
 * main() does, keeps its values.
 */
#ifndef THRUM_LOCAL_H
#define THRUM_LOCAL_H

#include <thrum/base.h>

THRUM_BEGIN_DECLS

/* The members are the library's own. */
typedef struct thrum_local {
    uint64_t id;
    void (*destroy)(void *value);
} thrum_local;

/* `destroy` may be NULL. */
/* clang-format off */
#define THRUM_LOCAL_INIT(destroy) { 0, (destroy) }
/* clang-format on */

/* The same at run time, and the end of one: its values are forgotten, but
 * destroyed only when the greenlets and threads end that have them.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  the storage is the caller's; `destroy` must stay as long as there
 *             are values.
 * Returns:    nothing. */
THRUM_API void thrum_local_init(thrum_local *local,
                                void (*destroy)(void *value));
THRUM_API void thrum_local_fini(thrum_local *local);

/* The caller's value.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  as it was set.
 * Returns:    the value; NULL if it was not set. */
THRUM_API void *thrum_local_get(const thrum_local *local);

/* Sets the caller's value. The one before is not destroyed. The first in a
 * greenlet or thread takes memory, and so does about each eighth one more.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  `value` is passed as it is; `destroy` gets it at the end.
 * Returns:    0 or -ENOMEM. */
THRUM_API THRUM_MUST_USE int thrum_local_set(thrum_local *local, void *value);

THRUM_END_DECLS

#endif /* THRUM_LOCAL_H */
