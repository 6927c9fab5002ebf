/* SPDX-License-Identifier: MIT */
/*
 * test/unit/waitgroup_test.c - until all of them are done.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "players.h"
#include "sync_waiting.h"

struct stage {
    thrum_waitgroup group;
    atomic_uint over;
    unsigned written[8];
};

static void await_all(void *arg, unsigned index)
{
    struct stage *stage = arg;

    (void)index;
    CHECK_INT(thrum_waitgroup_wait(&stage->group, THRUM_FOREVER), 0);
    atomic_fetch_add(&stage->over, 1);
}

TEST_PLAYERS(all_who_wait_go_on_with_the_last_that_is_done)
{
    struct stage stage = {.group = THRUM_WAITGROUP_INIT};
    struct players players;

    thrum_waitgroup_add(&stage.group, 3);
    players_begin(&players, mode);
    players_add_many(&players, 3, await_all, &stage);
    AWAIT_WAITING(&stage.group, 3);
    thrum_waitgroup_done(&stage.group);
    thrum_waitgroup_add(&stage.group, 1);
    thrum_waitgroup_done(&stage.group);
    thrum_waitgroup_done(&stage.group);
    assert_int_equal(thrum_waitgroup_count(&stage.group), 1);
    assert_int_equal(thrum_waitgroup_wait(&stage.group, THRUM_NOW), -ETIMEDOUT);
    assert_int_equal(thrum_waitgroup_wait(&stage.group, thrum_in_ms(1)),
                     -ETIMEDOUT);
    assert_int_equal(stage.over, 0);
    thrum_waitgroup_done(&stage.group);
    players_end(&players);
    assert_int_equal(stage.over, 3);
    thrum_waitgroup_fini(&stage.group);
}

static void write_and_be_done(void *arg, unsigned index)
{
    struct stage *stage = arg;

    stage->written[index] = index + 1;
    thrum_waitgroup_done(&stage->group);
}

/* What they wrote is there to be read, and the group may go at once. */
TEST_PLAYERS(who_waited_sees_what_they_did)
{
    for (unsigned round = 0; round < test_scale(400) / 8 + 1; round++) {
        struct stage *stage = calloc(1, sizeof(*stage));
        struct players players;

        thrum_waitgroup_init(&stage->group);
        thrum_waitgroup_add(&stage->group, 4);
        players_begin(&players, mode);
        players_add_many(&players, 4, write_and_be_done, stage);
        assert_int_equal(thrum_waitgroup_wait(&stage->group, THRUM_FOREVER), 0);
        for (unsigned i = 0; i < 4; i++)
            assert_int_equal(stage->written[i], i + 1);
        free(stage);
        players_end(&players);
    }
}

static int one_too_many(void *group)
{
    thrum_waitgroup_add(group, 1);
    thrum_waitgroup_done(group);
    thrum_waitgroup_done(group);
    return 0;
}

static int far_too_many(void *group)
{
    thrum_waitgroup_add(group, 0x1fffffff);
    thrum_waitgroup_add(group, 1);
    return 0;
}

TEST(a_count_that_cannot_be_aborts)
{
    thrum_waitgroup group = THRUM_WAITGROUP_INIT;

    assert_int_equal(thrum_waitgroup_wait(&group, THRUM_NOW), 0);
    assert_int_equal(in_child(one_too_many, &group), 128 + SIGABRT);
    assert_int_equal(in_child(far_too_many, &group), 128 + SIGABRT);
}

TEST_MAIN("waitgroup")
