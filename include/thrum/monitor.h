/* SPDX-License-Identifier: MIT */
/*
 * thrum/monitor.h - finding greenlets that do not let others go on.
 *
 * A greenlet that computes, or calls what blocks, holds up all others of its
 * hub. The monitor is a thread that looks at all hubs now and then, and tells
 * of each greenlet that has held its hub for longer than a limit: once for each
 * time, who it is, what it is doing, and where.
 *
 *     thrum_monitor_options options = THRUM_MONITOR_OPTIONS;
 *     options.limit_ns = 20 * 1000000;
 *     rc = thrum_monitor_start(&options);
 *
 * What can be seen from outside: the system call that it sits in, and then the
 * addresses on its stack that look like those of frames, of which some may be
 * left from earlier calls. Of one that computes only its function can be told,
 * unless the program gives the monitor a signal to ask it by: then its frames
 * are exact.
 *
 * THRUM_MONITOR_MS in the environment starts it with the first hub.
 *
 * A second monitor, thrum_monitor_start_calls(), tells of those alone that sleep
 * in a system call, which is to be a wait that the hub knows of: it looks more
 * often, and not at those that compute.
 */
#ifndef THRUM_MONITOR_H
#define THRUM_MONITOR_H

#include <thrum/base.h>

THRUM_BEGIN_DECLS

/* One that holds its hub. */
typedef struct thrum_hold {
    size_t size;         /* of the struct, as the library knows it */
    const char *name;    /* of the greenlet; "" if it has none; "main" of the
                       * thread's own program */
    thrum_fn *fn;        /* its function; NULL of the thread's own program */
    int thread;          /* the kernel's number of the hub's thread */
    int64_t ns;          /* for how long by now, at least */
    int64_t cpu_ns;      /* of that, on a CPU */
    const char *call;    /* the system call that it sits in; NULL: in none */
    void *const *frames; /* return addresses, the innermost first */
    int frame_count;
    bool exact; /* it has told them itself; else they are what seems to be */
} thrum_hold;

typedef struct thrum_monitor_options {
    size_t size;      /* sizeof(thrum_monitor_options) */
    int64_t limit_ns; /* how long is too long; 0: 100 ms, of system calls 5 */
    /* Called in the monitor's thread; NULL: it goes to the log. What is given
     * is gone when it returns. It must not start or stop the monitor. */
    void (*fn)(const thrum_hold *hold, void *arg);
    void *arg;
    int signal; /* one that nothing else uses, SIGRTMIN + 1 say, by which those
                 * that hold their hub are asked where they are; 0: none. Its
                 * handler stays set. It ends some system calls with EINTR */
} thrum_monitor_options;

/* clang-format off */
#define THRUM_MONITOR_OPTIONS { sizeof(thrum_monitor_options), 0, NULL, NULL, 0 }
/* clang-format on */

/* Starts the monitor; NULL is the default options. It blocks all signals.
 *
 * Call from:  any thread.
 * Blocks:     no.
 * Ownership:  the options are copied; `arg` is borrowed until it is stopped.
 * Returns:    0; -EALREADY when there is one; -EBUSY when the signal has a
 *             handler; -EINVAL for a negative number, a signal that is none, or
 *             options of another size; -ENOMEM; -EAGAIN: no thread to be had. */
THRUM_API THRUM_MUST_USE int
thrum_monitor_start(const thrum_monitor_options *options);

/* Stops it, and waits until its callback has returned.
 *
 * Call from:  any thread; not from its callback.
 * Blocks:     as long as that callback runs.
 * Ownership:  -
 * Returns:    0; -ESRCH when there is none; THRUM_ECONTEXT in its callback. */
THRUM_API int thrum_monitor_stop(void);

/* Starts the monitor of system calls. It tells of each greenlet that is seen
 * asleep in one and the same system call for longer than the limit: once for
 * each call. So what is shorter may escape it. Both monitors may run.
 *
 * Call from:  as thrum_monitor_start().
 * Blocks:     no.
 * Ownership:  as thrum_monitor_start().
 * Returns:    as thrum_monitor_start(). */
THRUM_API THRUM_MUST_USE int
thrum_monitor_start_calls(const thrum_monitor_options *options);

/* Stops that one.
 *
 * Call from:  as thrum_monitor_stop().
 * Blocks:     as thrum_monitor_stop().
 * Ownership:  -
 * Returns:    as thrum_monitor_stop(). */
THRUM_API int thrum_monitor_stop_calls(void);

THRUM_END_DECLS

#endif /* THRUM_MONITOR_H */
