/* SPDX-License-Identifier: MIT */
/*
 * test/api/generators.h - generators for tests, and what they have seen.
 *
 * assert_...() and those who use it are for the test's own stack; on that of a
 * generator: CHECK().
 */
#ifndef TEST_GENERATORS_H
#define TEST_GENERATORS_H

#include <errno.h>
#include <string.h>

#include "futures.h"

/* What became of a body, and what it is to do. */
struct seen {
    unsigned begun;    /* how often it was called */
    unsigned went_on;  /* how many of its yields have returned */
    unsigned ended;    /* how often it came to its end */
    unsigned deferred; /* how many of its deferred calls were made */
    int code;          /* what its last yield has returned */
    void *sent;        /* what came with that */
    int raises;        /* the code that it ends with; 0: none */
    void *value;       /* what it returns otherwise */
};

static inline void seen_yield(struct seen *seen, void *value)
{
    seen->sent = NULL;
    seen->code = thrum_yield(value, &seen->sent);
    seen->went_on++;
}

static inline void *seen_end(struct seen *seen)
{
    seen->ended++;
    if (seen->raises != 0)
        return thrum_raise(seen->raises, "as told");
    return seen->value;
}

static inline void seen_deferred(void *arg)
{
    ((struct seen *)arg)->deferred++;
}

/* Yields what it was sent, NULL at first, until its yield fails. */
static inline void *echo_body(void *arg)
{
    struct seen *seen = arg;

    seen->begun++;
    CHECK_INT(thrum_defer(seen_deferred, seen), 0);
    seen->sent = NULL;
    do
        seen_yield(seen, seen->sent);
    while (seen->code == 0);
    return seen_end(seen);
}

/* Yields once, and ends whatever comes. */
static inline void *once_body(void *arg)
{
    struct seen *seen = arg;

    seen->begun++;
    CHECK_INT(thrum_defer(seen_deferred, seen), 0);
    seen_yield(seen, seen);
    return seen_end(seen);
}

/* Yields twice, whatever the first one says. */
static inline void *twice_body(void *arg)
{
    struct seen *seen = arg;

    seen->begun++;
    CHECK_INT(thrum_defer(seen_deferred, seen), 0);
    seen_yield(seen, seen);
    seen_yield(seen, &seen->went_on);
    return seen_end(seen);
}

/* Yields 1 up to the number that its argument points to. */
static inline void *count_body(void *arg)
{
    for (int i = 1; i <= *(int *)arg; i++)
        if (thrum_yield(&i, NULL) != 0)
            break;
    return NULL;
}

static inline thrum_generator *generator_of(thrum_fn *fn, void *arg)
{
    thrum_generator *generator = NULL;

    assert_int_equal(thrum_generator_new(fn, arg, 0, NULL, &generator), 0);
    return generator;
}

/* The same, pulled once: it stands at its first yield. */
static inline thrum_generator *generator_begun(thrum_fn *fn, void *arg)
{
    thrum_generator *generator = generator_of(fn, arg);

    assert_int_equal(thrum_generator_next(generator, NULL), 0);
    return generator;
}

#define assert_state(generator, state) \
 assert_int_equal(thrum_generator_get_state(generator), THRUM_GENERATOR_##state)

/* Its next is a pointer to this number. */
static inline void assert_next_number(thrum_generator *generator, int expected)
{
    void *value = NULL;

    assert_int_equal(thrum_generator_next(generator, &value), 0);
    assert_non_null(value);
    assert_int_equal(*(int *)value, expected);
}

/* It has ended, and has nothing more to say. */
static inline void assert_exhausted(thrum_generator *generator)
{
    for (int i = 0; i < 2; i++) {
        void *value = &value;

        assert_int_equal(thrum_generator_next(generator, &value), THRUM_ESTOP);
        assert_null(value);
    }
    assert_state(generator, CLOSED);
}

static inline int generator_error_code(thrum_generator *generator)
{
    const thrum_error *error = thrum_generator_error(generator);

    return error == NULL ? 0 : error->code;
}

/* ---- yielding from another ---- */

/* One that yields from another, and what that came to. */
struct outer {
    thrum_generator *inner;
    int code;       /* of its yield-from; 1 before that has returned */
    void *result;   /* likewise */
    unsigned ran;   /* how often its body has been going */
    bool goes_on;   /* yields once more then, whatever the code */
    bool passes_on; /* returns what it got */
};

static inline void *outer_body(void *arg)
{
    struct outer *outer = arg;

    CHECK_INT(
        thrum_defer((void (*)(void *))thrum_generator_unref, outer->inner), 0);
    outer->ran++;
    outer->code = 1;
    outer->code = thrum_yield_from(outer->inner, &outer->result);
    outer->ran++;
    if (outer->goes_on)
        CHECK_INT(thrum_yield(outer, NULL), 0);
    return outer->passes_on ? outer->result : NULL;
}

/* It takes over `inner`. */
static inline thrum_generator *outer_of(struct outer *outer,
                                        thrum_generator *inner)
{
    outer->inner = inner;
    outer->code = 1;
    return generator_of(outer_body, outer);
}

static inline thrum_generator *outer_begun(struct outer *outer,
                                           thrum_generator *inner)
{
    thrum_generator *generator = outer_of(outer, inner);

    assert_int_equal(thrum_generator_next(generator, NULL), 0);
    return generator;
}

/* ---- errors that nobody asked for ---- */

struct reported {
    atomic_uint count;
    atomic_int code; /* of the last one */
};

static inline void reported_note(const thrum_error *error, void *arg)
{
    struct reported *reported = arg;

    atomic_store(&reported->code, error->code);
    atomic_fetch_add(&reported->count, 1);
}

/* From here on up to its end errors are counted there. */
static inline void reported_begin(struct reported *reported)
{
    atomic_store(&reported->count, 0);
    atomic_store(&reported->code, 0);
    thrum_set_error_handler(reported_note, reported);
}

static inline void reported_end(struct reported *reported, unsigned count,
                                int code)
{
    thrum_set_error_handler(NULL, NULL);
    CHECK_INT(atomic_load(&reported->count), count);
    CHECK_INT(atomic_load(&reported->code), code);
}

#endif /* TEST_GENERATORS_H */
