/* SPDX-License-Identifier: MIT */
/*
 * test/support/players.h - the same test with threads, with greenlets, and both.
 *
 *     static void wait_for_it(void *stage, unsigned index) { ... }
 *
 *     TEST_PLAYERS(set_wakes_all_who_wait)
 *     {
 *         struct players players;
 *
 *         players_begin(&players, mode);
 *         players_add(&players, wait_for_it, &stage);
 *         ...
 *         players_end(&players);
 *     }
 *
 * is one test for each mode. The players are threads, or greenlets of one thread
 * more, or by turns the one and the other. The test itself runs in a thread
 * without a hub, so it may wait as it likes.
 */
#ifndef TEST_PLAYERS_H
#define TEST_PLAYERS_H

#include <thrum.h>

#include "thrum_test.h"

enum players_mode {
    PLAYERS_THREADS,
    PLAYERS_GREENLETS,
    PLAYERS_MIXED,
};

typedef void player_fn(void *stage, unsigned index);

struct player {
    player_fn *fn;
    void *stage;
    unsigned index;
    struct test_thread *thread; /* or */
    thrum_future *greenlet;
};

#define PLAYERS_MOST 64

struct players {
    enum players_mode mode;
    unsigned count;
    struct player player[PLAYERS_MOST];
    struct test_thread *host; /* of the greenlets */
    thrum_semaphore to_spawn; /* for the host: another one, or the end */
    struct player *spawn[PLAYERS_MOST + 1];
    unsigned spawn_count;
};

#define TEST_PLAYERS(name)                      \
 static void name##_in(enum players_mode mode); \
 TEST(name##_in_threads)                        \
 {                                              \
  name##_in(PLAYERS_THREADS);                   \
 }                                              \
 TEST(name##_in_greenlets)                      \
 {                                              \
  name##_in(PLAYERS_GREENLETS);                 \
 }                                              \
 TEST(name##_in_both)                           \
 {                                              \
  name##_in(PLAYERS_MIXED);                     \
 }                                              \
 static void name##_in(enum players_mode mode)

static inline void *player_main(void *arg)
{
    struct player *player = arg;

    player->fn(player->stage, player->index);
    return NULL;
}

/* Spawns what it is told to, and waits for their end. */
static inline void *players_host(void *arg)
{
    struct players *players = arg;
    struct player *player;

    for (unsigned i = 0;; i++) {
        CHECK_INT(thrum_semaphore_acquire(&players->to_spawn, THRUM_FOREVER),
                  0);
        player = players->spawn[i];
        if (player == NULL)
            break;
        CHECK_INT(thrum_spawn(player_main, player, 0, &player->greenlet), 0);
    }
    for (unsigned i = 0; (player = players->spawn[i]) != NULL; i++) {
        CHECK_INT(thrum_future_result(player->greenlet, THRUM_FOREVER, NULL),
                  0);
        thrum_future_unref(player->greenlet);
    }
    return NULL;
}

static inline void players_tell_host(struct players *players,
                                     struct player *player)
{
    players->spawn[players->spawn_count++] = player;
    thrum_semaphore_release(&players->to_spawn);
}

static inline void players_begin(struct players *players,
                                 enum players_mode mode)
{
    players->mode = mode;
    players->count = 0;
    players->spawn_count = 0;
    thrum_semaphore_init(&players->to_spawn, 0, 0);
    players->host =
        mode == PLAYERS_THREADS ? NULL : spawn_thread(players_host, players);
}

/* Adds one, whose index is the number of those before it. */
static inline void players_add(struct players *players, player_fn *fn,
                               void *stage)
{
    struct player *player = &players->player[players->count];
    bool thread = players->mode == PLAYERS_THREADS ||
                  (players->mode == PLAYERS_MIXED && players->count % 2 == 0);

    assert_true(players->count < PLAYERS_MOST);
    player->fn = fn;
    player->stage = stage;
    player->index = players->count++;
    player->thread = thread ? spawn_thread(player_main, player) : NULL;
    if (!thread)
        players_tell_host(players, player);
}

static inline void players_add_many(struct players *players, unsigned n,
                                    player_fn *fn, void *stage)
{
    for (unsigned i = 0; i < n; i++)
        players_add(players, fn, stage);
}

/* Waits until all have come to their end. */
static inline void players_end(struct players *players)
{
    for (unsigned i = 0; i < players->count; i++)
        if (players->player[i].thread != NULL)
            join_thread(players->player[i].thread);
    if (players->host == NULL)
        return;
    players_tell_host(players, NULL);
    join_thread(players->host);
}

#endif /* TEST_PLAYERS_H */
