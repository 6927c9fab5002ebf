/* SPDX-License-Identifier: MIT */
/*
 * test/stress/sync_test.c - threads, and greenlets of two hubs which are killed
 * now and then, use the same locks, semaphores and conditions, with deadlines
 * that pass while things are handed over.
 */
#include <errno.h>
#include <string.h>

#include "stress.h"

#define THREADS   3
#define HUBS      2
#define GREENLETS 6
#define UNITS     3u
#define TOKENS    2u

static struct stage {
    thrum_lock lock;
    thrum_rlock rlock;
    thrum_rwlock rwlock;
    thrum_semaphore units;
    thrum_lock token_lock;
    thrum_condition more_tokens;
    unsigned tokens; /* guarded by token_lock */
    unsigned in_lock;
    unsigned in_rlock;
    atomic_uint readers;
    atomic_uint writers;
    atomic_uint in_units;
    atomic_bool over;
    atomic_ullong done;
} stage;

static void stage_begin(void)
{
    memset(&stage, 0, sizeof(stage));
    thrum_lock_init(&stage.lock);
    thrum_rlock_init(&stage.rlock);
    thrum_rwlock_init(&stage.rwlock);
    assert_int_equal(thrum_semaphore_init(&stage.units, UNITS, UNITS), 0);
    thrum_lock_init(&stage.token_lock);
    thrum_condition_init(&stage.more_tokens);
    stage.tokens = TOKENS;
}

static void stage_end(void)
{
    assert_int_equal(stage.lock.sync.word, 0);
    assert_int_equal(stage.rlock.lock.sync.word, 0);
    assert_int_equal(stage.rwlock.sync.word, 0);
    assert_int_equal(stage.token_lock.sync.word, 0);
    assert_int_equal(stage.more_tokens.sync.word, 0);
    assert_int_equal(thrum_semaphore_units(&stage.units), UNITS);
    assert_int_equal(stage.tokens, TOKENS);
    print_message("# %llu calls\n", (unsigned long long)stage.done);
}

static thrum_time some_deadline(uint64_t *random)
{
    unsigned kind = stress_random(random, 4);

    return kind == 0   ? THRUM_NOW
           : kind == 1 ? thrum_in_us(stress_random(random, 100))
                       : THRUM_FOREVER;
}

/* Lets others run while something is held. */
static void linger(uint64_t *random)
{
    if (stress_random(random, 4) == 0)
        (void)thrum_pass();
}

static int use_lock(uint64_t *random)
{
    int rc = thrum_lock_acquire(&stage.lock, some_deadline(random));

    if (rc != 0)
        return rc;
    CHECK_INT(stage.in_lock++, 0);
    linger(random);
    CHECK_INT(--stage.in_lock, 0);
    thrum_lock_release(&stage.lock);
    return 0;
}

static int use_rlock(uint64_t *random)
{
    int rc = thrum_rlock_acquire(&stage.rlock, some_deadline(random));

    if (rc != 0)
        return rc;
    CHECK_INT(stage.in_rlock++, 0);
    CHECK_INT(thrum_rlock_acquire(&stage.rlock, THRUM_NOW), 0);
    linger(random);
    CHECK_INT(thrum_rlock_release(&stage.rlock), 0);
    CHECK_INT(--stage.in_rlock, 0);
    CHECK_INT(thrum_rlock_release(&stage.rlock), 0);
    return 0;
}

static int use_rwlock(uint64_t *random)
{
    bool writes = stress_random(random, 3) == 0;
    thrum_time deadline = some_deadline(random);
    int rc = writes ? thrum_rwlock_acquire_write(&stage.rwlock, deadline)
                    : thrum_rwlock_acquire_read(&stage.rwlock, deadline);

    if (rc != 0)
        return rc;
    atomic_fetch_add(writes ? &stage.writers : &stage.readers, 1);
    linger(random);
    CHECK(atomic_load(&stage.writers) == (writes ? 1 : 0));
    CHECK(!writes || atomic_load(&stage.readers) == 0);
    atomic_fetch_sub(writes ? &stage.writers : &stage.readers, 1);
    thrum_rwlock_release(&stage.rwlock);
    return 0;
}

static int use_unit(uint64_t *random)
{
    int rc = thrum_semaphore_acquire(&stage.units, some_deadline(random));

    if (rc != 0)
        return rc;
    CHECK(atomic_fetch_add(&stage.in_units, 1) < UNITS);
    linger(random);
    atomic_fetch_sub(&stage.in_units, 1);
    CHECK_INT(thrum_semaphore_release(&stage.units), 0);
    return 0;
}

static int take_token(thrum_time deadline)
{
    int rc = thrum_lock_acquire(&stage.token_lock, deadline);

    if (rc != 0)
        return rc;
    while (rc == 0 && stage.tokens == 0)
        rc = thrum_condition_wait(&stage.more_tokens, &stage.token_lock,
                                  deadline);
    if (rc == 0)
        stage.tokens--;
    thrum_lock_release(&stage.token_lock);
    return rc;
}

/* Not to be cut short: nobody else brings it back. */
static void bring_token(bool tell_all)
{
    THRUM_SHIELD
    {
        CHECK_INT(thrum_lock_acquire(&stage.token_lock, THRUM_FOREVER), 0);
    }
    stage.tokens++;
    if (tell_all)
        thrum_condition_notify_all(&stage.more_tokens);
    else
        thrum_condition_notify(&stage.more_tokens);
    thrum_lock_release(&stage.token_lock);
}

static int use_token(uint64_t *random)
{
    int rc = take_token(some_deadline(random));

    if (rc != 0)
        return rc;
    linger(random);
    bring_token(stress_random(random, 4) == 0);
    return 0;
}

static int (*const uses[])(uint64_t *random) = {use_lock, use_rlock, use_rwlock,
                                                use_unit, use_token};

/* Until it is over, or the caller is killed. */
static void *play(void *arg)
{
    uint64_t *random = arg;
    int rc = 0;

    while (rc != -ECANCELED && !atomic_load(&stage.over)) {
        rc =
            uses[stress_random(random, sizeof(uses) / sizeof(uses[0]))](random);
        CHECK(rc == 0 || rc == -ETIMEDOUT || rc == -ECANCELED);
        atomic_fetch_add(&stage.done, 1);
    }
    return arg;
}

struct hub {
    uint64_t random;
    uint64_t seeds[GREENLETS];
    thrum_future *greenlets[GREENLETS];
    thrum_time end;
};

static void hub_spawn(struct hub *hub, unsigned i)
{
    hub->seeds[i] = hub->random ^ (i + 1);
    CHECK_INT(thrum_spawn(play, &hub->seeds[i], 0, &hub->greenlets[i]), 0);
}

/* Another one in the place of one that is killed. */
static void hub_replace(struct hub *hub, unsigned i)
{
    CHECK_INT(thrum_future_kill(hub->greenlets[i], THRUM_FOREVER), 0);
    thrum_future_unref(hub->greenlets[i]);
    hub_spawn(hub, i);
}

static void *run_hub(void *arg)
{
    struct hub *hub = arg;

    for (unsigned i = 0; i < GREENLETS; i++)
        hub_spawn(hub, i);
    while (!stress_is_over(hub->end)) {
        CHECK_INT(thrum_sleep(thrum_in_us(stress_random(&hub->random, 300))),
                  0);
        hub_replace(hub, stress_random(&hub->random, GREENLETS));
    }
    atomic_store(&stage.over, true);
    CHECK_INT(thrum_join_all(hub->greenlets, GREENLETS, THRUM_FOREVER), 0);
    for (unsigned i = 0; i < GREENLETS; i++)
        thrum_future_unref(hub->greenlets[i]);
    return NULL;
}

TEST(threads_and_greenlets_share_them)
{
    struct test_thread *threads[THREADS + HUBS];
    uint64_t randoms[THREADS];
    static struct hub hubs[HUBS];
    uint64_t seed = stress_seed();
    thrum_time end = stress_end(3);

    stage_begin();
    for (unsigned i = 0; i < HUBS; i++) {
        hubs[i] = (struct hub){.random = (seed + 100 + i) | 1, .end = end};
        threads[i] = spawn_thread(run_hub, &hubs[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        randoms[i] = (seed + i) | 1;
        threads[HUBS + i] = spawn_thread(play, &randoms[i]);
    }
    for (unsigned i = 0; i < THREADS + HUBS; i++)
        join_thread(threads[i]);
    stage_end();
}

TEST_MAIN("stress-sync")
