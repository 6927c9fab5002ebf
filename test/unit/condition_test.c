/* SPDX-License-Identifier: MIT */
/*
 * test/unit/condition_test.c - notified, in which order, and with the lock.
 */
#include <errno.h>

#include "players.h"
#include "sync_waiting.h"

#define WAITERS 4u

struct stage {
    thrum_lock lock;
    thrum_condition condition;
    struct log log; /* guarded by lock */
    int code;       /* what waits are to return */
    thrum_time deadline;
    unsigned items; /* guarded by lock */
    unsigned taken;
    bool over;
};

#define STAGE                                                 \
 {                                                            \
  .lock = THRUM_LOCK_INIT, .condition = THRUM_CONDITION_INIT, \
  .deadline = THRUM_FOREVER                                   \
 }

static void await_notify(void *arg, unsigned index)
{
    struct stage *stage = arg;

    CHECK_INT(thrum_lock_acquire(&stage->lock, THRUM_FOREVER), 0);
    CHECK_INT(
        thrum_condition_wait(&stage->condition, &stage->lock, stage->deadline),
        stage->code);
    CHECK_INT(thrum_lock_acquire(&stage->lock, THRUM_NOW), -ETIMEDOUT);
    log_add(&stage->log, index);
    thrum_lock_release(&stage->lock);
}

static void stage_fill(struct stage *stage, struct players *players)
{
    for (unsigned i = 0; i < WAITERS; i++) {
        players_add(players, await_notify, stage);
        AWAIT_WAITING(&stage->condition, i + 1);
    }
}

TEST_PLAYERS(notify_lets_the_oldest_go_on)
{
    struct stage stage = STAGE;
    struct players players;

    players_begin(&players, mode);
    stage_fill(&stage, &players);
    for (unsigned i = 0; i < WAITERS; i++) {
        thrum_condition_notify(&stage.condition);
        WAIT_UNTIL(atomic_load(&stage.log.count) == i + 1);
        assert_int_equal(stage.log.index[i], i);
        assert_int_equal(sync_waiting(&stage.condition.sync), WAITERS - i - 1);
    }
    players_end(&players);
    thrum_condition_notify(&stage.condition);
    thrum_condition_fini(&stage.condition);
}

TEST_PLAYERS(notify_all_lets_them_go_on_in_their_order)
{
    struct stage stage = STAGE;
    struct players players;

    players_begin(&players, mode);
    stage_fill(&stage, &players);
    assert_int_equal(thrum_lock_acquire(&stage.lock, THRUM_FOREVER), 0);
    thrum_condition_notify_all(&stage.condition);
    assert_int_equal(sync_waiting(&stage.condition.sync), 0);
    assert_int_equal(sync_waiting(&stage.lock.sync), WAITERS);
    thrum_lock_release(&stage.lock);
    players_end(&players);
    for (unsigned i = 0; i < WAITERS; i++)
        assert_int_equal(stage.log.index[i], i);
}

TEST_PLAYERS(one_that_is_not_notified_has_the_lock_too)
{
    struct stage stage = STAGE;
    struct players players;

    stage.code = -ETIMEDOUT;
    stage.deadline = thrum_in_ms(1);
    players_begin(&players, mode);
    players_add_many(&players, WAITERS, await_notify, &stage);
    players_end(&players);
    assert_int_equal(stage.log.count, WAITERS);
    assert_int_equal(stage.lock.sync.word, 0);
    assert_int_equal(stage.condition.sync.word, 0);
}

/* Past its deadline it waits for the lock that others have. */
TEST_PLAYERS(nothing_cuts_the_wait_for_the_lock_short)
{
    struct stage stage = STAGE;
    struct players players;

    stage.code = -ETIMEDOUT;
    stage.deadline = thrum_in_ms(5);
    players_begin(&players, mode);
    assert_int_equal(thrum_lock_acquire(&stage.lock, THRUM_FOREVER), 0);
    players_add(&players, await_notify, &stage);
    AWAIT_WAITING(&stage.lock, 1);
    thrum_lock_release(&stage.lock);
    assert_int_equal(thrum_lock_acquire(&stage.lock, THRUM_FOREVER), 0);
    AWAIT_WAITING(&stage.lock, 1);
    assert_int_equal(stage.log.count, 0);
    thrum_lock_release(&stage.lock);
    players_end(&players);
    assert_int_equal(stage.log.count, 1);
}

static void await_hastily(void *arg, unsigned index)
{
    struct stage *stage = arg;
    int rc;

    CHECK_INT(thrum_lock_acquire(&stage->lock, THRUM_FOREVER), 0);
    rc = thrum_condition_wait(&stage->condition, &stage->lock, stage->deadline);
    CHECK(rc == 0 || rc == -ETIMEDOUT);
    CHECK(rc == 0 || !stage->over);
    log_add(&stage->log, index);
    thrum_lock_release(&stage->lock);
}

/* Has somebody been notified whose deadline passes before the lock is free,
 * then he has succeeded. If he was slow his deadline was first. */
TEST_PLAYERS(one_that_was_notified_has_succeeded)
{
    struct stage stage = STAGE;
    struct players players;

    stage.deadline = thrum_in_ms(20);
    players_begin(&players, mode);
    players_add(&players, await_hastily, &stage);
    WAIT_UNTIL(sync_waiting(&stage.condition.sync) == 1 ||
               atomic_load(&stage.log.count) == 1);
    assert_int_equal(thrum_lock_acquire(&stage.lock, THRUM_FOREVER), 0);
    thrum_condition_notify(&stage.condition);
    stage.over = sync_waiting(&stage.lock.sync) == 1 &&
                 thrum_now().ns < stage.deadline.ns;
    WAIT_UNTIL(thrum_now().ns > stage.deadline.ns);
    thrum_lock_release(&stage.lock);
    players_end(&players);
    assert_int_equal(stage.log.count, 1);
}

static void consume(void *arg, unsigned index)
{
    struct stage *stage = arg;
    int rc;

    CHECK_INT(thrum_lock_acquire(&stage->lock, THRUM_FOREVER), 0);
    for (;;) {
        while (stage->items == 0 && !stage->over) {
            rc = thrum_condition_wait(&stage->condition, &stage->lock,
                                      index % 2 == 0 ? THRUM_FOREVER
                                                     : thrum_in_us(20));
            CHECK(rc == 0 || (rc == -ETIMEDOUT && index % 2 != 0));
        }
        if (stage->items == 0)
            break;
        stage->items--;
        stage->taken++;
    }
    thrum_lock_release(&stage->lock);
}

TEST_PLAYERS(nothing_is_lost_between_producers_and_consumers)
{
    struct stage stage = STAGE;
    struct players players;
    unsigned n = test_scale(10000);

    players_begin(&players, mode);
    players_add_many(&players, 4, consume, &stage);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(thrum_lock_acquire(&stage.lock, THRUM_FOREVER), 0);
        stage.items++;
        if (i % 2 == 0)
            thrum_condition_notify(&stage.condition);
        thrum_lock_release(&stage.lock);
        if (i % 2 != 0)
            thrum_condition_notify(&stage.condition);
    }
    assert_int_equal(thrum_lock_acquire(&stage.lock, THRUM_FOREVER), 0);
    stage.over = true;
    thrum_condition_notify_all(&stage.condition);
    thrum_lock_release(&stage.lock);
    players_end(&players);
    assert_int_equal(stage.taken, n);
    assert_int_equal(stage.condition.sync.word, 0);
    assert_int_equal(stage.lock.sync.word, 0);
}

/* ---- with an rlock ---- */

struct rstage {
    thrum_rlock lock;
    thrum_condition condition;
    unsigned depth; /* how often those who wait have it */
    int code;
    thrum_time deadline;
    unsigned done; /* guarded by lock */
};

static void await_with_rlock(void *arg, unsigned index)
{
    struct rstage *stage = arg;

    (void)index;
    for (unsigned i = 0; i < stage->depth; i++)
        CHECK_INT(thrum_rlock_acquire(&stage->lock, THRUM_FOREVER), 0);
    CHECK_INT(thrum_condition_wait_rlock(&stage->condition, &stage->lock,
                                         stage->deadline),
              stage->code);
    stage->done++;
    for (unsigned i = 0; i < stage->depth; i++)
        CHECK_INT(thrum_rlock_release(&stage->lock), 0);
    CHECK_INT(thrum_rlock_release(&stage->lock), -EPERM);
}

TEST_PLAYERS(an_rlock_is_given_back_and_had_again_as_often)
{
    struct rstage stage = {
        THRUM_RLOCK_INIT, THRUM_CONDITION_INIT, 3, 0, THRUM_FOREVER, 0};
    struct players players;

    players_begin(&players, mode);
    players_add_many(&players, 3, await_with_rlock, &stage);
    AWAIT_WAITING(&stage.condition, 3);
    assert_int_equal(thrum_rlock_acquire(&stage.lock, THRUM_FOREVER), 0);
    thrum_condition_notify_all(&stage.condition);
    assert_int_equal(stage.done, 0);
    assert_int_equal(thrum_rlock_release(&stage.lock), 0);
    players_end(&players);
    assert_int_equal(stage.done, 3);
}

TEST_PLAYERS(an_rlock_is_had_again_past_the_deadline_too)
{
    struct rstage stage = {THRUM_RLOCK_INIT, THRUM_CONDITION_INIT, 2,
                           -ETIMEDOUT,       thrum_in_ms(1),       0};
    struct players players;

    players_begin(&players, mode);
    players_add_many(&players, 3, await_with_rlock, &stage);
    players_end(&players);
    assert_int_equal(stage.done, 3);
    assert_int_equal(thrum_condition_wait_rlock(&stage.condition, &stage.lock,
                                                THRUM_FOREVER),
                     -EPERM);
}

/* ---- in a callback ---- */

static void wait_in_callback(thrum_future *future, void *arg)
{
    struct stage *stage = arg;

    (void)future;
    CHECK_INT(thrum_lock_acquire(&stage->lock, THRUM_FOREVER), 0);
    CHECK_INT(
        thrum_condition_wait(&stage->condition, &stage->lock, THRUM_FOREVER),
        THRUM_ECONTEXT);
    CHECK_INT(thrum_lock_acquire(&stage->lock, thrum_in_s(60)), THRUM_ECONTEXT);
    thrum_lock_release(&stage->lock);
}

TEST(a_callback_keeps_the_lock_and_does_not_wait)
{
    struct stage stage = STAGE;
    thrum_promise *promise;
    thrum_future *future;

    assert_int_equal(thrum_promise_new(&promise, &future), 0);
    assert_int_equal(
        thrum_future_add_done_callback(future, wait_in_callback, &stage), 0);
    thrum_promise_set_result(promise, NULL);
    thrum_promise_free(promise);
    thrum_future_unref(future);
    assert_int_equal(stage.lock.sync.word, 0);
    assert_int_equal(stage.condition.sync.word, 0);
}

TEST_MAIN("condition")
