/* SPDX-License-Identifier: MIT */
/*
 * test/unit/lock_test.c - locks, and those that their owner may acquire again.
 */
#include <errno.h>
#include <signal.h>

#include "hub/lock.h"
#include "players.h"
#include "sync_waiting.h"

struct stage {
    thrum_lock lock;
    struct log log;
    unsigned guarded;
};

static void take_turn(void *arg, unsigned index)
{
    struct stage *stage = arg;

    if (!CHECK_INT(thrum_lock_acquire(&stage->lock, THRUM_FOREVER), 0))
        return;
    log_add(&stage->log, index);
    thrum_lock_release(&stage->lock);
}

TEST_PLAYERS(they_have_it_in_the_order_in_which_they_came)
{
    struct stage stage = {.lock = THRUM_LOCK_INIT};
    struct players players;

    assert_int_equal(thrum_lock_acquire(&stage.lock, THRUM_NOW), 0);
    players_begin(&players, mode);
    for (unsigned i = 0; i < 5; i++) {
        players_add(&players, take_turn, &stage);
        AWAIT_WAITING(&stage.lock, i + 1);
    }
    thrum_lock_release(&stage.lock);
    players_end(&players);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(stage.log.index[i], i);
    assert_int_equal(thrum_lock_acquire(&stage.lock, THRUM_NOW), 0);
}

struct door {
    thrum_lock lock;
    thrum_event go;
};

static void hold_until_told(void *arg, unsigned index)
{
    struct door *door = arg;

    (void)index;
    CHECK_INT(thrum_lock_acquire(&door->lock, THRUM_FOREVER), 0);
    CHECK_INT(thrum_event_wait(&door->go, THRUM_FOREVER), 0);
    thrum_lock_release(&door->lock);
}

TEST_PLAYERS(what_is_handed_over_cannot_be_snatched)
{
    struct door door = {THRUM_LOCK_INIT, THRUM_EVENT_INIT};
    struct players players;

    assert_int_equal(thrum_lock_acquire(&door.lock, THRUM_NOW), 0);
    players_begin(&players, mode);
    players_add(&players, hold_until_told, &door);
    AWAIT_WAITING(&door.lock, 1);
    thrum_lock_release(&door.lock);
    assert_int_equal(thrum_lock_acquire(&door.lock, THRUM_NOW), -ETIMEDOUT);
    thrum_event_set(&door.go);
    players_end(&players);
    assert_int_equal(thrum_lock_acquire(&door.lock, THRUM_NOW), 0);
    thrum_lock_release(&door.lock);
    thrum_lock_fini(&door.lock);
}

static void try_shortly(void *arg, unsigned index)
{
    struct stage *stage = arg;

    CHECK_INT(thrum_lock_acquire(&stage->lock, thrum_in_ms(1)), -ETIMEDOUT);
    log_add(&stage->log, index);
}

TEST_PLAYERS(one_that_gave_up_is_passed_over)
{
    struct stage stage = {.lock = THRUM_LOCK_INIT};
    struct players players;

    assert_int_equal(thrum_lock_acquire(&stage.lock, THRUM_NOW), 0);
    players_begin(&players, mode);
    players_add_many(&players, 2, try_shortly, &stage);
    players_add(&players, take_turn, &stage);
    players_add(&players, try_shortly, &stage);
    WAIT_UNTIL(stage.log.count == 3);
    AWAIT_WAITING(&stage.lock, 1);
    thrum_lock_release(&stage.lock);
    players_end(&players);
    assert_int_equal(stage.log.index[3], 2);
    assert_int_equal(stage.lock.sync.word, 0);
}

static void count_up(void *arg, unsigned index)
{
    struct stage *stage = arg;

    (void)index;
    for (unsigned i = 0; i < test_scale(2000); i++) {
        if (!CHECK_INT(thrum_lock_acquire(&stage->lock, THRUM_FOREVER), 0))
            return;
        stage->guarded++;
        thrum_lock_release(&stage->lock);
    }
}

TEST_PLAYERS(it_excludes)
{
    struct stage stage = {.lock = THRUM_LOCK_INIT};
    struct players players;

    players_begin(&players, mode);
    players_add_many(&players, 4, count_up, &stage);
    players_end(&players);
    assert_int_equal(stage.guarded, 4 * test_scale(2000));
    assert_int_equal(stage.lock.sync.word, 0);
}

/* Deadlines of some microseconds pass while the lock is being handed over. */
static void count_hastily(void *arg, unsigned index)
{
    struct stage *stage = arg;

    for (unsigned i = 0; i < test_scale(2000); i++) {
        int rc =
            thrum_lock_acquire(&stage->lock, thrum_in_us((i * 7 + index) % 40));

        if (rc == 0) {
            log_add(&stage->log, 0);
            atomic_fetch_sub(&stage->log.count, 1);
            atomic_fetch_sub(&stage->log.begun, 1);
            stage->guarded++;
            thrum_lock_release(&stage->lock);
        } else {
            CHECK_INT(rc, -ETIMEDOUT);
        }
    }
}

TEST_PLAYERS(a_hand_over_races_with_deadlines)
{
    struct stage stage = {.lock = THRUM_LOCK_INIT};
    struct players players;

    players_begin(&players, mode);
    players_add_many(&players, 4, count_hastily, &stage);
    players_end(&players);
    assert_int_equal(stage.lock.sync.word, 0);
    assert_null(stage.lock.sync.waiters);
}

static int release_free(void *lock)
{
    thrum_lock_release(lock);
    return 0;
}

TEST(releasing_a_free_one_aborts)
{
    thrum_lock lock;

    thrum_lock_init(&lock);
    assert_int_equal(in_child(release_free, &lock), 128 + SIGABRT);
}

static int destroy_awaited(void *arg)
{
    struct stage *stage = arg;
    struct players players;

    CHECK_INT(thrum_lock_acquire(&stage->lock, THRUM_NOW), 0);
    players_begin(&players, PLAYERS_THREADS);
    players_add(&players, take_turn, stage);
    AWAIT_WAITING(&stage->lock, 1);
    thrum_lock_fini(&stage->lock);
    return 0;
}

TEST(destroying_one_that_is_waited_for_aborts)
{
    TEST_SKIP_EMULATED(NO_THREADS_IN_CHILD);

    struct stage stage = {.lock = THRUM_LOCK_INIT};

    assert_int_equal(in_child(destroy_awaited, &stage), 128 + SIGABRT);
}

/* ---- rlock ---- */

TEST(S14_an_owner_may_acquire_it_again)
{
    thrum_rlock lock;

    thrum_rlock_init(&lock);
    for (int i = 0; i < 3; i++)
        assert_int_equal(thrum_rlock_acquire(&lock, THRUM_NOW), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(thrum_rlock_release(&lock), 0);
    assert_int_equal(thrum_rlock_release(&lock), -EPERM);
    thrum_rlock_fini(&lock);
}

struct rstage {
    thrum_rlock lock;
    thrum_event go;
    atomic_uint refused;
    unsigned guarded;
};

static void release_anothers(void *arg, unsigned index)
{
    struct rstage *stage = arg;

    (void)index;
    CHECK_INT(thrum_rlock_release(&stage->lock), -EPERM);
    CHECK_INT(thrum_rlock_acquire(&stage->lock, THRUM_NOW), -ETIMEDOUT);
    atomic_fetch_add(&stage->refused, 1);
    CHECK_INT(thrum_rlock_acquire(&stage->lock, THRUM_FOREVER), 0);
    CHECK_INT(thrum_rlock_acquire(&stage->lock, THRUM_NOW), 0);
    CHECK_INT(thrum_event_wait(&stage->go, THRUM_FOREVER), 0);
    stage->guarded++;
    CHECK_INT(thrum_rlock_release(&stage->lock), 0);
    CHECK_INT(thrum_rlock_release(&stage->lock), 0);
}

/* Each player is an owner of its own, also those that share a thread. */
TEST_PLAYERS(S14_a_foreign_release_is_an_error)
{
    struct rstage stage = {THRUM_RLOCK_INIT, THRUM_EVENT_INIT, 0, 0};
    struct players players;

    assert_int_equal(thrum_rlock_acquire(&stage.lock, THRUM_NOW), 0);
    players_begin(&players, mode);
    players_add_many(&players, 3, release_anothers, &stage);
    WAIT_UNTIL(atomic_load(&stage.refused) == 3);
    assert_int_equal(thrum_rlock_release(&stage.lock), 0);
    assert_int_equal(thrum_rlock_release(&stage.lock), -EPERM);
    thrum_event_set(&stage.go);
    players_end(&players);
    assert_int_equal(stage.guarded, 3);
}

TEST_MAIN("lock")
