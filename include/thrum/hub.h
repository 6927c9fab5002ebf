/* SPDX-License-Identifier: MIT */
/*
 * thrum/hub.h - the hub inside of a program that has an event loop of its own.
 *
 * A thread's hub runs while the thread's own program waits in Thrum. A program
 * that waits elsewhere, in epoll or GLib's main loop, watches the hub's
 * descriptor there and lets it have a turn when that polls as readable or its
 * next timer is due:
 *
 *     rc = thrum_hub_open(NULL);
 *     fd = thrum_hub_fd();
 *     for (;;) {
 *         rc = thrum_hub_next(&next);
 *         n = epoll_wait(loop, events, 64, milliseconds_to(next));
 *         ...
 *         rc = thrum_hub_turn(THRUM_NOW);
 *     }
 *
 * All of this is of the calling thread. While a thread has a hub it cannot be
 * cancelled: pthread_cancel() takes effect when the hub was closed.
 */
#ifndef THRUM_HUB_H
#define THRUM_HUB_H

#include <thrum/executor.h>
#include <thrum/stats.h>

THRUM_BEGIN_DECLS

typedef struct thrum_hub_options {
    size_t size; /* sizeof(thrum_hub_options) */
} thrum_hub_options;

/* clang-format off */
#define THRUM_HUB_OPTIONS { sizeof(thrum_hub_options) }
/* clang-format on */

/* Makes the thread's hub, with its engine for I/O. Not needed before spawning
 * or I/O, which make it themselves.
 *
 * Call from:  any thread.
 * Blocks:     no.
 * Ownership:  the options are copied; NULL is the defaults.
 * Returns:    0, also when there is one already; -EINVAL for options of another
 *             size, and for a THRUM_LOOP that names no engine; -ENOMEM; -EMFILE,
 *             -ENFILE; what the system says of the engine that THRUM_LOOP
 *             names. */
THRUM_API THRUM_MUST_USE int thrum_hub_open(const thrum_hub_options *options);

/* A descriptor that polls as readable when a turn would find something: I/O, or
 * a wake from another thread. Timers are for thrum_hub_next(). From then on the
 * hub takes it that somebody watches it, and tells of no deadlock.
 *
 * Call from:  a thread; it gets a hub if it has none.
 * Blocks:     no.
 * Ownership:  the hub's: do not close it, only poll it for reading.
 * Returns:    the descriptor; as thrum_hub_open(). */
THRUM_API int thrum_hub_fd(void);

/* When the next turn is due if the descriptor says nothing: THRUM_NOW while
 * something can go on, THRUM_FOREVER when there is nothing to be done by the
 * clock. To be asked directly before the program waits.
 *
 * Call from:  a thread.
 * Blocks:     no.
 * Ownership:  -
 * Returns:    0 and the time; THRUM_ESTATE when the thread has no hub. */
THRUM_API THRUM_MUST_USE int thrum_hub_next(thrum_time *ret);

/* Lets everything that can go on have one turn, after a look at what has
 * happened; waits for that to the deadline if there is nothing.
 *
 * Call from:  a thread or greenlet; not from a callback.
 * Blocks:     to the deadline, and for the turns.
 * Ownership:  -
 * Returns:    how many wait for their turn again; THRUM_ESTATE when the thread
 *             has no hub; THRUM_ECONTEXT. */
THRUM_API THRUM_MUST_USE int thrum_hub_turn(thrum_time deadline);

/* Waits until the hub's greenlets have ended, kills at the deadline those that
 * are left, and gives back what the hub has of the system. The next use makes
 * it anew. A thread that ends does the same without waiting.
 *
 * Call from:  the thread's own program, not its greenlets.
 * Blocks:     to the deadline, and until those that were killed have ended.
 * Ownership:  -
 * Returns:    0; -ETIMEDOUT when some had to be killed; THRUM_ECONTEXT from a
 *             greenlet or callback; -EBUSY when a greenlet would not end: the
 *             hub is still there. */
THRUM_API int thrum_hub_close(thrum_time deadline);

/* What a hub has done, and what it has. */
typedef struct thrum_hub_counts {
    size_t size;       /* sizeof(thrum_hub_counts): THRUM_HUB_COUNTS sets it */
    int thread;        /* the kernel's number of its thread */
    bool asleep;       /* it waits for events */
    uint64_t live;     /* greenlets that have begun and not ended */
    uint64_t runnable; /* greenlets that can go on or begin */
    uint64_t waiting;  /* the others of those that live */
    uint64_t spawned;  /* greenlets that have begun, ever */
    uint64_t switches; /* how often one went on */
    uint64_t turns;    /* looks at events */
    uint64_t received; /* what came from other threads: wakes, tasks, kills */
    uint64_t longest;  /* ns from one look to the next, at most */
    thrum_histogram holds; /* ns from one look to the next: for how long its
                            * greenlets have kept it from looking */
} thrum_hub_counts;

/* clang-format off */
#define THRUM_HUB_COUNTS { sizeof(thrum_hub_counts), 0, false, 0, 0, 0, 0, 0, 0, 0, 0, { 0, { 0 } } }
/* clang-format on */

/* What the hub of this thread has counted.
 *
 * Call from:  a thread or greenlet; callbacks.
 * Blocks:     no.
 * Ownership:  fills the caller's struct.
 * Returns:    0; THRUM_ESTATE when the thread has no hub; -EINVAL for a struct
 *             of another size. */
THRUM_API THRUM_MUST_USE int thrum_hub_stats(thrum_hub_counts *counts);

/* The same of each hub of the process, read while it goes on.
 *
 * Call from:  any thread or greenlet; callbacks.
 * Blocks:     while a hub begins or ends elsewhere.
 * Ownership:  `counts` is gone when `fn` returns, which must not call Thrum.
 * Returns:    how many hubs there are. */
THRUM_API int thrum_hub_stats_all(void (*fn)(const thrum_hub_counts *counts,
                                             void *arg),
                                  void *arg);

/* May the caller wait in Thrum here, so that others of its thread go on
 * meanwhile? For code that stands in the place of calls that block, and makes
 * those calls where this is false. It is where a thread has a hub, and what runs
 * is its own program or one of its greenlets; not a callback, nor a signal
 * handler that has interrupted the hub itself or has a stack of its own. Of a
 * handler on the stack of a greenlet it cannot be told.
 *
 * Call from:  anywhere, signal handlers included.
 * Blocks:     no.
 * Ownership:  -
 * Returns:    whether it may. */
THRUM_API bool thrum_hub_can_wait(void);

/* Does a signal handler end the waits of the caller from now on, as it ends those
 * of a thread? They are -EINTR then. It is so for handlers that run while the hub's
 * thread sleeps, since all of its greenlets wait; one that interrupts a greenlet
 * ends nothing. A wait may also end so for no handler at all.
 *
 * Call from:  a thread or greenlet, for itself.
 * Blocks:     no.
 * Ownership:  -
 * Returns:    whether it was so before. */
THRUM_API bool thrum_hub_interruptible(bool on);

/* The first thing that thrum_hub_can_wait() looks at, for those who cannot
 * afford a call: 0 in a thread without a hub, and while the hub itself runs. Not
 * to be written. */
extern THRUM_API __thread unsigned char thrum_hub_runs
    __attribute__((tls_model("initial-exec")));

/* The thread's hub as an executor: to submit to it is to spawn, from another
 * thread too. For what wants an executor, such as a scope or a map.
 *
 * Call from:  any thread or greenlet; it gets a hub if it has none.
 * Blocks:     no.
 * Ownership:  borrowed, until the thread ends or the hub is closed. It cannot be
 *             shut down.
 * Returns:    the executor; NULL without memory. */
THRUM_API thrum_executor *thrum_hub_executor(void);

/* Starts n threads with a hub each, and calls fn(arg) as a greenlet on each of
 * them: a server that listens with SO_REUSEPORT, once for each core. A future
 * settles when its fn has returned and what that has spawned has ended; the
 * threads end after the last of them. To stop them is to kill the futures.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  passes `arg` as it is, to all. The caller gets a reference of each
 *             of the futures; `ret_futures` NULL detaches: errors go to the
 *             handler of thrum_set_error_handler().
 * Returns:    how many were started, the first ones: n, or fewer when there was
 *             no thread or memory to be had; when none was, -EAGAIN or -ENOMEM.
 *             -EINVAL without a function, for 0 and more than 1024 threads. */
THRUM_API THRUM_MUST_USE int thrum_hub_threads(unsigned n, thrum_fn *fn,
                                               void *arg,
                                               thrum_future **ret_futures);

THRUM_END_DECLS

#endif /* THRUM_HUB_H */
