/* SPDX-License-Identifier: MIT */
/*
 * thrum/greenlet.h - explicit switching between stacks.
 *
 * A greenlet is a function on a stack of its own. Switching to it gives it the
 * thread; it keeps it until it switches to another, which goes on where it
 * once switched away. No scheduler, no hidden choice.
 *
 *     static void *ping(void *from)
 *     {
 *         void *word = from;
 *         while (thrum_greenlet_switch(thrum_greenlet_parent(
 *                    thrum_greenlet_current()), word, &word) == 0)
 *             puts(word);
 *         return NULL;
 *     }
 *
 *     rc = thrum_greenlet_new(ping, NULL, NULL, &g);
 *     rc = thrum_greenlet_switch(g, "hello", &word);
 *
 * Each thread has a main greenlet, its own stack. A greenlet has a parent: when
 * its function ends, the thread goes on there. An error that ends it is what
 * the parent's switch returns; a cancelled one just returns there, with NULL.
 *
 * The function is a body, and what is thrown into it is dealt with as in
 * thrum/generator.h: it is what its switch returns, and pending until the body
 * clears it, switches again, or returns a value.
 *
 * Greenlets never leave their thread. Rules: L1-L31.
 */
#ifndef THRUM_GREENLET_H
#define THRUM_GREENLET_H

#include <thrum/error.h>
#include <thrum/stack.h>

THRUM_BEGIN_DECLS

typedef struct thrum_greenlet thrum_greenlet; /* opaque, counted */

typedef enum thrum_greenlet_state {
    THRUM_GREENLET_NEW,       /* nothing of its function has run */
    THRUM_GREENLET_ACTIVE,    /* begun, and not ended */
    THRUM_GREENLET_DONE,      /* its function has returned */
    THRUM_GREENLET_FAILED,    /* it ended with an error */
    THRUM_GREENLET_CANCELLED, /* it ended because it was cancelled */
} thrum_greenlet_state;

/* Makes a greenlet; nothing runs before the first switch to it.
 *
 * Call from:  any thread; it belongs to that of its parent.
 * Blocks:     no.
 * Ownership:  the caller gets one reference; it holds its parent. `fn` NULL is
 *             set later, by thrum_greenlet_set_fn(); `parent` NULL is the
 *             current greenlet (L2); `options` NULL are the defaults.
 * Returns:    0; -EINVAL for options of another size, a stack smaller than
 *             thrum_stack_least() or larger than 64 MiB; -ENOMEM;
 *             THRUM_ESTACK; -ECHILD for a parent from before a fork. */
THRUM_API THRUM_MUST_USE int
thrum_greenlet_new(thrum_fn *fn, thrum_greenlet *parent,
                   const thrum_stack_options *options, thrum_greenlet **ret);

/* Takes one more reference, gives one back. The last unref of one that is
 * suspended cancels it (L16): its switch returns -ECANCELED, and control comes
 * back when it has ended; from another thread that is done when its own thread
 * next uses a greenlet, or ends (L19). An error of that goes to the handler of
 * thrum_set_error_handler(). One that will not end is kept for ever, and told
 * to that handler (L17).
 *
 * Call from:  any thread, the greenlet itself included.
 * Blocks:     no; unref as long as the body takes to end.
 * Ownership:  ref gives the caller one reference, unref takes it. NULL is
 *             allowed for unref.
 * Returns:    ref: the same greenlet. */
THRUM_API thrum_greenlet *thrum_greenlet_ref(thrum_greenlet *greenlet);
THRUM_API void thrum_greenlet_unref(thrum_greenlet *greenlet);

/* Lets a greenlet go on, and stands still until somebody switches back. The
 * value is what its switch returns, or its function gets when it begins. A
 * greenlet that has ended stands for its nearest parent that has not (L8).
 * throw has its switch return the code instead, an errno or code below 0; one
 * that has not begun then ends without running (L13).
 *
 * Call from:  the greenlet's thread.
 * Blocks:     until somebody switches back.
 * Ownership:  values are passed as they are. `ret` may be NULL.
 * Returns:    0 and the value of whoever switched back, NULL if that was a
 *             cancelled child; a code that was thrown, or that a child has
 *             ended with, then pending in the greenlet's or generator's own
 *             body (in a main greenlet it is the code alone); -ECANCELED when
 *             the caller is being cancelled. Nothing has run: THRUM_EBADSWITCH
 *             when there is no function; -EINVAL for a code that is no error;
 *             THRUM_ETHREAD, THRUM_EGONE when it belongs to another thread,
 *             that is still there or not; -EOWNERDEAD when it would not end
 *             with its thread; -ECHILD when it is from before a fork; -EBUSY
 *             when a hub has it; THRUM_ECONTEXT in a callback; -ENOMEM. */
THRUM_API THRUM_MUST_USE int thrum_greenlet_switch(thrum_greenlet *greenlet,
                                                   void *value, void **ret);
THRUM_API THRUM_MUST_USE int thrum_greenlet_throw(thrum_greenlet *greenlet,
                                                  int code, void **ret);

/* The running greenlet, a thread's main greenlet if it has no other; NULL when
 * there is no memory for that.
 *
 * Call from:  any thread.
 * Blocks:     no.
 * Ownership:  borrowed.
 * Returns:    the greenlet. */
THRUM_API thrum_greenlet *thrum_greenlet_current(void);

/* Where the thread goes on when it ends. Setting it takes a reference of the
 * new one and drops one of the old.
 *
 * Call from:  its own thread.
 * Blocks:     no.
 * Ownership:  borrowed from the greenlet; NULL: it is a main greenlet.
 * Returns:    the parent; 0; -EINVAL for NULL; THRUM_EBADSWITCH for a main
 *             greenlet or a cycle; THRUM_ETHREAD when it has begun and the new
 *             one belongs to another thread (L12). */
THRUM_API thrum_greenlet *thrum_greenlet_parent(const thrum_greenlet *greenlet);
THRUM_API THRUM_MUST_USE int thrum_greenlet_set_parent(thrum_greenlet *greenlet,
                                                       thrum_greenlet *parent);

/* Its function, before it has begun (L4).
 *
 * Call from:  its own thread.
 * Blocks:     no.
 * Ownership:  -
 * Returns:    0; THRUM_ESTATE when it has begun, or is a main greenlet. */
THRUM_API THRUM_MUST_USE int thrum_greenlet_set_fn(thrum_greenlet *greenlet,
                                                   thrum_fn *fn);

/* What it is doing; active: begun and not ended; dead: ended (L3).
 *
 * Call from:  any thread.
 * Blocks:     no.
 * Ownership:  -
 * Returns:    the state; whether it is so. */
THRUM_API thrum_greenlet_state
thrum_greenlet_get_state(const thrum_greenlet *greenlet);
THRUM_API bool thrum_greenlet_active(const thrum_greenlet *greenlet);
THRUM_API bool thrum_greenlet_dead(const thrum_greenlet *greenlet);

/* The error that it has ended with.
 *
 * Call from:  its own thread.
 * Blocks:     no.
 * Ownership:  borrowed until its last unref.
 * Returns:    the error or NULL. */
THRUM_API const thrum_error *
thrum_greenlet_error(const thrum_greenlet *greenlet);

/* A pointer that goes with the greenlet, for whatever its program calls its
 * context. A new greenlet inherits that of the one which makes it (L28).
 *
 * Call from:  its own thread; of one that does not run from any.
 * Blocks:     no.
 * Ownership:  passed as it is.
 * Returns:    the pointer; 0; THRUM_ETHREAD when it runs in another thread. */
THRUM_API void *thrum_greenlet_context(const thrum_greenlet *greenlet);
THRUM_API THRUM_MUST_USE int
thrum_greenlet_set_context(thrum_greenlet *greenlet, void *context);

/* Names it, for dumps and debuggers; NULL is no name.
 *
 * Call from:  its own thread.
 * Blocks:     no.
 * Ownership:  23 characters are copied; the name is borrowed until it ends.
 * Returns:    the name, "" without one or when it has ended. */
THRUM_API void thrum_greenlet_set_name(thrum_greenlet *greenlet,
                                       const char *name);
THRUM_API const char *thrum_greenlet_name(const thrum_greenlet *greenlet);

/* Its size, and how deep it has been.
 *
 * Call from:  its own thread.
 * Blocks:     for a system call or two.
 * Ownership:  fills in `*info`.
 * Returns:    0; -EINVAL for an info of another size; THRUM_ESTATE when it has
 *             ended, or is a main greenlet. */
THRUM_API THRUM_MUST_USE int
thrum_greenlet_stack(const thrum_greenlet *greenlet, thrum_stack_info *info);

/* Where a suspended greenlet stands: the return addresses of its frames, the
 * innermost first (L30).
 *
 * Call from:  its own thread.
 * Blocks:     no; the first call may load a library.
 * Ownership:  fills in up to `max` of `frames`.
 * Returns:    how many; 0 for one that runs, has not begun or has ended, and
 *             where stacks cannot be walked (switching by ucontext). */
THRUM_API int thrum_greenlet_backtrace(const thrum_greenlet *greenlet,
                                       void **frames, int max);

/* ---- the switch hook ---- */

typedef enum thrum_greenlet_event {
    THRUM_GREENLET_SWITCH, /* with a value */
    THRUM_GREENLET_THROW,  /* with an error */
    THRUM_GREENLET_START,  /* target begins, before its function is called */
    THRUM_GREENLET_EXIT,   /* origin has ended; a switch or throw follows */
} thrum_greenlet_event;

/* Called after a switch, in the greenlet that now runs; it may switch itself,
 * and is not called meanwhile. Events not known are to be ignored. A code below
 * 0 ends the tracing, and is what the switch returns (L26). */
typedef int thrum_greenlet_trace_fn(thrum_greenlet_event event,
                                    thrum_greenlet *origin,
                                    thrum_greenlet *target, void *arg);

/* Sets the calling thread's hook; NULL is none, and costs nothing.
 *
 * Call from:  any thread.
 * Blocks:     no.
 * Ownership:  `arg` is passed as it is. `ret_old_arg` may be NULL.
 * Returns:    the hook that was set before, and its argument. */
THRUM_API thrum_greenlet_trace_fn *
thrum_greenlet_set_trace(thrum_greenlet_trace_fn *fn, void *arg,
                         void **ret_old_arg);

THRUM_AUTO_TYPE(thrum_greenlet, thrum_greenlet_unref)

THRUM_END_DECLS

#endif /* THRUM_GREENLET_H */
