/* SPDX-License-Identifier: MIT */
/*
 * thrum/error.h - codes, and why a task has no result.
 *
 * Functions return 0 or a count, or a negative code: -errno where an errno
 * says it, THRUM_E... where none does, the program's own below THRUM_EUSER.
 *
 * A body (one call of a task's function) fails by raising:
 *
 *     void *load(void *path)
 *     {
 *         FILE *file = fopen(path, "r");
 *         if (file == NULL)
 *             return thrum_raise(-errno, "cannot open %s", (char *)path);
 *         ...
 *     }
 *
 * It fails if and only if it returns NULL while an error is pending; returning
 * anything else drops the error. A second raise takes the first as its cause.
 */
#ifndef THRUM_ERROR_H
#define THRUM_ERROR_H

#include <stdio.h>

#include <thrum/base.h>

THRUM_BEGIN_DECLS

/* code, value, what thrum_strerror() says */
#define THRUM_ERRORS(X)                                                   \
 X(EFAILED, -4097, "the task failed")                                     \
 X(ECANCELLED, -4098, "the future was cancelled")                         \
 X(ESTOP, -4099, "no more items")                                         \
 X(EBROKEN, -4100, "broken: nobody is left who could do it")              \
 X(ESHUTDOWN, -4101, "the executor was shut down")                        \
 X(ENOTSHARED, -4102, "a plain pointer means nothing in another process") \
 X(ECONTEXT, -4103, "not allowed here: in a callback, outside of a body") \
 X(ECRASHED, -4104, "the worker crashed")                                 \
 X(EEXITED, -4105, "the task ended its thread or process")                \
 X(EEXPIRED, -4106, "the task's own deadline passed")                     \
 X(ERLIMIT, -4107, "the task hit a resource limit")                       \
 X(EFULL, -4108, "the queue is full")                                     \
 X(ESTATE, -4109, "the future is settled or not in the state for this")   \
 X(ECLOSED, -4110, "closed")                                              \
 X(ESTART, -4111, "a value was sent to a generator that has not begun")   \
 X(EIGNORED, -4112, "the body yielded instead of ending")                 \
 X(EBADSWITCH, -4113, "no function to run, or not to be re-parented so")  \
 X(ETHREAD, -4114, "it belongs to another thread")                        \
 X(EGONE, -4115, "its thread has ended")                                  \
 X(ESTACK, -4116, "no guarded stack is to be had: too many mappings")

enum {
#define THRUM_ERROR_ENUM(name, value, text) THRUM_##name = value,
    THRUM_ERRORS(THRUM_ERROR_ENUM)
#undef THRUM_ERROR_ENUM
    THRUM_EUSER = -65536, /* this and below: the program's own codes */
};

/* Why a task has no result. Made by the library only, read by anybody;
 * borrowed from the future, body or iterator that it was got from. */
typedef struct thrum_error thrum_error;
struct thrum_error {
    int code;                 /* negative; what was raised, or THRUM_E... */
    int line;                 /* where it was raised; 0: not by a raise */
    const char *message;      /* never NULL */
    const char *file;         /* NULL: not by a raise */
    const thrum_error *cause; /* what was pending when this was raised */
    int pid;                  /* of the process that died of it, or 0 */
    int signal;               /* that killed it, or 0 */
    int exit_code;            /* that it ended with, or 0 */
    const char *backtrace;    /* as text, or NULL */
};

/* Fails the running body:  return thrum_raise(code, "format", ...);
 * Out of memory keeps the code and loses the message. Outside of a body the
 * error goes to the handler of thrum_set_error_handler().
 *
 * Call from:  a body.
 * Blocks:     no.
 * Ownership:  the message is formatted and copied.
 * Returns:    NULL, always. A code of 0 or above counts as -EINVAL. */
#define thrum_raise(...) thrum_raise_at(__FILE__, __LINE__, __VA_ARGS__)
THRUM_API void *thrum_raise_at(const char *file, int line, int code,
                               const char *format, ...) THRUM_PRINTF(4, 5);

/* The error that the innermost running body has raised, if any; and its end,
 * for a body that returns NULL and means it as its value.
 *
 * Call from:  anywhere; outside of a body there is none.
 * Blocks:     no.
 * Ownership:  borrowed from the body: until it ends, raises or clears.
 * Returns:    the error or NULL. */
THRUM_API const thrum_error *thrum_error_pending(void);
THRUM_API void thrum_error_clear(void);

/* What a code means: Thrum's codes and -errno alike.
 *
 * Call from:  any thread; not async-signal-safe.
 * Blocks:     no.
 * Ownership:  the text is static (for an unknown errno: per thread).
 * Returns:    never NULL. */
THRUM_API const char *thrum_strerror(int code);

/* Writes an error and its causes, a line each.
 *
 * Call from:  any thread.
 * Blocks:     as stdio does.
 * Ownership:  borrows both.
 * Returns:    nothing; `error` may be NULL. */
THRUM_API void thrum_error_print(const thrum_error *error, FILE *stream);

/* Gets the errors that nobody will ask for: raised outside of a body, or by a
 * detached task. The default writes them to the log (thrum_set_log()).
 *
 * Call from:  any thread; `fn` is called from the thread that had the error.
 * Blocks:     no.
 * Ownership:  `error` is valid during the call of `fn`.
 * Returns:    nothing; NULL is the default again. */
THRUM_API void thrum_set_error_handler(void (*fn)(const thrum_error *error,
                                                  void *arg),
                                       void *arg);

/* Results that are more than a pointer (for  return ptr;  none is needed):
 *   return thrum_return(buf, n);     n bytes are copied; the future owns them
 *   p = thrum_return_alloc(n); ...; return p;      the same, filled in place
 *   return thrum_return_owned(p, free);     p is freed at the last unref
 * thrum_future_result_size() tells n (0 for a plain or owned pointer).
 *
 * Call from:  a body. Only the last call before it returns counts.
 * Blocks:     no.
 * Ownership:  the future's when the body returns that pointer; given up when
 *             the body returns anything else (owned pointers are freed then).
 * Returns:    the pointer to return; NULL with -ENOMEM raised when there is no
 *             memory (thrum_return_owned has freed p then), or with
 *             THRUM_ECONTEXT raised outside of a body. */
THRUM_API void *thrum_return(const void *buf, size_t n);
THRUM_API void *thrum_return_alloc(size_t n);
THRUM_API void *thrum_return_owned(void *ptr, void (*free_fn)(void *));

THRUM_END_DECLS

#endif /* THRUM_ERROR_H */
