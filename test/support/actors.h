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
    struct test_thread *thread; /* or */
    thrum_future *greenlet;
};

#define ACTORS_MOST 64

struct actors {
    enum actors_mode mode;
    unsigned count;
    struct actor actor[ACTORS_MOST];
    struct test_thread *host; /* of the greenlets */
    thrum_semaphore to_spawn; /* for the host: another one, or the end */
    struct actor *spawn[ACTORS_MOST + 1];
    unsigned spawn_count;
};

#define TEST_ACTORS(name)                      \
 static void name##_in(enum actors_mode mode); \
 TEST(name##_in_threads)                       \
 {                                             \
  name##_in(ACTORS_THREADS);                   \
 }                                             \
 TEST(name##_in_greenlets)                     \
 {                                             \
  name##_in(ACTORS_GREENLETS);                 \
 }                                             \
 TEST(name##_in_both)                          \
 {                                             \
  name##_in(ACTORS_MIXED);                     \
 }                                             \
 static void name##_in(enum actors_mode mode)

static inline void *actor_main(void *arg)
{
    struct actor *actor = arg;

    actor->fn(actor->stage, actor->index);
    return NULL;
}

/* Spawns what it is told to, and waits for their end. */
static inline void *actors_host(void *arg)
{
    struct actors *actors = arg;
    struct actor *actor;

    for (unsigned i = 0;; i++) {
        CHECK_INT(thrum_semaphore_acquire(&actors->to_spawn, THRUM_FOREVER), 0);
        actor = actors->spawn[i];
        if (actor == NULL)
            break;
        CHECK_INT(thrum_spawn(actor_main, actor, 0, &actor->greenlet), 0);
    }
    for (unsigned i = 0; (actor = actors->spawn[i]) != NULL; i++) {
        CHECK_INT(thrum_future_result(actor->greenlet, THRUM_FOREVER, NULL), 0);
        thrum_future_unref(actor->greenlet);
    }
    return NULL;
}

static inline void actors_tell_host(struct actors *actors, struct actor *actor)
{
    actors->spawn[actors->spawn_count++] = actor;
    thrum_semaphore_release(&actors->to_spawn);
}

static inline void actors_begin(struct actors *actors, enum actors_mode mode)
{
    actors->mode = mode;
    actors->count = 0;
    actors->spawn_count = 0;
    thrum_semaphore_init(&actors->to_spawn, 0, 0);
    actors->host =
        mode == ACTORS_THREADS ? NULL : spawn_thread(actors_host, actors);
}

/* Adds one, whose index is the number of those before it. */
static inline void actors_add(struct actors *actors, actor_fn *fn, void *stage)
{
    struct actor *actor = &actors->actor[actors->count];
    bool thread = actors->mode == ACTORS_THREADS ||
                  (actors->mode == ACTORS_MIXED && actors->count % 2 == 0);

    assert_true(actors->count < ACTORS_MOST);
    actor->fn = fn;
    actor->stage = stage;
    actor->index = actors->count++;
    actor->thread = thread ? spawn_thread(actor_main, actor) : NULL;
    if (!thread)
        actors_tell_host(actors, actor);
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
        if (actors->actor[i].thread != NULL)
            join_thread(actors->actor[i].thread);
    if (actors->host == NULL)
        return;
    actors_tell_host(actors, NULL);
    join_thread(actors->host);
}

#endif /* TEST_ACTORS_H */
