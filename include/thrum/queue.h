/* SPDX-License-Identifier: MIT */
/*
 * thrum/queue.h - items that one puts and another gets.
 *
 * A queue joins threads and greenlets in any mixture. Who finds nothing to get,
 * or no room to put, waits, first come first served: a thread sleeps, a
 * greenlet gives its thread away.
 *
 *     thrum_queue_options options = THRUM_QUEUE_OPTIONS;
 *     thrum_queue *queue;
 *     void *item;
 *     options.limit = 100;
 *     rc = thrum_queue_new(&options, &queue);
 *
 *     rc = thrum_queue_put(queue, job, THRUM_FOREVER);
 *
 *     while (thrum_queue_get(queue, THRUM_FOREVER, &item) == 0)
 *         work(item);
 *
 * With THRUM_NOW the calls only try, and may be made in a callback too. A wait
 * that is cut short by its deadline or by a cancellation has moved nothing: a
 * put that did not return 0 leaves the item with its caller, a get that did not
 * return 0 took none.
 */
#ifndef THRUM_QUEUE_H
#define THRUM_QUEUE_H

#include <thrum/base.h>

THRUM_BEGIN_DECLS

typedef struct thrum_queue thrum_queue; /* opaque, one owner, safe to share */

typedef enum thrum_queue_kind {
    THRUM_QUEUE_FIFO = 0, /* the oldest item is got first */
    THRUM_QUEUE_LIFO,     /* the newest */
    THRUM_QUEUE_PRIORITY, /* the one of the lowest priority, then the oldest */
    THRUM_QUEUE_CHANNEL,  /* holds none: a put and a get meet */
} thrum_queue_kind;

typedef struct thrum_queue_options {
    size_t size; /* sizeof(thrum_queue_options) */
    thrum_queue_kind kind;
    size_t limit; /* items at most; 0: no limit. Not of a channel */
    int64_t (*priority)(const void *item, void *arg); /* of an item that is
                    * put; for THRUM_QUEUE_PRIORITY, which needs it */
    void *priority_arg;
    void (*free_item)(void *item); /* for what is left at the end; or NULL */
} thrum_queue_options;

/* clang-format off */
#define THRUM_QUEUE_OPTIONS { sizeof(thrum_queue_options), THRUM_QUEUE_FIFO, 0, NULL, NULL, NULL }
/* clang-format on */

/* Makes a queue; NULL is the default options: first in, first out, no limit.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  the options are copied; the caller owns the queue.
 * Returns:    0; -EINVAL for a kind that is none, a priority queue without
 *             priority, a channel with a limit, or options of another size;
 *             -ENOMEM. */
THRUM_API THRUM_MUST_USE int thrum_queue_new(const thrum_queue_options *options,
                                             thrum_queue **ret);

/* Frees a queue; free_item gets what is left in it. Whoever got an item or a
 * code from it is done with it.
 *
 * Call from:  any thread or greenlet, when nobody waits at it and nobody will
 *             use it any more; somebody who waits aborts the program.
 * Blocks:     no; calls free_item.
 * Ownership:  takes the queue; NULL is allowed.
 * Returns:    nothing. */
THRUM_API void thrum_queue_free(thrum_queue *queue);

/* Puts an item, which may be NULL. Without room it waits for some; a channel
 * has room while somebody waits to get (S15).
 *
 * Call from:  any thread or greenlet; in a callback with THRUM_NOW.
 * Blocks:     until there is room; cancellable.
 * Ownership:  0 hands the item over; else it is still the caller's.
 * Returns:    0; THRUM_ECLOSED, also when it is closed meanwhile; -ENOMEM;
 *             -ETIMEDOUT: no room by the deadline, at once with THRUM_NOW; of
 *             the wait -ECANCELED, -EDEADLK, THRUM_ECONTEXT; -ECHILD for a
 *             queue that a forked child inherited. */
THRUM_API THRUM_MUST_USE int thrum_queue_put(thrum_queue *queue, void *item,
                                             thrum_time deadline);

/* Gets an item. Of a queue that is closed the rest can still be got.
 *
 * Call from:  any thread or greenlet; in a callback with THRUM_NOW.
 * Blocks:     until there is an item; cancellable.
 * Ownership:  the item is the caller's.
 * Returns:    0 and the item; THRUM_ECLOSED: closed, and empty; -ETIMEDOUT:
 *             none by the deadline, at once with THRUM_NOW; of the wait
 *             -ECANCELED, -EDEADLK, THRUM_ECONTEXT; -ECHILD as for put. */
THRUM_API THRUM_MUST_USE int
thrum_queue_get(thrum_queue *queue, thrum_time deadline, void **ret_item);

/* Looks at the item that a get would give, and leaves it there.
 *
 * Call from:  as thrum_queue_get().
 * Blocks:     until there is an item; cancellable.
 * Ownership:  borrowed from the queue: somebody else may get it at any time.
 * Returns:    as thrum_queue_get(); -ENOTSUP for a channel, which holds
 *             none. */
THRUM_API THRUM_MUST_USE int
thrum_queue_peek(thrum_queue *queue, thrum_time deadline, void **ret_item);

/* How many items are in it. Others may change that at any time.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    the number; 0 for a channel. */
THRUM_API size_t thrum_queue_len(thrum_queue *queue);

/* Says that an item which was got has been dealt with.
 *
 * Call from:  any thread or greenlet, callbacks included.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    0; -EINVAL when it is called more often than items were put
 *             (S15); -ECHILD as for put. */
THRUM_API int thrum_queue_task_done(thrum_queue *queue);

/* Waits until thrum_queue_task_done() has been called for every item put.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     until then; cancellable.
 * Ownership:  borrows.
 * Returns:    0: that was so once, others may have put more since; -ETIMEDOUT;
 *             of the wait -ECANCELED, -EDEADLK, THRUM_ECONTEXT; -ECHILD as for
 *             put. */
THRUM_API THRUM_MUST_USE int thrum_queue_join(thrum_queue *queue,
                                              thrum_time deadline);

/* Closes the queue: nothing can be put any more, what is in it can still be
 * got. Those who wait to put, or to get from an empty one, are told so.
 *
 * Call from:  any thread or greenlet, callbacks included; more than once.
 * Blocks:     no.
 * Ownership:  borrows: a closed queue is freed as any other.
 * Returns:    nothing. */
THRUM_API void thrum_queue_close(thrum_queue *queue);

/* Was it closed?
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    true for ever once it was. */
THRUM_API bool thrum_queue_closed(thrum_queue *queue);

THRUM_AUTO_TYPE(thrum_queue, thrum_queue_free)

THRUM_END_DECLS

#endif /* THRUM_QUEUE_H */
