/* SPDX-License-Identifier: MIT */
/*
 * test/api/future_set_test.c - sets: adding, sharing, the descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "futures.h"

static thrum_future_set *set_new(void)
{
    thrum_future_set *set = NULL;

    assert_int_equal(thrum_future_set_new(&set), 0);
    return set;
}

static void add(thrum_future_set *set, thrum_future *future)
{
    assert_int_equal(thrum_future_set_add(set, future), 0);
}

static void assert_next(thrum_future_set *set, thrum_future *expected)
{
    thrum_future *future = NULL;

    assert_int_equal(thrum_future_set_next(set, THRUM_FOREVER, &future), 0);
    assert_ptr_equal(future, expected);
    thrum_future_unref(future);
}

TEST(an_empty_set_is_at_its_end)
{
    thrum_future_set *set = set_new();
    thrum_future *future = NULL;

    assert_int_equal(thrum_future_set_size(set), 0);
    assert_int_equal(thrum_future_set_next(set, THRUM_FOREVER, &future),
                     THRUM_ESTOP);
    thrum_future_set_free(set);
    thrum_future_set_free(NULL);
}

/* Settled ones and pending ones, also after the set was at its end. */
TEST(a_set_is_used_again_and_again)
{
    thrum_future_set *set = set_new();
    thrum_future *future = NULL;

    for (int round = 0; round < 3; round++) {
        struct deal deal = deal_new();
        thrum_future *value = future_with(NULL);

        add(set, deal.future);
        add(set, value);
        assert_int_equal(thrum_future_set_size(set), 2);
        assert_next(set, value);
        assert_int_equal(thrum_future_set_next(set, THRUM_NOW, &future),
                         -ETIMEDOUT);
        thrum_promise_set_result(deal.promise, NULL);
        assert_next(set, deal.future);
        assert_int_equal(thrum_future_set_next(set, THRUM_NOW, &future),
                         THRUM_ESTOP);
        thrum_future_unref(value);
        deal_end(&deal);
    }
    thrum_future_set_free(set);
}

TEST(one_added_twice_comes_twice)
{
    thrum_future_set *set = set_new();
    struct deal deal = deal_new();
    thrum_future *value = future_with(NULL);

    add(set, deal.future);
    add(set, value);
    add(set, deal.future);
    add(set, value);
    assert_int_equal(thrum_future_set_size(set), 4);
    assert_next(set, value);
    assert_next(set, value);
    thrum_promise_set_result(deal.promise, NULL);
    assert_next(set, deal.future);
    assert_next(set, deal.future);
    assert_int_equal(thrum_future_set_size(set), 0);
    thrum_future_set_free(set);
    thrum_future_unref(value);
    deal_end(&deal);
}

/* What is left in a set is let go, not cancelled. */
TEST(free_leaves_the_futures_alone)
{
    thrum_future_set *set = set_new();
    struct deal pending = deal_new();
    thrum_future *value = future_with(NULL);

    add(set, pending.future);
    add(set, value);
    assert_true(thrum_future_set_fd(set) >= 0);
    thrum_future_set_free(set);
    assert_false(thrum_future_done(pending.future));
    assert_int_equal(thrum_promise_set_result(pending.promise, NULL), 0);
    assert_int_equal(thrum_future_result(pending.future, THRUM_NOW, NULL), 0);
    thrum_future_unref(value);
    deal_end(&pending);
}

static void *settle_run(void *promise)
{
    CHECK_INT(thrum_promise_set_result(promise, NULL), 0);
    return NULL;
}

/* The set goes while its futures settle in another thread. */
TEST(free_races_with_settling)
{
    for (unsigned round = test_scale(500); round > 0; round--) {
        thrum_future_set *set = set_new();
        struct deal deal[2] = {deal_new(), deal_new()};
        struct test_thread *settler;

        add(set, deal[0].future);
        add(set, deal[1].future);
        settler = spawn_thread(settle_run, deal[0].promise);
        if (round % 2 == 0)
            sched_yield();
        thrum_future_set_free(set);
        join_thread(settler);
        deal_end(&deal[0]);
        deal_end(&deal[1]);
    }
}

TEST(a_set_needs_arguments)
{
    thrum_future_set *set = set_new();

    assert_int_equal(thrum_future_set_add(set, NULL), -EINVAL);
    assert_int_equal(thrum_future_set_size(set), 0);
    thrum_future_set_free(set);
}

/* ---- F37: a next that times out leaves nothing ---- */

TEST(F37_next_that_times_out_leaves_nothing)
{
    thrum_future_set *set = set_new();
    struct deal deal = deal_new();
    thrum_future *future = NULL;
    size_t before;

    add(set, deal.future);
    before = test_live_blocks();
    for (unsigned i = test_scale(2000); i > 0; i--)
        assert_int_equal(thrum_future_set_next(set, thrum_in_us(1), &future),
                         -ETIMEDOUT);
    assert_int_equal(test_live_blocks(), before);
    thrum_promise_set_result(deal.promise, NULL);
    assert_next(set, deal.future);
    thrum_future_set_free(set);
    deal_end(&deal);
}

/* ---- several threads ---- */

static void *next_run(void *set)
{
    thrum_future *future = NULL;
    int rc = thrum_future_set_next(set, THRUM_FOREVER, &future);

    if (rc == 0)
        thrum_future_unref(future);
    return (void *)(intptr_t)rc;
}

TEST(add_wakes_one_that_waits)
{
    thrum_future_set *set = set_new();
    struct deal pending = deal_new();
    thrum_future *value = future_with(NULL);
    struct test_thread *waiter;

    add(set, pending.future);
    waiter = spawn_thread(next_run, set);
    thread_await_sleep(waiter);
    add(set, value);
    assert_null(join_thread(waiter));
    thrum_future_set_free(set);
    thrum_future_unref(value);
    deal_end(&pending);
}

/* Two wait for one future: the other learns that there is nothing left. */
TEST(all_who_wait_learn_that_a_set_is_empty)
{
    thrum_future_set *set = set_new();
    struct deal deal = deal_new();
    struct test_thread *waiters[3];
    int got[2] = {0, 0};

    add(set, deal.future);
    for (int i = 0; i < 3; i++)
        waiters[i] = spawn_thread(next_run, set);
    for (int i = 0; i < 3; i++)
        thread_await_sleep(waiters[i]);
    thrum_promise_set_result(deal.promise, NULL);
    for (int i = 0; i < 3; i++) {
        intptr_t rc = (intptr_t)join_thread(waiters[i]);

        assert_true(rc == 0 || rc == THRUM_ESTOP);
        got[rc == 0]++;
    }
    assert_int_equal(got[1], 1);
    assert_int_equal(got[0], 2);
    thrum_future_set_free(set);
    deal_end(&deal);
}

struct share {
    thrum_future_set *set;
    atomic_uint *given; /* how often each was given back, by its number */
    bool with_deadline;
};

static void *share_run(void *arg)
{
    struct share *share = arg;
    thrum_future *future = NULL;
    int rc;

    for (;;) {
        void *number = NULL;

        rc = thrum_future_set_next(
            share->set, share->with_deadline ? thrum_in_us(20) : THRUM_FOREVER,
            &future);
        if (rc == -ETIMEDOUT && share->with_deadline)
            continue;
        if (rc != 0)
            break;
        CHECK_INT(thrum_future_result(future, THRUM_NOW, &number), 0);
        atomic_fetch_add(&share->given[(uintptr_t)number], 1);
        thrum_future_unref(future);
    }
    CHECK_INT(rc, THRUM_ESTOP);
    return NULL;
}

static void *number_task(void *arg)
{
    return arg;
}

/* F39: of several threads that share a set each future comes to one. */
TEST(F39_several_threads_share_a_set)
{
    enum {
        THREADS = 4
    };
    unsigned count = test_scale(5000);
    atomic_uint *given = calloc(count, sizeof(*given));
    thrum_executor *pool = pool_of(2);
    thrum_future_set *set = set_new();
    struct share with = {set, given, true};
    struct share without = {set, given, false};
    struct deal last = deal_new();
    struct test_thread *threads[THREADS];

    add(set, last.future); /* so that nobody is at the end too early */
    for (int i = 0; i < THREADS; i++)
        threads[i] = spawn_thread(share_run, i % 2 == 0 ? &with : &without);
    for (uintptr_t i = 1; i < count; i++) {
        thrum_future *future = submit(pool, number_task, (void *)i);

        add(set, future);
        thrum_future_unref(future);
    }
    thrum_promise_set_result(last.promise, NULL); /* number 0 */
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(atomic_load(&given[i]), 1);
    thrum_future_set_free(set);
    executor_end(pool);
    deal_end(&last);
    free(given);
}

/* ---- the descriptor ---- */

static bool is_readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    assert_true(poll(&poll_fd, 1, 0) >= 0);
    return (poll_fd.revents & POLLIN) != 0;
}

/* Asks the set itself, without taking anything that has settled. */
static void assert_readable(thrum_future_set *set, int fd, bool expected)
{
    assert_int_equal(is_readable(fd), expected);
    assert_int_equal(is_readable(fd), expected); /* a look changes nothing */
    assert_int_equal(thrum_future_set_fd(set), fd);
}

/* Readable when next would return at once: something has settled, or there is
 * nothing to wait for. */
TEST(the_descriptor_is_readable_while_next_returns_at_once)
{
    thrum_future_set *set = set_new();
    struct deal deal[2] = {deal_new(), deal_new()};
    int fd = thrum_future_set_fd(set);

    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_readable(set, fd, true); /* THRUM_ESTOP */
    add(set, deal[0].future);
    add(set, deal[1].future);
    assert_readable(set, fd, false);
    thrum_promise_set_result(deal[0].promise, NULL);
    assert_readable(set, fd, true);
    thrum_future_cancel(deal[1].future);
    assert_readable(set, fd, true);
    assert_next(set, deal[0].future);
    assert_readable(set, fd, true);
    assert_next(set, deal[1].future);
    assert_readable(set, fd, true); /* THRUM_ESTOP */
    add(set, deal[0].future);
    assert_readable(set, fd, true);
    thrum_future_set_free(set);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed by free */
    for (int i = 0; i < 2; i++)
        deal_end(&deal[i]);
}

/* Asked for only when futures have settled, or are pending, already. */
TEST(a_descriptor_made_late_shows_the_same)
{
    thrum_future_set *set = set_new();
    struct deal pending = deal_new();
    thrum_future *value = future_with(NULL);
    int fd;

    add(set, value);
    add(set, pending.future);
    fd = thrum_future_set_fd(set);
    assert_true(fd >= 0);
    assert_readable(set, fd, true);
    assert_next(set, value);
    assert_readable(set, fd, false);
    thrum_future_set_free(set);
    thrum_future_unref(value);
    deal_end(&pending);
}

/* A loop that only ever polls gets all of them. */
TEST(an_event_loop_can_live_on_the_descriptor)
{
    enum {
        COUNT = 200
    };
    thrum_executor *pool = pool_of(2);
    thrum_future_set *set = set_new();
    thrum_future *future = NULL;
    unsigned got = 0;
    int rc = 0;

    for (uintptr_t i = 0; i < COUNT; i++) {
        future = submit(pool, number_task, (void *)i);
        add(set, future);
        thrum_future_unref(future);
    }
    while (rc != THRUM_ESTOP) {
        struct pollfd fd = {.fd = thrum_future_set_fd(set), .events = POLLIN};

        assert_int_equal(poll(&fd, 1, -1), 1);
        rc = thrum_future_set_next(set, THRUM_NOW, &future);
        assert_true(rc == 0 || rc == THRUM_ESTOP);
        if (rc != 0)
            continue;
        got++;
        thrum_future_unref(future);
    }
    assert_int_equal(got, COUNT);
    thrum_future_set_free(set);
    executor_end(pool);
}

TEST(no_descriptor_to_be_had_is_said)
{
    thrum_future_set *set = set_new();
    thrum_future *value = future_with(NULL);
    struct rlimit before;
    struct rlimit none;

    add(set, value);
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    assert_int_equal(thrum_future_set_fd(set), -EMFILE);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_true(is_readable(thrum_future_set_fd(set))); /* asked again */
    assert_next(set, value);
    thrum_future_set_free(set);
    thrum_future_unref(value);
}

TEST_MAIN("future_set")
