/* SPDX-License-Identifier: MIT */
/*
 * test/support/actors.h - the same test with threads, with greenlets, and both.
 *
 *     static void wait_for_it(void *stage, unsigned index) { ... }
 *
 *     TEST_ACTORS(set_wakes_all_who_wait)
 *     {
 *         struct actors actors;
 *
 *         actors_begin(&actors, mode);
 *         actors_add(&actors, wait_for_it, &stage);
 *         ...
 *         actors_end(&actors);
 *     }
 *
 * is one test for each mode. The actors are threads, or greenlets of one thread
 * more, or by turns the one and the other. The test itself runs in a thread
 * without a hub, so it may wait as it likes.
 */
#ifndef TEST_ACTORS_H
#define TEST_ACTORS_H

#include <thrum.h>

#include "thrum_test.h"

enum actors_mode {
    ACTORS_THREADS,
    ACTORS_GREENLETS,
    ACTORS_MIXED,
};

typedef void actor_fn(void *stage, unsigned index);

struct actor {
    actor_fn *fn;
    void *stage;
    unsigned index;
    struct test_thread *thread;
};

#define ACTORS_MOST 64

struct actors {
    enum actors_mode mode;
    unsigned count;
    struct actor actor[ACTORS_MOST];
};

#define TEST_ACTORS(name)                      \
 static void name##_in(enum actors_mode mode); \
 TEST(name##_in_threads)                       \
 {                                             \
  name##_in(ACTORS_THREADS);                   \
 }                                             \
 static void name##_in(enum actors_mode mode)

static inline void *actor_main(void *arg)
{
    struct actor *actor = arg;

    actor->fn(actor->stage, actor->index);
    return NULL;
}

static inline void actors_begin(struct actors *actors, enum actors_mode mode)
{
    actors->mode = mode;
    actors->count = 0;
}

/* Adds one, whose index is the number of those before it. */
static inline void actors_add(struct actors *actors, actor_fn *fn, void *stage)
{
    struct actor *actor = &actors->actor[actors->count];

    assert_true(actors->count < ACTORS_MOST);
    actor->fn = fn;
    actor->stage = stage;
    actor->index = actors->count++;
    actor->thread = spawn_thread(actor_main, actor);
}

static inline void actors_add_many(struct actors *actors, unsigned n,
                                   actor_fn *fn, void *stage)
{
    for (unsigned i = 0; i < n; i++)
        actors_add(actors, fn, stage);
}

/* Waits until all have come to their end. */
static inline void actors_end(struct actors *actors)
{
    for (unsigned i = 0; i < actors->count; i++)
        join_thread(actors->actor[i].thread);
}

#endif /* TEST_ACTORS_H */
