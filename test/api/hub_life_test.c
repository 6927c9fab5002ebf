/* SPDX-License-Identifier: MIT */
/*
 * hub_life_test.c - what becomes of greenlets and their waits when something
 * ends that they hang on: the thread, or a task that they are part of.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

#include "greens.h"

static int unended;

static void count_error(const thrum_error *error, void *arg)
{
    (void)arg;
    unended += error->code == THRUM_EIGNORED;
}

/* ---- a greenlet that would not end, and is woken later ---- */

struct outlives {
    thrum_queue *queue;
    int got;
};

static void *gets_for_ever(void *arg)
{
    struct outlives *outlives = arg;
    void *item = NULL;

    THRUM_SHIELD
    {
        CHECK_INT(thrum_queue_get(outlives->queue, THRUM_FOREVER, &item), 0);
    }
    outlives->got++;
    return NULL;
}

static void *leaves_it(void *arg)
{
    CHECK_INT(thrum_spawn(gets_for_ever, arg, 0, NULL), 0);
    CHECK_INT(thrum_pass(), 0);
    return NULL;
}

/* In a hub that was made after that. */
static void *goes_on(void *queue)
{
    in_greenlet(mark_fn, "a");
    CHECK_INT(thrum_queue_put(queue, trail, THRUM_NOW), 0);
    in_greenlet(mark_fn, "b");
    CHECK_INT(thrum_sleep(thrum_in_ms(1)), 0);
    return NULL;
}

static int wake_after_its_thread(void *arg)
{
    struct outlives outlives = {NULL, 0};

    (void)arg;
    thrum_set_error_handler(count_error, NULL);
    CHECK_INT(thrum_queue_new(NULL, &outlives.queue), 0);
    join_thread(spawn_thread(leaves_it, &outlives));
    CHECK_INT(unended, 1);
    trail_clear();
    join_thread(spawn_thread(goes_on, outlives.queue));
    CHECK(strcmp(trail, "ab") == 0);
    CHECK_INT(outlives.got, 0);
    return 5;
}

TEST(one_that_would_not_end_is_not_woken_in_the_hub_of_another_thread)
{
    TEST_SKIP_EMULATED(NO_THREADS_IN_CHILD);
    assert_int_equal(in_child(wake_after_its_thread, NULL), 5);
}

/* ---- what is sent to a hub that has ended ---- */

static void *gives_executor(void *ret_executor)
{
    in_greenlet(mark_fn, "x");
    *(thrum_executor **)ret_executor = thrum_hub_executor();
    return NULL;
}

TEST(what_is_submitted_to_a_thread_that_has_ended_is_refused)
{
    thrum_executor *executor = NULL;
    thrum_future *future = NULL;

    join_thread(spawn_thread(gives_executor, &executor));
    assert_int_equal(thrum_executor_submit(executor, mark_fn, "n", 0, &future),
                     THRUM_ESHUTDOWN);
}

/* ---- a descriptor that is asked for late ---- */

static void *submits_mark(void *executor)
{
    CHECK_INT(thrum_executor_submit(executor, mark_fn, "m", 0, NULL), 0);
    return NULL;
}

TEST(what_came_before_the_descriptor_was_asked_for_makes_it_readable)
{
    thrum_executor *executor = thrum_hub_executor();
    struct pollfd poll_fd = {-1, POLLIN, 0};
    thrum_time next;

    trail_clear();
    assert_int_equal(thrum_hub_next(&next), 0);
    join_thread(spawn_thread(submits_mark, executor));
    poll_fd.fd = thrum_hub_fd();
    assert_true(poll_fd.fd >= 0);
    assert_int_equal(poll(&poll_fd, 1, -1), 1);
    while (trail[0] == '\0')
        assert_true(thrum_hub_turn(THRUM_NOW) >= 0);
    assert_int_equal(thrum_hub_close(THRUM_FOREVER), 0);
}

/* ---- delays without an end ---- */

static void *spawns_for_never(void *ret_future)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;

    options.delay_ns = INT64_MAX;
    CHECK_INT(thrum_spawn_with(mark_fn, "n", 0, &options, ret_future), 0);
    return NULL;
}

TEST(one_that_would_never_begin_is_cancelled_with_its_thread)
{
    thrum_future *future = NULL;

    join_thread(spawn_thread(spawns_for_never, &future));
    assert_true(thrum_future_done(future));
    assert_true(thrum_future_cancelled(future));
    thrum_future_unref(future);
}

/* ---- a continuation that is cancelled before what it follows ---- */

static void *then_nothing(thrum_future *future, void *arg)
{
    (void)future;
    return arg;
}

static void *cancel_it(void *future)
{
    CHECK(thrum_future_cancel(future));
    return NULL;
}

TEST(a_wait_for_a_continuation_ends_when_that_is_cancelled)
{
    struct deal deal = deal_new();
    thrum_future *then = NULL;
    thrum_future *canceller;

    in_greenlet(mark_fn, "x");
    assert_int_equal(thrum_future_then(deal.future, thrum_hub_executor(),
                                       then_nothing, NULL, &then),
                     0);
    canceller = spawn(cancel_it, then);
    assert_int_equal(thrum_future_result(then, THRUM_FOREVER, NULL),
                     THRUM_ECANCELLED);
    assert_int_equal(spawned_end(canceller), 0);
    thrum_future_unref(then);
    assert_int_equal(thrum_promise_set_result(deal.promise, NULL), 0);
    deal_end(&deal);
    assert_int_equal(thrum_pass(), 0);
}

/* ---- a thread that ends on a greenlet's stack ---- */

static void *exits(void *arg)
{
    pthread_exit(arg);
}

static void *sleeps_meanwhile(void *arg)
{
    CHECK_INT(thrum_spawn(exits, arg, 0, NULL), 0);
    CHECK_INT(thrum_sleep(thrum_in_s(1000)), 0);
    return NULL;
}

static void *awaits_it(void *ret_future)
{
    thrum_future **future = ret_future;

    CHECK_INT(thrum_spawn(exits, ret_future, 0, future), 0);
    CHECK_INT(thrum_future_result(*future, THRUM_FOREVER, NULL), 0);
    return NULL;
}

TEST(a_greenlet_may_end_the_thread_while_its_program_waits)
{
    thrum_future *future = NULL;

    if (TEST_ASAN || TEST_TSAN)
        TEST_SKIP("its runtime wants pthread_exit() on the thread's stack");
    assert_ptr_equal(join_thread(spawn_thread(sleeps_meanwhile, &future)),
                     &future);
    assert_ptr_equal(join_thread(spawn_thread(awaits_it, &future)), &future);
    assert_int_equal(error_code_of(future), THRUM_EEXITED);
    thrum_future_unref(future);
}

/* ---- one left standing ---- */

static void *marks(void *mark)
{
    return mark;
}

static void *switches_away(void *ret_rc)
{
    thrum_greenlet *greenlet = NULL;
    thrum_greenlet *main = thrum_greenlet_parent(thrum_greenlet_current());

    CHECK_INT(thrum_greenlet_new(marks, main, NULL, &greenlet), 0);
    *(int *)ret_rc = thrum_greenlet_switch(greenlet, NULL, NULL);
    thrum_greenlet_unref(greenlet);
    return NULL;
}

static void *leaves_one_standing(void *ret_rc)
{
    CHECK_INT(thrum_spawn(switches_away, ret_rc, 0, NULL), 0);
    CHECK_INT(thrum_pass(), 0);
    return NULL;
}

TEST(one_that_nobody_switches_back_to_is_cancelled_with_its_thread)
{
    int rc = 1;

    join_thread(spawn_thread(leaves_one_standing, &rc));
    assert_int_equal(rc, -ECANCELED);
}

/* ---- what a greenlet has is not the next one's ---- */

static void *sets_context(void *arg)
{
    CHECK_INT(thrum_greenlet_set_context(thrum_greenlet_current(), arg), 0);
    return NULL;
}

static void *has_no_context(void *arg)
{
    (void)arg;
    CHECK(thrum_greenlet_context(thrum_greenlet_current()) == NULL);
    return NULL;
}

TEST(a_context_is_the_greenlets_and_not_the_next_ones)
{
    int mine = 0;

    in_greenlet(sets_context, &mine);
    in_greenlet(has_no_context, NULL);
}

/* ---- deadlocks of what cannot be given up ---- */

static unsigned told;

static void count_told(thrum_log_level level, const char *message, void *arg)
{
    (void)level;
    (void)arg;
    told += strstr(message, "a deadlock: all") != NULL;
    if (told > 2)
        _Exit(99); /* over and over */
}

static void *waits_for_ever(void *ret_rc)
{
    *(int *)ret_rc = thrum_sleep(THRUM_FOREVER);
    return NULL;
}

static void *spawns_one_that_waits(void *ret_rc)
{
    CHECK_INT(thrum_spawn(waits_for_ever, ret_rc, 0, NULL), 0);
    return NULL;
}

/* The task cannot end before what it has spawned: so it sleeps, which here a
 * signal ends. */
static int join_for_ever(void *arg)
{
    const struct itimerval soon = {{0, 0}, {0, 20000}};
    thrum_executor *executor = NULL;
    thrum_future *future = NULL;
    int rc = 1;

    (void)arg;
    thrum_set_log(count_told, NULL);
    CHECK_INT(thrum_inline_new(&executor), 0);
    CHECK_INT(setitimer(ITIMER_REAL, &soon, NULL), 0);
    return thrum_executor_submit(executor, spawns_one_that_waits, &rc, 0,
                                 &future);
}

TEST(S5_a_task_whose_greenlets_wait_for_ever_is_told_and_sleeps)
{
    if (TEST_TSAN)
        TEST_SKIP("its thread counts");
    assert_int_equal(in_child(join_for_ever, NULL), 128 + SIGALRM);
}

/* ---- a thread that is cancelled ---- */

struct cancelled {
    thrum_event begun;
    thrum_event go_on;
    atomic_bool went_on;
};

static void *cancelled_greenlet(void *arg)
{
    struct cancelled *cancelled = arg;

    thrum_event_set(&cancelled->begun);
    CHECK_INT(thrum_event_wait(&cancelled->go_on, THRUM_FOREVER), 0);
    return NULL;
}

static void *cancelled_thread(void *arg)
{
    struct cancelled *cancelled = arg;

    in_greenlet(cancelled_greenlet, cancelled);
    pthread_testcancel();
    atomic_store(&cancelled->went_on, true);
    CHECK_INT(thrum_hub_close(THRUM_FOREVER), 0);
    pthread_testcancel();
    return NULL;
}

TEST(P25_a_thread_is_not_cancelled_while_it_has_a_hub)
{
    struct cancelled cancelled = {THRUM_EVENT_INIT, THRUM_EVENT_INIT, false};
    void *result = NULL;
    pthread_t thread;

    assert_int_equal(
        pthread_create(&thread, NULL, cancelled_thread, &cancelled), 0);
    assert_int_equal(thrum_event_wait(&cancelled.begun, THRUM_FOREVER), 0);
    assert_int_equal(pthread_cancel(thread), 0);
    thrum_event_set(&cancelled.go_on);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_true(atomic_load(&cancelled.went_on));
    assert_true(result == PTHREAD_CANCELED);
}

TEST_MAIN("hub-life")
