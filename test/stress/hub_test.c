/* SPDX-License-Identifier: MIT */
/*
 * test/stress/hub_test.c - greenlets of several hubs that spawn, sleep, wait
 * for each other and for a pool, and are killed at random, from their own thread
 * and from others.
 *
 * Each future settles, what it says of its task is what became of that, and in
 * the end nothing is left.
 */
#include <errno.h>

#include "stress.h"

enum {
    HUBS = 3,
    SLOTS = 64
};

static struct {
    pthread_mutex_t lock;
    thrum_future *slots[SLOTS]; /* anybody's, referenced; guarded by lock */
} board = {.lock = PTHREAD_MUTEX_INITIALIZER};

static thrum_executor *pool;
static atomic_uint begun;
static atomic_uint ended;

/* Puts one on the board, in place of what was there; both referenced. */
static thrum_future *board_swap(unsigned i, thrum_future *future)
{
    thrum_future *old;

    pthread_mutex_lock(&board.lock);
    old = board.slots[i];
    board.slots[i] = future;
    pthread_mutex_unlock(&board.lock);
    return old;
}

static thrum_future *board_take(unsigned i)
{
    return board_swap(i, NULL);
}

struct life {
    uint64_t random;
    unsigned depth;
};

static void *live(void *arg);

static thrum_future *spawn_life(uint64_t random, unsigned depth)
{
    struct life life = {random, depth};
    thrum_future *future = NULL;
    int rc = thrum_spawn(live, &life, sizeof(life), &future);

    CHECK(rc == 0 || rc == THRUM_ESHUTDOWN);
    return future;
}

static int wait_end(thrum_future *future, thrum_time deadline)
{
    int rc = thrum_future_result(future, deadline, NULL);

    CHECK(rc == 0 || rc == THRUM_ECANCELLED || rc == -ETIMEDOUT ||
          rc == -ECANCELED || rc == -EDEADLK);
    return rc == -ECANCELED || rc == -EDEADLK ? rc : 0;
}

static void *compute(void *arg)
{
    return arg;
}

static int ask_pool(struct life *self)
{
    thrum_future *future = NULL;
    int rc = thrum_executor_submit(pool, compute, self, 0, &future);

    CHECK_INT(rc, 0);
    rc = wait_end(future, THRUM_FOREVER);
    thrum_future_unref(future);
    return rc;
}

static int have_child(struct life *self)
{
    thrum_future *child;
    int rc;

    if (self->depth >= 4)
        return 0;
    child = spawn_life(self->random, self->depth + 1);
    if (child == NULL)
        return -ECANCELED;
    rc = wait_end(child, THRUM_FOREVER);
    thrum_future_unref(child);
    return rc;
}

/* Waits for, or kills, somebody's. */
static int meet(struct life *self, bool kill)
{
    thrum_future *other = board_take(stress_random(&self->random, SLOTS));
    int rc;

    if (other == NULL)
        return 0;
    rc = kill ? thrum_future_kill(other, thrum_in_ms(1))
              : wait_end(other, thrum_in_ms(1));
    thrum_future_unref(other);
    return rc == -ECANCELED ? rc : 0;
}

static int bounded_sleep(struct life *self)
{
    int rc = 0;

    THRUM_WITH_DEADLINE(limit, thrum_in_us(stress_random(&self->random, 300))) {
        rc = thrum_sleep(thrum_in_us(stress_random(&self->random, 300)));
    }
    CHECK(rc == 0 || rc == -ECANCELED ||
          (rc == -ETIMEDOUT && thrum_expired(&limit)));
    return rc == -ECANCELED ? rc : 0;
}

static int live_a_step(struct life *self)
{
    switch (stress_random(&self->random, 8)) {
    case 0:
        return thrum_pass();
    case 1:
        return bounded_sleep(self);
    case 2:
        return ask_pool(self);
    case 3:
    case 4:
        return have_child(self);
    case 5:
        return meet(self, false);
    case 6:
        return meet(self, true);
    default:
        return thrum_sleep(thrum_in_us(stress_random(&self->random, 300)));
    }
}

static void *live(void *arg)
{
    struct life self = *(struct life *)arg;
    unsigned steps = stress_random(&self.random, 12);

    atomic_fetch_add_explicit(&begun, 1, memory_order_relaxed);
    while (steps-- > 0 && live_a_step(&self) != -ECANCELED)
        ;
    atomic_fetch_add_explicit(&ended, 1, memory_order_relaxed);
    return NULL;
}

/* ---- the threads ---- */

struct host {
    uint64_t random;
    thrum_time end;
};

static void *host_run(void *arg)
{
    struct host *host = arg;

    while (!stress_is_over(host->end)) {
        unsigned i = stress_random(&host->random, SLOTS);
        thrum_future *future = spawn_life(host->random, 0);
        thrum_future *old = board_swap(i, future);

        if (old != NULL)
            thrum_future_unref(old);
        if (stress_random(&host->random, 8) == 0)
            CHECK_INT(thrum_sleep(thrum_in_us(200)), 0);
        else
            CHECK_INT(thrum_pass(), 0);
    }
    return NULL; /* with many that have not ended */
}

TEST(whatever_is_spawned_ends)
{
    uint64_t seed = stress_seed();
    thrum_time end = stress_end(2);
    struct host hosts[HUBS];
    struct test_thread *threads[HUBS];
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;

    options.max_workers = 2;
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    for (unsigned i = 0; i < HUBS; i++) {
        hosts[i] = (struct host){seed + i + 1, end};
        threads[i] = spawn_thread(host_run, &hosts[i]);
    }
    for (unsigned i = 0; i < HUBS; i++)
        join_thread(threads[i]);
    for (unsigned i = 0; i < SLOTS; i++) {
        thrum_future *future = board_take(i);

        if (future == NULL)
            continue;
        assert_true(thrum_future_done(future)); /* with its thread */
        thrum_future_unref(future);
    }
    assert_int_equal(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER),
                     0);
    thrum_executor_unref(pool);
    assert_int_equal(atomic_load(&begun), atomic_load(&ended));
    assert_true(atomic_load(&begun) > 0);
}

static void *nothing(void *arg)
{
    return arg;
}

TEST(a_million_are_spawned_and_joined)
{
    for (unsigned i = test_scale(1000000); i > 0; i--) {
        thrum_future *future = NULL;

        if (thrum_spawn(nothing, NULL, 0, &future) != 0 ||
            thrum_future_result(future, THRUM_FOREVER, NULL) != 0)
            abort();
        thrum_future_unref(future);
    }
}

static void *sleeps(void *arg)
{
    CHECK_INT(thrum_sleep(THRUM_FOREVER), -ECANCELED);
    return arg;
}

enum {
    CROWD = 20000
};

TEST(a_crowd_is_killed)
{
    static thrum_future *futures[CROWD];
    size_t n = test_scale(CROWD);

    for (size_t i = 0; i < n; i++)
        assert_int_equal(thrum_spawn(sleeps, NULL, 0, &futures[i]), 0);
    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(thrum_kill_all(futures, n, THRUM_FOREVER), 0);
    for (size_t i = 0; i < n; i++) {
        assert_true(thrum_future_cancelled(futures[i]));
        thrum_future_unref(futures[i]);
    }
    thrum_stack_trim();
}

TEST_MAIN("stress-hub")
