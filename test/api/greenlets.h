/* SPDX-License-Identifier: MIT */
/*
 * test/api/greenlets.h - greenlets made and switched to in one line.
 *
 * They CHECK, and never assert: cmocka's assertions jump to the start of the
 * test, which is right only on the test's own stack.
 */
#ifndef TEST_GREENLETS_H
#define TEST_GREENLETS_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <thrum.h>

#include "thrum_test.h"

/* A number as the word that is passed. */
static inline void *word(intptr_t number)
{
    return (void *)number;
}

static inline intptr_t number_of(void *word)
{
    return (intptr_t)word;
}

static inline thrum_greenlet *greenlet_of(thrum_fn *fn, thrum_greenlet *parent)
{
    thrum_greenlet *greenlet = NULL;

    if (!CHECK_INT(thrum_greenlet_new(fn, parent, NULL, &greenlet), 0))
        abort();
    return greenlet;
}

/* Switches, which succeeds; what comes back. */
static inline void *pass(thrum_greenlet *greenlet, void *value)
{
    void *back = NULL;

    CHECK_INT(thrum_greenlet_switch(greenlet, value, &back), 0);
    return back;
}

/* Switches to the parent of the running one. */
static inline int yield_up(void *value, void **ret)
{
    return thrum_greenlet_switch(
        thrum_greenlet_parent(thrum_greenlet_current()), value, ret);
}

/* Returns what it is given. */
static inline void *echo(void *value)
{
    return value;
}

/* Gives back what it is given, again and again, until an error comes. */
static inline void *echo_forever(void *value)
{
    while (yield_up(value, &value) == 0)
        ;
    return NULL;
}

/* Fails with the code that it is given. */
static inline void *fail_with(void *code)
{
    return thrum_raise((int)number_of(code), "as told");
}

/* ---- what the error handler was told ---- */

struct told {
    unsigned count;
    int code;
    char message[160];
};

static inline void told_take(const thrum_error *error, void *arg)
{
    struct told *told = arg;

    told->count++;
    told->code = error->code;
    snprintf(told->message, sizeof(told->message), "%s", error->message);
}

static inline void told_begin(struct told *told)
{
    memset(told, 0, sizeof(*told));
    thrum_set_error_handler(told_take, told);
}

static inline void told_end(void)
{
    thrum_set_error_handler(NULL, NULL);
}

#endif /* TEST_GREENLETS_H */
