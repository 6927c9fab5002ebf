/* SPDX-License-Identifier: MIT */
/*
 * thrum/generator.h - a function that stops in the middle and keeps its state.
 *
 * A generator is a function on a stack of its own. It yields values, one at a
 * time, to whoever calls next; between the two it stands still.
 *
 *     static void *countdown(void *from)
 *     {
 *         for (int n = *(int *)from; n > 0; n--)
 *             if (thrum_yield(&n, NULL) != 0)
 *                 break;
 *         return NULL;
 *     }
 *
 *     int from = 3;
 *     int rc = thrum_generator_new(countdown, &from, sizeof(from), NULL, &g);
 *     THRUM_EACH(int, n, g, rc)
 *         printf("%d\n", *n);
 *     thrum_generator_unref(g);
 *
 * What is yielded is a pointer that is good until the generator goes on: that
 * of a local variable will do.
 *
 * Its function is a body, as a task's is: it fails by thrum_raise(), and
 * thrum_return() gives its result storage. An error thrown into it, or a
 * cancellation, is what its yield returns, and is pending from then on as if
 * the body had raised it itself: returning NULL passes it on. It is dealt with
 * by thrum_error_clear(), by yielding again, or by returning a value.
 *
 * A generator runs in the thread and greenlet that pulls it; all nexts after
 * the first must come from the same thread. Rules: G1-G20, Y1-Y7.
 */
#ifndef THRUM_GENERATOR_H
#define THRUM_GENERATOR_H

#include <thrum/error.h>
#include <thrum/iter.h>
#include <thrum/stack.h>

THRUM_BEGIN_DECLS

typedef struct thrum_generator thrum_generator; /* opaque, counted */

typedef enum thrum_generator_state {
    THRUM_GENERATOR_CREATED,   /* nothing of its function has run */
    THRUM_GENERATOR_RUNNING,   /* somebody is inside next */
    THRUM_GENERATOR_SUSPENDED, /* it stands at a yield */
    THRUM_GENERATOR_CLOSED,    /* its function has ended */
} thrum_generator_state;

/* Makes a generator; nothing of `fn` runs before the first next (G1).
 *
 * Call from:  any thread.
 * Blocks:     no.
 * Ownership:  the caller gets one reference; of the argument `size` bytes are
 *             copied, up to a quarter of the stack; with 0 `fn` gets the
 *             pointer as it is. `options` NULL: the defaults.
 * Returns:    0; -EINVAL for no function, options of another size, a stack
 *             smaller than thrum_stack_least() or larger than 64 MiB; -E2BIG
 *             for an argument that is too large; -ENOMEM; THRUM_ESTACK. */
THRUM_API THRUM_MUST_USE int
thrum_generator_new(thrum_fn *fn, const void *arg, size_t size,
                    const thrum_stack_options *options, thrum_generator **ret);

/* Takes one more reference, gives one back. The last unref closes a generator
 * that is suspended (G17): in its own thread at once, from another when that
 * thread next uses a generator or greenlet, or ends. An error there goes to the
 * handler of thrum_set_error_handler().
 *
 * Call from:  any thread, the generator itself included.
 * Blocks:     no; unref as long as the body takes to end.
 * Ownership:  ref gives the caller one reference, unref takes it. NULL is
 *             allowed for unref.
 * Returns:    ref: the same generator. */
THRUM_API thrum_generator *thrum_generator_ref(thrum_generator *generator);
THRUM_API void thrum_generator_unref(thrum_generator *generator);

/* Goes on to the next yield. send gives its yield a value, throw an error:
 * an errno or code below 0, but not THRUM_ESTOP.
 *
 * Call from:  the thread of the first call; not from the generator itself.
 * Blocks:     as the body does.
 * Ownership:  the yielded value is borrowed until the generator goes on; the
 *             result until its last unref, or a throw. `ret` may be NULL.
 * Returns:    0 and the yielded value; THRUM_ESTOP when the body has returned,
 *             with its result the first time, later with NULL (G5);
 *             THRUM_EFAILED when it has failed, see thrum_generator_error().
 *             Nothing has run: THRUM_ESTART for a value other than NULL that
 *             is sent before the first yield; -EBUSY when it runs already, or
 *             another one yields from it; THRUM_ETHREAD, THRUM_EGONE when it
 *             belongs to another thread, that is still there or not; -EINVAL
 *             for a code that is no error; -ENOMEM. */
THRUM_API THRUM_MUST_USE int thrum_generator_next(thrum_generator *generator,
                                                  void **ret);
THRUM_API THRUM_MUST_USE int thrum_generator_send(thrum_generator *generator,
                                                  void *value, void **ret);
THRUM_API THRUM_MUST_USE int thrum_generator_throw(thrum_generator *generator,
                                                   int code, void **ret);

/* Ends it: its yield returns -ECANCELED. One that has not begun or has ended
 * is just closed, any number of times.
 *
 * Call from:  as next.
 * Blocks:     as the body does.
 * Ownership:  as next.
 * Returns:    0, with the body's result if it returned one, else NULL (G13);
 *             THRUM_EFAILED when it ended with another error (G12);
 *             THRUM_EIGNORED when it yielded instead, and is still suspended
 *             (G11); nothing has run: -EBUSY, THRUM_ETHREAD, THRUM_EGONE. */
THRUM_API int thrum_generator_close(thrum_generator *generator, void **ret);

/* The error that it failed with, or that was thrown into it last.
 *
 * Call from:  its own thread.
 * Blocks:     no.
 * Ownership:  borrowed until the next throw or the last unref.
 * Returns:    the error or NULL. */
THRUM_API const thrum_error *
thrum_generator_error(const thrum_generator *generator);

/* What it is doing; and the one that it yields from at the moment, if any
 * (G20). A generator that is yielded from is in the state of the outermost; to
 * other threads it seems to run.
 *
 * Call from:  state: any thread; delegate: its own.
 * Blocks:     no.
 * Ownership:  the delegate is borrowed until the generator goes on.
 * Returns:    the state; the generator or NULL. */
THRUM_API thrum_generator_state
thrum_generator_get_state(const thrum_generator *generator);
THRUM_API thrum_generator *
thrum_generator_delegate(const thrum_generator *generator);

/* Its size, and how deep it has been.
 *
 * Call from:  its own thread.
 * Blocks:     for a system call or two.
 * Ownership:  fills in `*info`.
 * Returns:    0; -EINVAL for an info of another size; THRUM_ESTATE when it has
 *             ended, and its stack is somebody else's. */
THRUM_API THRUM_MUST_USE int
thrum_generator_stack(const thrum_generator *generator, thrum_stack_info *info);

/* Names it, for dumps and debuggers; NULL is no name.
 *
 * Call from:  its own thread.
 * Blocks:     no.
 * Ownership:  23 characters are copied.
 * Returns:    nothing. */
THRUM_API void thrum_generator_set_name(thrum_generator *generator,
                                        const char *name);

/* In a generator: gives a value to the one that called next, and stands still
 * until the next call.
 *
 * Call from:  the function of a generator, or what it calls.
 * Blocks:     until the next next, send, throw or close.
 * Ownership:  `value` is passed as it is. `ret_sent`, if not NULL, gets what
 *             was sent: NULL by next.
 * Returns:    0; the code that was thrown; -ECANCELED when it is being closed:
 *             clean up and return. THRUM_ECONTEXT outside of a generator, or in
 *             a callback. */
THRUM_API int thrum_yield(void *value, void **ret_sent);

/* In a generator: yields all that another generator, or an iterator, yields,
 * as if its body stood here: values, sent values and errors pass by without
 * the one in between, however deep that is (Y1-Y7).
 *
 * Call from:  the function of a generator, or what it calls.
 * Blocks:     until the inner one has ended.
 * Ownership:  holds `inner` meanwhile; an iterator is borrowed. The result is
 *             borrowed from `inner`. `ret_value` may be NULL.
 * Returns:    0 and the inner one's result (of an iterator NULL); the code that
 *             the inner one failed with, or that was thrown; -ECANCELED when it
 *             is being closed. Nothing has run: -EBUSY when `inner` runs, is
 *             this very one, or is yielded from by another; THRUM_ETHREAD,
 *             THRUM_EGONE, THRUM_ECONTEXT. Of an iterator: -ENOTSUP for a value
 *             that was sent, which it cannot take (Y5). */
THRUM_API int thrum_yield_from(thrum_generator *inner, void **ret_value);
THRUM_API int thrum_yield_from_iter(thrum_iter *inner);

/* In a generator or greenlet: has fn(arg) called when its function has ended,
 * however that comes about; the last one deferred is called first.
 *
 * Call from:  the function of a generator or greenlet, or what it calls.
 * Blocks:     no.
 * Ownership:  `arg` is passed as it is.
 * Returns:    0; -EINVAL for no function; -ENOMEM; THRUM_ECONTEXT elsewhere:
 *             then `fn` will not be called. */
THRUM_API THRUM_MUST_USE int thrum_defer(void (*fn)(void *arg), void *arg);

/* An iterator over what a generator yields: map and zip take it. `item_size`
 * is that of what the yielded pointers point to; 0: plain pointers. A failed
 * generator is one failed item, and then the end.
 *
 * Call from:  any thread; next of it from the generator's.
 * Blocks:     no.
 * Ownership:  the iterator holds the generator; the caller owns the iterator.
 * Returns:    0; -ENOMEM. */
THRUM_API THRUM_MUST_USE int thrum_generator_iter(thrum_generator *generator,
                                                  size_t item_size,
                                                  thrum_iter **ret);

/* For THRUM_EACH: the next value, or NULL with the code. */
static inline void *thrum_generator_pull(thrum_generator *generator,
                                         int *ret_code)
{
    void *value = NULL;

    *ret_code = thrum_generator_next(generator, &value);
    return *ret_code == 0 ? value : NULL;
}

/* A loop over a generator that yields pointers to `type`: in it, `item` points
 * to one after the other. Afterwards `rc` is THRUM_ESTOP at the end, else why
 * it ended; 0 after a break. */
#define THRUM_EACH(type, item, generator, rc) \
 for (type * item;                            \
      (item = (type *)thrum_generator_pull((generator), &(rc)), (rc) == 0);)

/* Yields a value of a type, from a copy of it:  rc = THRUM_YIELD(int, n * n);
 * (C, not C++) */
#define THRUM_YIELD(type, ...) thrum_yield((type[1]){(__VA_ARGS__)}, NULL)

THRUM_AUTO_TYPE(thrum_generator, thrum_generator_unref)

THRUM_END_DECLS

#endif /* THRUM_GENERATOR_H */
