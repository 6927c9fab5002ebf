/* SPDX-License-Identifier: MIT */
/*
 * test/unit/barrier_test.c - going on together, or not at all.
 */
#include <errno.h>

#include "players.h"
#include "sync_waiting.h"

#define PARTIES 4u

struct stage {
    thrum_barrier barrier;
    struct log log;
    atomic_uint arrived;
    atomic_uint broken;
};

#define STAGE                            \
 {                                       \
  .barrier = THRUM_BARRIER_INIT(PARTIES) \
 }

static void go_round(void *arg, unsigned index)
{
    struct stage *stage = arg;
    unsigned rounds = test_scale(500);

    (void)index;
    for (unsigned i = 0; i < rounds; i++) {
        int place;

        atomic_fetch_add(&stage->arrived, 1);
        place = thrum_barrier_wait(&stage->barrier, THRUM_FOREVER);
        CHECK(place >= 0 && place < (int)PARTIES);
        CHECK(atomic_load(&stage->arrived) >= (i + 1) * PARTIES);
        if (place != 0)
            continue;
        log_add(&stage->log, 0);
        atomic_fetch_sub(&stage->log.count, 1);
        atomic_fetch_sub(&stage->log.begun, 1);
    }
}

TEST_PLAYERS(they_go_on_together_again_and_again)
{
    struct stage stage = STAGE;
    struct players players;

    players_begin(&players, mode);
    players_add_many(&players, PARTIES, go_round, &stage);
    players_end(&players);
    assert_int_equal(stage.arrived, PARTIES * test_scale(500));
    thrum_barrier_fini(&stage.barrier);
}

static void arrive(void *arg, unsigned index)
{
    struct stage *stage = arg;

    CHECK_INT(thrum_barrier_wait(&stage->barrier, THRUM_FOREVER), index);
    log_add(&stage->log, index);
}

TEST_PLAYERS(the_places_are_in_the_order_of_arrival)
{
    struct stage stage = STAGE;
    struct players players;

    players_begin(&players, mode);
    for (unsigned i = 1; i < PARTIES; i++) {
        players_add(&players, arrive, &stage);
        AWAIT_WAITING(&stage.barrier, i);
    }
    assert_int_equal(thrum_barrier_wait(&stage.barrier, THRUM_NOW),
                     PARTIES - 1);
    players_end(&players);
}

static void find_it_broken(void *arg, unsigned index)
{
    struct stage *stage = arg;

    (void)index;
    CHECK_INT(thrum_barrier_wait(&stage->barrier, THRUM_FOREVER),
              THRUM_EBROKEN);
    atomic_fetch_add(&stage->broken, 1);
}

TEST_PLAYERS(who_leaves_breaks_it)
{
    struct stage stage = STAGE;
    struct players players;

    players_begin(&players, mode);
    players_add_many(&players, 2, find_it_broken, &stage);
    AWAIT_WAITING(&stage.barrier, 2);
    assert_int_equal(thrum_barrier_wait(&stage.barrier, thrum_in_ms(1)),
                     -ETIMEDOUT);
    assert_int_equal(thrum_barrier_wait(&stage.barrier, THRUM_FOREVER),
                     THRUM_EBROKEN);
    players_end(&players);
    assert_int_equal(stage.broken, 2);
    thrum_barrier_reset(&stage.barrier);
    assert_int_equal(thrum_barrier_wait(&stage.barrier, thrum_in_ms(1)),
                     -ETIMEDOUT);
}

TEST_PLAYERS(abort_and_reset_let_those_go_who_wait)
{
    struct stage stage = STAGE;
    struct players players;

    players_begin(&players, mode);
    players_add(&players, find_it_broken, &stage);
    AWAIT_WAITING(&stage.barrier, 1);
    thrum_barrier_reset(&stage.barrier);
    WAIT_UNTIL(atomic_load(&stage.broken) == 1);
    players_add(&players, find_it_broken, &stage);
    AWAIT_WAITING(&stage.barrier, 1);
    thrum_barrier_abort(&stage.barrier);
    players_add(&players, find_it_broken, &stage);
    players_end(&players);
    assert_int_equal(stage.broken, 3);
}

TEST(one_party_does_not_wait)
{
    thrum_barrier barrier;

    assert_int_equal(thrum_barrier_init(&barrier, 0), -EINVAL);
    assert_int_equal(thrum_barrier_init(&barrier, ~0u), -EINVAL);
    assert_int_equal(thrum_barrier_init(&barrier, 1), 0);
    assert_int_equal(thrum_barrier_wait(&barrier, THRUM_NOW), 0);
    assert_int_equal(thrum_barrier_wait(&barrier, THRUM_NOW), 0);
    thrum_barrier_fini(&barrier);
}

TEST_MAIN("barrier")
