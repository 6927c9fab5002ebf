/* SPDX-License-Identifier: MIT */
/*
 * test/api/actors.h - the same test with threads, with greenlets, and mixed.
 *
 *     for_each_cast(cast) {
 *         struct actor a;
 *         actor_start(&a, cast_next(&cast), fn, arg);
 *         ...
 *         actor_join(&a);
 *     }
 */
#ifndef TEST_ACTORS_H
#define TEST_ACTORS_H

#include <thrum.h>

#include "thrum_test.h"

enum actor_kind {
    ACTOR_THREAD,
};

struct cast {
    unsigned number; /* which of them this is */
    unsigned actors; /* made so far */
};

#define CASTS 1
#define for_each_cast(name) \
 for (struct cast name = {0, 0}; name.number < CASTS; name.number++)

struct actor {
    enum actor_kind kind;
    struct test_thread *thread;
};

/* What the next actor is. */
static inline enum actor_kind cast_next(struct cast *cast)
{
    (void)cast;
    return ACTOR_THREAD;
}

static inline void actor_start(struct actor *actor, struct cast *cast,
                               void *(*fn)(void *), void *arg)
{
    actor->kind = cast_next(cast);
    actor->thread = spawn_thread(fn, arg);
}

/* Lets it run until it waits. */
static inline void actor_await_sleep(struct actor *actor)
{
    thread_await_sleep(actor->thread);
}

static inline void actor_join(struct actor *actor)
{
    join_thread(actor->thread);
}

#endif /* TEST_ACTORS_H */
