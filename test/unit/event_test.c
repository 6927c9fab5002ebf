/* SPDX-License-Identifier: MIT */
/*
 * test/unit/event_test.c - events: who is woken, and by which set.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "players.h"
#include "sync_waiting.h"

#define WAITERS 4u

struct stage {
    thrum_event event;
    struct log log;
};

static void wait_for_it(void *arg, unsigned index)
{
    struct stage *stage = arg;

    if (CHECK_INT(thrum_event_wait(&stage->event, THRUM_FOREVER), 0))
        log_add(&stage->log, index);
}

static void stage_fill(struct stage *stage, struct players *players)
{
    for (unsigned i = 0; i < WAITERS; i++) {
        players_add(players, wait_for_it, stage);
        AWAIT_WAITING(&stage->event, i + 1);
    }
}

TEST_PLAYERS(S13_set_wakes_all_who_wait)
{
    struct stage stage = {.event = THRUM_EVENT_INIT};
    struct players players;

    players_begin(&players, mode);
    stage_fill(&stage, &players);
    assert_false(thrum_event_is_set(&stage.event));
    thrum_event_set(&stage.event);
    assert_true(thrum_event_is_set(&stage.event));
    players_end(&players);
    assert_int_equal(stage.log.count, WAITERS);
    for (unsigned i = 0; mode == PLAYERS_GREENLETS && i < WAITERS; i++)
        assert_int_equal(stage.log.index[i], i);
}

TEST_PLAYERS(S13_set_and_clear_before_they_run_counts)
{
    struct stage stage = {.event = THRUM_EVENT_INIT};
    struct players players;

    players_begin(&players, mode);
    stage_fill(&stage, &players);
    thrum_event_set(&stage.event);
    thrum_event_clear(&stage.event);
    assert_int_equal(thrum_event_wait(&stage.event, THRUM_NOW), -ETIMEDOUT);
    players_end(&players);
    assert_int_equal(stage.log.count, WAITERS);
    assert_false(thrum_event_is_set(&stage.event));
}

static void wait_too_short(void *arg, unsigned index)
{
    struct stage *stage = arg;

    CHECK_INT(thrum_event_wait(&stage->event, thrum_in_ms(1)), -ETIMEDOUT);
    log_add(&stage->log, index);
}

TEST_PLAYERS(S13_a_wait_ends_at_its_deadline)
{
    struct stage stage = {.event = THRUM_EVENT_INIT};
    struct players players;

    players_begin(&players, mode);
    players_add(&players, wait_for_it, &stage);
    players_add_many(&players, 3, wait_too_short, &stage);
    AWAIT_WAITING(&stage.event, 1);
    WAIT_UNTIL(stage.log.count == 3);
    thrum_event_set(&stage.event);
    players_end(&players);
    assert_int_equal(stage.log.index[3], 0);
}

TEST(it_is_set_until_it_is_cleared)
{
    thrum_event event;

    thrum_event_init(&event);
    assert_int_equal(thrum_event_wait(&event, THRUM_NOW), -ETIMEDOUT);
    thrum_event_set(&event);
    thrum_event_set(&event);
    assert_int_equal(thrum_event_wait(&event, THRUM_NOW), 0);
    assert_int_equal(thrum_event_wait(&event, THRUM_FOREVER), 0);
    thrum_event_clear(&event);
    thrum_event_clear(&event);
    assert_int_equal(thrum_event_wait(&event, THRUM_NOW), -ETIMEDOUT);
    thrum_event_fini(&event);
}

static void set_it(void *arg, unsigned index)
{
    (void)index;
    thrum_event_set(arg);
}

/* It is gone as soon as the wait is over: run under ASan this finds a set that
 * touches it later. */
TEST_PLAYERS(an_event_may_lie_on_the_stack_of_the_one_that_waits)
{
    for (unsigned round = 0; round < test_scale(400) / 4 + 1; round++) {
        thrum_event *event = malloc(sizeof(*event));
        struct players players;

        thrum_event_init(event);
        players_begin(&players, mode);
        players_add(&players, set_it, event);
        assert_int_equal(thrum_event_wait(event, THRUM_FOREVER), 0);
        free(event);
        players_end(&players);
    }
}

static int destroy_awaited(void *arg)
{
    struct stage *stage = arg;
    struct players players;

    players_begin(&players, PLAYERS_THREADS);
    players_add(&players, wait_for_it, stage);
    AWAIT_WAITING(&stage->event, 1);
    thrum_event_fini(&stage->event);
    return 0;
}

TEST(destroying_one_that_is_waited_for_aborts)
{
    TEST_SKIP_EMULATED(NO_THREADS_IN_CHILD);

    struct stage stage = {.event = THRUM_EVENT_INIT};

    assert_int_equal(in_child(destroy_awaited, &stage), 128 + SIGABRT);
}

TEST_MAIN("event")
