/* SPDX-License-Identifier: MIT */
/*
 * test/unit/semaphore_test.c - units, their limit, and whose they are next.
 */
#include <errno.h>
#include <limits.h>

#include "players.h"
#include "sync_waiting.h"

struct stage {
    thrum_semaphore units;
    struct log log;
    atomic_uint inside;
};

TEST(a_unit_is_acquired_and_released)
{
    thrum_semaphore units;

    assert_int_equal(thrum_semaphore_init(&units, 2, 0), 0);
    assert_int_equal(thrum_semaphore_units(&units), 2);
    assert_int_equal(thrum_semaphore_acquire(&units, THRUM_NOW), 0);
    assert_int_equal(thrum_semaphore_acquire(&units, THRUM_FOREVER), 0);
    assert_int_equal(thrum_semaphore_acquire(&units, THRUM_NOW), -ETIMEDOUT);
    assert_int_equal(thrum_semaphore_acquire(&units, thrum_in_ms(1)),
                     -ETIMEDOUT);
    assert_int_equal(thrum_semaphore_release(&units), 0);
    assert_int_equal(thrum_semaphore_units(&units), 1);
    assert_int_equal(thrum_semaphore_acquire(&units, THRUM_NOW), 0);
    thrum_semaphore_fini(&units);
}

TEST(S14_a_bounded_one_cannot_be_released_too_often)
{
    thrum_semaphore units = THRUM_SEMAPHORE_INIT(1, 2);

    assert_int_equal(thrum_semaphore_release(&units), 0);
    assert_int_equal(thrum_semaphore_release(&units), -EOVERFLOW);
    assert_int_equal(thrum_semaphore_units(&units), 2);
    assert_int_equal(thrum_semaphore_acquire(&units, THRUM_NOW), 0);
    assert_int_equal(thrum_semaphore_release(&units), 0);
}

TEST(limits_that_make_no_sense_are_refused)
{
    thrum_semaphore units;

    assert_int_equal(thrum_semaphore_init(&units, 3, 2), -EINVAL);
    assert_int_equal(thrum_semaphore_init(&units, UINT_MAX, 0), -EINVAL);
    assert_int_equal(thrum_semaphore_init(&units, 0, UINT_MAX), -EINVAL);
    assert_int_equal(thrum_semaphore_init(&units, 0x1fffffff, 0), 0);
    assert_int_equal(thrum_semaphore_release(&units), -EOVERFLOW);
    assert_int_equal(thrum_semaphore_units(&units), 0x1fffffff);
}

static void acquire_one(void *arg, unsigned index)
{
    struct stage *stage = arg;

    if (CHECK_INT(thrum_semaphore_acquire(&stage->units, THRUM_FOREVER), 0))
        log_add(&stage->log, index);
}

TEST_PLAYERS(units_go_to_those_who_came_first)
{
    struct stage stage = {.units = THRUM_SEMAPHORE_INIT(0, 1)};
    struct players players;

    players_begin(&players, mode);
    for (unsigned i = 0; i < 4; i++) {
        players_add(&players, acquire_one, &stage);
        AWAIT_WAITING(&stage.units, i + 1);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(thrum_semaphore_release(&stage.units), 0);
        assert_int_equal(thrum_semaphore_units(&stage.units), 0);
        assert_int_equal(thrum_semaphore_acquire(&stage.units, THRUM_NOW),
                         -ETIMEDOUT);
        WAIT_UNTIL(atomic_load(&stage.log.count) == i + 1);
        assert_int_equal(stage.log.index[i], i);
    }
    players_end(&players);
    assert_int_equal(thrum_semaphore_release(&stage.units), 0);
    assert_int_equal(thrum_semaphore_release(&stage.units), -EOVERFLOW);
}

static void use_units(void *arg, unsigned index)
{
    struct stage *stage = arg;

    for (unsigned i = 0; i < test_scale(2000); i++) {
        thrum_time deadline =
            index % 2 == 0 ? THRUM_FOREVER : thrum_in_us(i % 30);

        if (thrum_semaphore_acquire(&stage->units, deadline) != 0)
            continue;
        CHECK(atomic_fetch_add(&stage->inside, 1) < 3);
        atomic_fetch_sub(&stage->inside, 1);
        CHECK_INT(thrum_semaphore_release(&stage->units), 0);
    }
}

TEST_PLAYERS(no_unit_is_lost_or_made)
{
    struct stage stage = {.units = THRUM_SEMAPHORE_INIT(3, 3)};
    struct players players;

    players_begin(&players, mode);
    players_add_many(&players, 6, use_units, &stage);
    players_end(&players);
    assert_int_equal(thrum_semaphore_units(&stage.units), 3);
    assert_int_equal(sync_waiting(&stage.units.sync), 0);
}

TEST_MAIN("semaphore")
