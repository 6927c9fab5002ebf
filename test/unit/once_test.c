/* SPDX-License-Identifier: MIT */
/*
 * test/unit/once_test.c - a function that succeeds once, whoever calls it.
 */
#include <errno.h>

#include "players.h"
#include "sync_waiting.h"

struct stage {
    thrum_once once;
    thrum_event go;
    atomic_uint calls;
    unsigned fails; /* so many calls do */
    int inside;     /* what a call from inside returned */
    atomic_uint done;
    atomic_uint failed;
};

#define STAGE                                     \
 {                                                \
  .once = THRUM_ONCE_INIT, .go = THRUM_EVENT_INIT \
 }

static int set_up(void *arg)
{
    struct stage *stage = arg;

    if (atomic_fetch_add(&stage->calls, 1) == 0)
        CHECK_INT(thrum_event_wait(&stage->go, THRUM_FOREVER), 0);
    return atomic_load(&stage->calls) <= stage->fails ? -EIO : 0;
}

static void call_it(void *arg, unsigned index)
{
    struct stage *stage = arg;
    int rc = thrum_once_call(&stage->once, set_up, stage, THRUM_FOREVER);

    (void)index;
    CHECK(rc == 0 || rc == -EIO);
    atomic_fetch_add(rc == 0 ? &stage->done : &stage->failed, 1);
}

TEST_PLAYERS(it_is_called_once_and_all_wait_for_it)
{
    struct stage stage = STAGE;
    struct players players;

    players_begin(&players, mode);
    players_add_many(&players, 4, call_it, &stage);
    AWAIT_WAITING(&stage.once, 3);
    assert_false(thrum_once_is_done(&stage.once));
    assert_int_equal(thrum_once_call(&stage.once, set_up, &stage, THRUM_NOW),
                     -ETIMEDOUT);
    assert_int_equal(stage.done, 0);
    thrum_event_set(&stage.go);
    players_end(&players);
    assert_int_equal(stage.calls, 1);
    assert_int_equal(stage.done, 4);
    assert_true(thrum_once_is_done(&stage.once));
    assert_int_equal(thrum_once_call(&stage.once, set_up, &stage, THRUM_NOW),
                     0);
    thrum_once_fini(&stage.once);
}

TEST_PLAYERS(one_that_fails_is_called_by_the_next)
{
    struct stage stage = STAGE;
    struct players players;

    stage.fails = 2;
    players_begin(&players, mode);
    players_add_many(&players, 5, call_it, &stage);
    AWAIT_WAITING(&stage.once, 4);
    thrum_event_set(&stage.go);
    players_end(&players);
    assert_int_equal(stage.calls, 3);
    assert_int_equal(stage.failed, 2);
    assert_int_equal(stage.done, 3);
}

static int always_fail(void *arg)
{
    (void)arg;
    return -ENOENT;
}

TEST(a_failure_is_told_and_can_be_tried_again)
{
    struct stage stage = STAGE;

    thrum_event_set(&stage.go);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            thrum_once_call(&stage.once, always_fail, NULL, THRUM_NOW),
            -ENOENT);
    assert_false(thrum_once_is_done(&stage.once));
    assert_int_equal(thrum_once_call(&stage.once, set_up, &stage, THRUM_NOW),
                     0);
}

static int call_again(void *arg)
{
    struct stage *stage = arg;

    stage->inside =
        thrum_once_call(&stage->once, call_again, stage, THRUM_FOREVER);
    return 0;
}

TEST(it_cannot_wait_for_itself)
{
    struct stage stage = STAGE;

    assert_int_equal(
        thrum_once_call(&stage.once, call_again, &stage, THRUM_FOREVER), 0);
    assert_int_equal(stage.inside, -EDEADLK);
}

static int end_thread(void *arg)
{
    struct stage *stage = arg;

    if (atomic_fetch_add(&stage->calls, 1) > 0)
        return 0;
    CHECK_INT(thrum_event_wait(&stage->go, THRUM_FOREVER), 0);
    pthread_exit(NULL);
}

static void *call_and_end(void *arg)
{
    struct stage *stage = arg;

    CHECK_INT(thrum_once_call(&stage->once, end_thread, stage, THRUM_FOREVER),
              0);
    atomic_fetch_add(&stage->done, 1);
    return NULL;
}

TEST(one_that_ends_its_thread_has_failed)
{
    struct stage stage = STAGE;
    struct test_thread *threads[2];

    for (int i = 0; i < 2; i++)
        threads[i] = spawn_thread(call_and_end, &stage);
    AWAIT_WAITING(&stage.once, 1);
    thrum_event_set(&stage.go);
    for (int i = 0; i < 2; i++)
        join_thread(threads[i]);
    assert_int_equal(stage.calls, 2);
    assert_int_equal(stage.done, 1);
}

TEST_MAIN("once")
