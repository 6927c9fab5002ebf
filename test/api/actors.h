/* SPDX-License-Identifier: MIT */
/*
 * test/api/actors.h - the same test with threads, with greenlets, and mixed.
 *
 *     for_each_cast(cast) {
 *         struct actor a;
 *         actor_start(&a, &cast, fn, arg);
 *         ...
 *         actor_join(&a);
 *     }
 *
 * The test's own thread is in the play too: the greenlets are its own, and run
 * while it waits in a call of the library, or for an actor.
 */
#ifndef TEST_ACTORS_H
#define TEST_ACTORS_H

#include <thrum.h>

#include "thrum_test.h"

enum {
    CAST_THREADS,
    CAST_GREENLETS,
    CAST_MIXED, /* by turns */
    CASTS
};

struct cast {
    unsigned number; /* which of them this is */
    unsigned actors; /* made so far */
};

#define for_each_cast(name) \
 for (struct cast name = {0, 0}; name.number < CASTS; name.number++)

struct actor {
    struct test_thread *thread; /* one of the two */
    thrum_future *greenlet;
};

static inline bool cast_next_is_thread(struct cast *cast)
{
    unsigned turn = cast->actors++;

    return cast->number == CAST_THREADS ||
           (cast->number == CAST_MIXED && turn % 2 == 0);
}

static inline void actor_start(struct actor *actor, struct cast *cast,
                               void *(*fn)(void *), void *arg)
{
    *actor = (struct actor){NULL, NULL};
    if (cast_next_is_thread(cast))
        actor->thread = spawn_thread(fn, arg);
    else
        assert_int_equal(thrum_spawn(fn, arg, 0, &actor->greenlet), 0);
}

/* Lets it get to where it waits. */
static inline void actor_await_sleep(struct actor *actor)
{
    if (actor->thread != NULL)
        thread_await_sleep(actor->thread);
    else
        assert_int_equal(thrum_pass(), 0);
}

static inline void actor_join(struct actor *actor)
{
    if (actor->thread != NULL) {
        join_thread(actor->thread);
        return;
    }
    assert_int_equal(thrum_future_result(actor->greenlet, THRUM_FOREVER, NULL),
                     0);
    thrum_future_unref(actor->greenlet);
}

#endif /* TEST_ACTORS_H */
