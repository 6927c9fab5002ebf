/* SPDX-License-Identifier: MIT */
/*
 * sync_cancel_test.c - a kill, or the deadline of a block, ends waits for locks
 * and the like, and a wait that was given something before has it.
 *
 * All on one thread, whose greenlets run when this one waits: so what has
 * happened when is known.
 */
#include <errno.h>

#include <thrum.h>

#include "thrum_test.h"

struct stage {
    thrum_event event;
    thrum_lock lock;
    thrum_rlock rlock;
    thrum_semaphore none;
    thrum_condition condition;
    thrum_rwlock rwlock;
    thrum_barrier barrier;
    thrum_once once;
    thrum_waitgroup group;
    int code; /* what the wait returned; 1 until then */
};

static const struct stage fresh = {
    .event = THRUM_EVENT_INIT,
    .lock = THRUM_LOCK_INIT,
    .rlock = THRUM_RLOCK_INIT,
    .none = THRUM_SEMAPHORE_INIT(0, 0),
    .condition = THRUM_CONDITION_INIT,
    .rwlock = THRUM_RWLOCK_INIT,
    .barrier = THRUM_BARRIER_INIT(2),
    .once = THRUM_ONCE_INIT,
    .group = THRUM_WAITGROUP_INIT,
    .code = 1,
};

/* Waits in a way of its own; what the wait returned. */
typedef int wait_fn(struct stage *stage);
/* Gives what is waited for. */
typedef void give_fn(struct stage *stage);

static int wait_event(struct stage *stage)
{
    return thrum_event_wait(&stage->event, THRUM_FOREVER);
}

static void give_event(struct stage *stage)
{
    thrum_event_set(&stage->event);
}

static int wait_lock(struct stage *stage)
{
    return thrum_lock_acquire(&stage->lock, THRUM_FOREVER);
}

static void give_lock(struct stage *stage)
{
    thrum_lock_release(&stage->lock);
}

static int wait_rlock(struct stage *stage)
{
    return thrum_rlock_acquire(&stage->rlock, THRUM_FOREVER);
}

static void give_rlock(struct stage *stage)
{
    assert_int_equal(thrum_rlock_release(&stage->rlock), 0);
}

static int wait_semaphore(struct stage *stage)
{
    return thrum_semaphore_acquire(&stage->none, THRUM_FOREVER);
}

static void give_semaphore(struct stage *stage)
{
    assert_int_equal(thrum_semaphore_release(&stage->none), 0);
}

static int wait_read(struct stage *stage)
{
    return thrum_rwlock_acquire_read(&stage->rwlock, THRUM_FOREVER);
}

static int wait_write(struct stage *stage)
{
    return thrum_rwlock_acquire_write(&stage->rwlock, THRUM_FOREVER);
}

static void give_rwlock(struct stage *stage)
{
    thrum_rwlock_release(&stage->rwlock);
}

static int wait_barrier(struct stage *stage)
{
    return thrum_barrier_wait(&stage->barrier, THRUM_FOREVER);
}

static void give_barrier(struct stage *stage)
{
    assert_int_equal(thrum_barrier_wait(&stage->barrier, THRUM_NOW), 1);
}

static int never_called(void *arg)
{
    test_check_failed(__FILE__, __LINE__, "it is called");
    return arg == NULL ? 0 : -EINVAL;
}

static int wait_once(struct stage *stage)
{
    return thrum_once_call(&stage->once, never_called, NULL, THRUM_FOREVER);
}

static int wait_group(struct stage *stage)
{
    return thrum_waitgroup_wait(&stage->group, THRUM_FOREVER);
}

static void give_group(struct stage *stage)
{
    thrum_waitgroup_done(&stage->group);
}

/* For a condition the lock must be had, and it is when the wait is over. */
static int wait_condition(struct stage *stage)
{
    int rc;

    CHECK_INT(thrum_lock_acquire(&stage->lock, THRUM_FOREVER), 0);
    rc = thrum_condition_wait(&stage->condition, &stage->lock, THRUM_FOREVER);
    CHECK_INT(thrum_lock_acquire(&stage->lock, THRUM_NOW), -ETIMEDOUT);
    thrum_lock_release(&stage->lock);
    return rc;
}

static void give_condition(struct stage *stage)
{
    thrum_condition_notify(&stage->condition);
}

static const struct way {
    const char *name;
    wait_fn *wait;
    give_fn *give;
} ways[] = {
    {"event", wait_event, give_event},
    {"lock", wait_lock, give_lock},
    {"rlock", wait_rlock, give_rlock},
    {"semaphore", wait_semaphore, give_semaphore},
    {"condition", wait_condition, give_condition},
    {"rwlock, to read", wait_read, give_rwlock},
    {"rwlock, to write", wait_write, give_rwlock},
    {"barrier", wait_barrier, give_barrier},
    {"waitgroup", wait_group, give_group},
};

#define EACH_WAY(way)                                \
 for (const struct way *way = ways;                  \
      way < ways + sizeof(ways) / sizeof(ways[0]) && \
      (print_message("# %s\n", way->name), true);    \
      way++)

/* What is to be waited for is not there. */
static void stage_begin(struct stage *stage, const struct way *way)
{
    *stage = fresh;
    thrum_waitgroup_add(&stage->group, 1);
    if (way->wait != wait_condition)
        assert_int_equal(thrum_lock_acquire(&stage->lock, THRUM_NOW), 0);
    assert_int_equal(thrum_rlock_acquire(&stage->rlock, THRUM_NOW), 0);
    assert_int_equal(thrum_rwlock_acquire_write(&stage->rwlock, THRUM_NOW), 0);
}

struct call {
    struct stage *stage;
    wait_fn *wait;
};

static void *call_wait(void *arg)
{
    struct call *call = arg;

    call->stage->code = call->wait(call->stage);
    return call;
}

/* Lets it run until it waits. */
static thrum_future *begin_wait(struct call *call)
{
    thrum_future *future = NULL;

    assert_int_equal(thrum_spawn(call_wait, call, 0, &future), 0);
    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(call->stage->code, 1);
    return future;
}

static void end_wait(thrum_future *future)
{
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
}

TEST(S7_a_kill_ends_a_wait)
{
    EACH_WAY(way)
    {
        struct stage stage;
        struct call call = {&stage, way->wait};
        thrum_future *future;

        stage_begin(&stage, way);
        future = begin_wait(&call);
        assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
        assert_int_equal(stage.code, -ECANCELED);
        end_wait(future);
        assert_null(stage.event.sync.waiters);
        assert_null(stage.lock.sync.waiters);
        assert_null(stage.none.sync.waiters);
        assert_null(stage.condition.sync.waiters);
        assert_null(stage.rwlock.sync.waiters);
    }
}

/* The kill comes when it was given what it waits for, before it runs. */
TEST(S7_what_was_given_before_the_kill_is_had)
{
    EACH_WAY(way)
    {
        struct stage stage;
        struct call call = {&stage, way->wait};
        thrum_future *future;

        stage_begin(&stage, way);
        future = begin_wait(&call);
        way->give(&stage);
        assert_int_equal(thrum_future_kill(future, THRUM_NOW), -ETIMEDOUT);
        end_wait(future);
        assert_int_equal(stage.code, 0);
    }
}

static void *wait_bounded(void *arg)
{
    struct call *call = arg;

    THRUM_WITH_DEADLINE(limit, thrum_in_ms(1)) {
        call->stage->code = call->wait(call->stage);
        CHECK(thrum_expired(&limit));
    }
    return call;
}

TEST(S10_the_deadline_of_a_block_ends_a_wait)
{
    EACH_WAY(way)
    {
        struct stage stage;
        struct call call = {&stage, way->wait};
        thrum_future *future = NULL;

        stage_begin(&stage, way);
        assert_int_equal(thrum_spawn(wait_bounded, &call, 0, &future), 0);
        end_wait(future);
        assert_int_equal(stage.code, -ETIMEDOUT);
    }
}

/* ---- a condition's lock ---- */

TEST(a_killed_wait_for_a_condition_comes_back_with_the_lock)
{
    struct stage stage = fresh;
    struct call call = {&stage, wait_condition};
    thrum_future *future = begin_wait(&call);

    assert_int_equal(thrum_lock_acquire(&stage.lock, THRUM_NOW), 0);
    assert_int_equal(thrum_future_kill(future, thrum_in_ms(5)), -ETIMEDOUT);
    assert_int_equal(stage.code, 1); /* it still waits for the lock */
    thrum_lock_release(&stage.lock);
    end_wait(future);
    assert_int_equal(stage.code, -ECANCELED);
    assert_int_equal(stage.lock.sync.word, 0);
}

TEST(a_notified_one_that_is_killed_while_the_lock_is_held_has_succeeded)
{
    struct stage stage = fresh;
    struct call call = {&stage, wait_condition};
    thrum_future *future = begin_wait(&call);

    assert_int_equal(thrum_lock_acquire(&stage.lock, THRUM_NOW), 0);
    thrum_condition_notify(&stage.condition);
    assert_int_equal(thrum_future_kill(future, thrum_in_ms(5)), -ETIMEDOUT);
    thrum_lock_release(&stage.lock);
    end_wait(future);
    assert_int_equal(stage.code, 0);
    assert_int_equal(stage.lock.sync.word, 0);
}

/* ---- who is behind ---- */

TEST(a_writer_that_is_killed_lets_those_behind_him_in)
{
    struct stage stage = fresh;
    struct call writer = {&stage, wait_write};
    thrum_future *killed;
    thrum_future *reader = NULL;

    assert_int_equal(thrum_rwlock_acquire_read(&stage.rwlock, THRUM_NOW), 0);
    killed = begin_wait(&writer);
    assert_int_equal(thrum_rwlock_acquire_read(&stage.rwlock, THRUM_NOW),
                     -ETIMEDOUT);
    assert_int_equal(
        thrum_spawn(call_wait, &(struct call){&stage, wait_read}, 0, &reader),
        0);
    assert_int_equal(thrum_pass(), 0);
    assert_false(thrum_future_done(reader));
    assert_int_equal(thrum_future_kill(killed, THRUM_FOREVER), 0);
    end_wait(reader);
    end_wait(killed);
    thrum_rwlock_release(&stage.rwlock);
    thrum_rwlock_release(&stage.rwlock);
    assert_int_equal(stage.rwlock.sync.word, 0);
}

TEST(one_that_is_killed_at_a_barrier_breaks_it)
{
    struct stage stage = fresh;
    struct call call = {&stage, wait_barrier};
    thrum_future *future = begin_wait(&call);

    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    end_wait(future);
    assert_int_equal(thrum_barrier_wait(&stage.barrier, THRUM_FOREVER),
                     THRUM_EBROKEN);
}

static int run_until_told(void *arg)
{
    struct stage *stage = arg;

    return thrum_event_wait(&stage->event, THRUM_FOREVER);
}

static void *call_once(void *arg)
{
    struct stage *stage = arg;

    CHECK_INT(
        thrum_once_call(&stage->once, run_until_told, stage, THRUM_FOREVER),
        -ECANCELED);
    return stage;
}

static int succeed(void *arg)
{
    (void)arg;
    return 0;
}

static int wait_once_then_call(struct stage *stage)
{
    return thrum_once_call(&stage->once, succeed, NULL, THRUM_FOREVER);
}

TEST(a_once_whose_caller_is_killed_is_called_by_the_next)
{
    struct stage stage = fresh;
    struct call next = {&stage, wait_once_then_call};
    struct call killed = {&stage, wait_once};
    thrum_future *first = NULL;
    thrum_future *second;
    thrum_future *third;

    assert_int_equal(thrum_spawn(call_once, &stage, 0, &first), 0);
    second = begin_wait(&killed);
    third = begin_wait(&next);
    assert_int_equal(thrum_future_kill(second, THRUM_FOREVER), 0);
    assert_int_equal(stage.code, -ECANCELED);
    assert_int_equal(thrum_future_kill(first, THRUM_FOREVER), 0);
    end_wait(third);
    assert_int_equal(stage.code, 0);
    assert_true(thrum_once_is_done(&stage.once));
    end_wait(first);
    end_wait(second);
}

/* ---- owners ---- */

static void *release_here(void *rlock)
{
    CHECK_INT(thrum_rlock_release(rlock), 0);
    return NULL;
}

static void *own_and_pull(void *rlock)
{
    thrum_generator *generator = NULL;

    CHECK_INT(thrum_rlock_acquire(rlock, THRUM_NOW), 0);
    CHECK_INT(thrum_generator_new(release_here, rlock, 0, NULL, &generator), 0);
    CHECK_INT(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    thrum_generator_unref(generator);
    CHECK_INT(thrum_rlock_release(rlock), -EPERM);
    return rlock;
}

TEST(S14_a_generator_is_whoever_pulls_it)
{
    thrum_rlock rlock = THRUM_RLOCK_INIT;
    thrum_future *future = NULL;

    own_and_pull(&rlock);
    assert_int_equal(thrum_spawn(own_and_pull, &rlock, 0, &future), 0);
    end_wait(future);
}

/* ---- giving the thread away ---- */

static void *count_turns(void *arg)
{
    unsigned *turns = arg;

    for (;;) {
        ++*turns;
        if (thrum_pass() != 0)
            return NULL;
    }
}

/* One who never has to wait does not keep the others from running. */
TEST(waits_that_need_not_wait_let_others_run)
{
    struct stage stage = fresh;
    thrum_future *future = NULL;
    unsigned turns = 0;

    assert_int_equal(thrum_spawn(count_turns, &turns, 0, &future), 0);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(wait_lock(&stage), 0);
        thrum_lock_release(&stage.lock);
    }
    assert_true(turns > 0);
    thrum_event_set(&stage.event);
    turns = 0;
    for (int i = 0; i < 10000; i++)
        assert_int_equal(wait_event(&stage), 0);
    assert_true(turns > 0);
    turns = 0;
    for (int i = 0; i < 10000; i++)
        assert_int_equal(thrum_event_wait(&stage.event, THRUM_NOW), 0);
    assert_int_equal(turns, 0); /* that only looks */
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    thrum_future_unref(future);
}

TEST_MAIN("sync_cancel")
