/* SPDX-License-Identifier: MIT */
/*
 * thrum/base.h - what every other header of Thrum stands on.
 *
 * Deadlines, the shape of a task, the version, and the two hooks that a
 * program may set before anything else: its allocator and its log.
 *
 * A deadline is a point in time, not a span: it can be passed down through
 * any number of calls, and each of them ends by it.
 *
 *     thrum_time deadline = thrum_in_ms(250);
 *     rc = thrum_future_result(first, deadline, &a);
 *     if (rc == 0)
 *         rc = thrum_future_result(second, deadline, &b);
 */
#ifndef THRUM_BASE_H
#define THRUM_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
# define THRUM_BEGIN_DECLS extern "C" {
# define THRUM_END_DECLS   }
#else
# define THRUM_BEGIN_DECLS
# define THRUM_END_DECLS
#endif

#define THRUM_API                 __attribute__((visibility("default")))
#define THRUM_MUST_USE            __attribute__((warn_unused_result))
#define THRUM_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define THRUM_DEPRECATED          __attribute__((deprecated))

#define THRUM_VERSION_MAJOR 0
#define THRUM_VERSION_MINOR 1
#define THRUM_VERSION_PATCH 0
/* 0xMMmmpp of the headers; thrum_version() tells that of the library. */
#define THRUM_VERSION \
 (THRUM_VERSION_MAJOR << 16 | THRUM_VERSION_MINOR << 8 | THRUM_VERSION_PATCH)

/* Drops the variable's reference, or frees its object, when it goes out of
 * scope (gcc and clang):  THRUM_AUTO(thrum_future) f = NULL;
 * Works for every counted or owned type of Thrum that has a THRUM_AUTO_TYPE
 * line in its header. */
#define THRUM_AUTO(type) __attribute__((cleanup(type##_auto_))) type *
#define THRUM_AUTO_TYPE(type, drop)             \
 static inline void type##_auto_(type **object) \
 {                                              \
  if (*object != NULL)                          \
   drop(*object);                               \
 }

THRUM_BEGIN_DECLS

/* A task's function, a generator's, a greenlet's: the shape of a pthread's. */
typedef void *thrum_fn(void *arg);

/* A point in time: nanoseconds of CLOCK_MONOTONIC. A struct, so that a bare
 * number, which might be a span or of another unit, does not compile. */
typedef struct thrum_time {
    int64_t ns;
} thrum_time;

static inline thrum_time thrum_at_ns(int64_t ns)
{
    thrum_time time;
    time.ns = ns;
    return time;
}

#define THRUM_NOW     thrum_at_ns(0) /* past already: look, do not wait */
#define THRUM_FOREVER thrum_at_ns(INT64_MAX) /* no deadline */

/* The present, and points after it. A span too long to count ends at
 * THRUM_FOREVER; a negative one is past, so the call that gets it only looks.
 *
 * Call from:  anywhere, signal handlers included.
 * Blocks:     no.
 * Ownership:  plain values.
 * Returns:    the point in time. */
THRUM_API thrum_time thrum_now(void);
THRUM_API thrum_time thrum_in_ns(int64_t ns);
THRUM_API thrum_time thrum_in_us(int64_t us);
THRUM_API thrum_time thrum_in_ms(int64_t ms);
THRUM_API thrum_time thrum_in_s(int64_t s);

/* The version of the library that is running: 0xMMmmpp, and in words.
 *
 * Call from:  anywhere.
 * Blocks:     no.
 * Ownership:  the string is static.
 * Returns:    the number; the string, "0.1.0". */
THRUM_API unsigned thrum_version(void);
THRUM_API const char *thrum_version_string(void);

/* Where Thrum takes its memory from. `alloc` and `free` must be safe to call
 * from any thread; memory is aligned as malloc's. `arg` comes back as it is. */
typedef struct thrum_allocator {
    size_t size; /* sizeof(thrum_allocator) */
    void *(*alloc)(size_t bytes, void *arg);
    void (*free)(void *memory, void *arg);
    void *arg;
} thrum_allocator;

/* Sets the allocator of the whole process; NULL is malloc and free again.
 *
 * Call from:  one thread, before anything else of Thrum is used.
 * Blocks:     no.
 * Ownership:  `allocator` is copied.
 * Returns:    0; -EINVAL if a function is missing; -EBUSY when memory was
 *             taken from the one before already. */
THRUM_API THRUM_MUST_USE int
thrum_set_allocator(const thrum_allocator *allocator);

typedef enum thrum_log_level {
    THRUM_LOG_ERROR = 1, /* something was lost or broken */
    THRUM_LOG_WARNING,   /* the program goes on, somebody should look */
    THRUM_LOG_INFO,
} thrum_log_level;

typedef void thrum_log_fn(thrum_log_level level, const char *message,
                          void *arg);

/* Sends the library's messages to `fn`; NULL, the default, drops them: the
 * library never writes to a descriptor of the program by itself.
 *
 * Call from:  any thread; `fn` may be called from any thread at any time.
 * Blocks:     no.
 * Ownership:  `arg` is passed as it is; `message` is valid during the call.
 * Returns:    nothing. */
THRUM_API void thrum_set_log(thrum_log_fn *fn, void *arg);

THRUM_END_DECLS

#endif /* THRUM_BASE_H */
