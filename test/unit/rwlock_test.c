/* SPDX-License-Identifier: MIT */
/*
 * test/unit/rwlock_test.c - many readers, one writer, and nobody kept out.
 */
#include <errno.h>
#include <signal.h>

#include "players.h"
#include "sync_waiting.h"

struct stage {
    thrum_rwlock lock;
    struct log log;
    thrum_event go; /* for those who have it */
    atomic_uint readers;
    atomic_uint writers;
};

#define STAGE                                       \
 {                                                  \
  .lock = THRUM_RWLOCK_INIT, .go = THRUM_EVENT_INIT \
 }

static void read_until_told(void *arg, unsigned index)
{
    struct stage *stage = arg;

    CHECK_INT(thrum_rwlock_acquire_read(&stage->lock, THRUM_FOREVER), 0);
    log_add(&stage->log, index);
    CHECK_INT(thrum_event_wait(&stage->go, THRUM_FOREVER), 0);
    thrum_rwlock_release(&stage->lock);
}

static void write_once(void *arg, unsigned index)
{
    struct stage *stage = arg;

    CHECK_INT(thrum_rwlock_acquire_write(&stage->lock, THRUM_FOREVER), 0);
    log_add(&stage->log, index);
    thrum_rwlock_release(&stage->lock);
}

static int try_read(struct stage *stage)
{
    int rc = thrum_rwlock_acquire_read(&stage->lock, THRUM_NOW);

    if (rc == 0)
        thrum_rwlock_release(&stage->lock);
    return rc;
}

static int try_write(struct stage *stage)
{
    int rc = thrum_rwlock_acquire_write(&stage->lock, THRUM_NOW);

    if (rc == 0)
        thrum_rwlock_release(&stage->lock);
    return rc;
}

TEST_PLAYERS(readers_share_it_and_a_writer_does_not)
{
    struct stage stage = STAGE;
    struct players players;

    players_begin(&players, mode);
    players_add_many(&players, 3, read_until_told, &stage);
    WAIT_UNTIL(atomic_load(&stage.log.count) == 3);
    assert_int_equal(try_read(&stage), 0);
    assert_int_equal(try_write(&stage), -ETIMEDOUT);
    thrum_event_set(&stage.go);
    players_end(&players);
    assert_int_equal(thrum_rwlock_acquire_write(&stage.lock, THRUM_NOW), 0);
    assert_int_equal(try_read(&stage), -ETIMEDOUT);
    assert_int_equal(try_write(&stage), -ETIMEDOUT);
    thrum_rwlock_release(&stage.lock);
    thrum_rwlock_fini(&stage.lock);
}

/* While a writer waits, who comes to read waits behind him. */
TEST_PLAYERS(readers_do_not_keep_a_writer_out)
{
    struct stage stage = STAGE;
    struct players players;

    assert_int_equal(thrum_rwlock_acquire_read(&stage.lock, THRUM_NOW), 0);
    players_begin(&players, mode);
    players_add(&players, write_once, &stage);
    AWAIT_WAITING(&stage.lock, 1);
    assert_int_equal(try_read(&stage), -ETIMEDOUT);
    players_add(&players, read_until_told, &stage);
    AWAIT_WAITING(&stage.lock, 2);
    players_add(&players, read_until_told, &stage);
    AWAIT_WAITING(&stage.lock, 3);
    players_add(&players, write_once, &stage);
    AWAIT_WAITING(&stage.lock, 4);
    players_add(&players, read_until_told, &stage);
    AWAIT_WAITING(&stage.lock, 5);
    thrum_rwlock_release(&stage.lock);
    WAIT_UNTIL(atomic_load(&stage.log.count) == 3);
    AWAIT_WAITING(&stage.lock, 2); /* the second writer, and who is behind */
    thrum_event_set(&stage.go);
    players_end(&players);
    assert_int_equal(stage.log.index[0], 0);
    assert_int_equal(stage.log.index[1] + stage.log.index[2], 1 + 2);
    assert_int_equal(stage.log.index[3], 3);
    assert_int_equal(stage.log.index[4], 4);
}

static void write_too_late(void *arg, unsigned index)
{
    struct stage *stage = arg;

    (void)index;
    CHECK_INT(thrum_rwlock_acquire_write(&stage->lock, thrum_in_ms(50)),
              -ETIMEDOUT);
}

TEST_PLAYERS(a_writer_that_gives_up_lets_those_behind_him_in)
{
    struct stage stage = STAGE;
    struct players players;

    assert_int_equal(thrum_rwlock_acquire_read(&stage.lock, THRUM_NOW), 0);
    players_begin(&players, mode);
    players_add(&players, write_too_late, &stage);
    players_add_many(&players, 2, read_until_told, &stage);
    WAIT_UNTIL(atomic_load(&stage.log.count) == 2);
    thrum_event_set(&stage.go);
    players_end(&players);
    thrum_rwlock_release(&stage.lock);
    assert_int_equal(stage.lock.sync.word, 0);
}

static void use_it(void *arg, unsigned index)
{
    struct stage *stage = arg;

    for (unsigned i = 0; i < test_scale(2000); i++) {
        bool writes = (i + index) % 4 == 0;
        thrum_time deadline = i % 3 == 0 ? thrum_in_us(i % 30) : THRUM_FOREVER;
        int rc = writes ? thrum_rwlock_acquire_write(&stage->lock, deadline)
                        : thrum_rwlock_acquire_read(&stage->lock, deadline);

        if (rc != 0) {
            CHECK_INT(rc, -ETIMEDOUT);
            continue;
        }
        atomic_fetch_add(writes ? &stage->writers : &stage->readers, 1);
        CHECK(atomic_load(&stage->writers) <= 1);
        CHECK(!writes || atomic_load(&stage->readers) == 0);
        atomic_fetch_sub(writes ? &stage->writers : &stage->readers, 1);
        thrum_rwlock_release(&stage->lock);
    }
}

TEST_PLAYERS(it_excludes)
{
    struct stage stage = STAGE;
    struct players players;

    players_begin(&players, mode);
    players_add_many(&players, 5, use_it, &stage);
    players_end(&players);
    assert_int_equal(stage.lock.sync.word, 0);
    assert_null(stage.lock.sync.waiters);
}

static int release_free(void *lock)
{
    thrum_rwlock_release(lock);
    return 0;
}

TEST(releasing_a_free_one_aborts)
{
    thrum_rwlock lock;

    thrum_rwlock_init(&lock);
    assert_int_equal(in_child(release_free, &lock), 128 + SIGABRT);
}

TEST_MAIN("rwlock")
