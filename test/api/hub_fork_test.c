/* SPDX-License-Identifier: MIT */
/*
 * hub_fork_test.c - a fork in a process with a live hub (S17): the child goes
 * on with the greenlet that forked, and nothing else; the parent is unharmed.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "greens.h"

/* ThreadSanitizer ignores all synchronisation in a child of a process with more
 * than one thread, and takes greenlets for threads. */
#define SKIP_UNDER_TSAN                                              \
 do {                                                                \
  if (TEST_TSAN)                                                     \
   TEST_SKIP("its runtime ignores synchronisation in such a child"); \
 } while (0)

/* A child that one of the parent's greenlets ran in would have ended with 0. */
#define WENT_ON 5

static int wait_exit(pid_t pid)
{
    int status = -1;

    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int fresh_hub(void *arg)
{
    thrum_future *inherited = arg;

    trail_clear();
    CHECK_INT(thrum_future_result(inherited, THRUM_FOREVER, NULL), -ECHILD);
    in_greenlet(mark_fn, "c");
    CHECK_INT(thrum_sleep(thrum_in_ms(1)), 0);
    CHECK(strcmp(trail, "c") == 0); /* none of the parent's ran here */
    return WENT_ON;
}

TEST(S17_the_child_of_the_main_greenlet_has_a_fresh_hub)
{
    SKIP_UNDER_TSAN;

    int rc = 1;
    thrum_future *sleeper = spawn(sleep_long, &rc);
    thrum_future *queued;

    assert_int_equal(thrum_pass(), 0);
    queued = spawn(mark_fn, "p");
    assert_int_equal(in_child(fresh_hub, sleeper), WENT_ON);
    assert_int_equal(spawned_end(queued), 0);
    assert_int_equal(thrum_future_kill(sleeper, THRUM_FOREVER), 0);
    assert_int_equal(rc, -ECANCELED);
    thrum_future_unref(sleeper);
}

/* The child's function returns: so does the process, with 0. */
static void *forks(void *ret_pid)
{
    pid_t pid = fork();

    if (pid != 0) {
        *(pid_t *)ret_pid = pid;
        return NULL;
    }
    if (thrum_sleep(thrum_in_ms(1)) != 0 || thrum_pass() != 0)
        _exit(3);
    return NULL;
}

TEST(S17_in_the_child_the_greenlet_that_forked_goes_on_as_the_main_one)
{
    SKIP_UNDER_TSAN;

    pid_t pid = 0;
    thrum_future *other = NULL;

    trail_clear();
    in_greenlet(forks, &pid);
    other = spawn(mark_fn, "p");
    assert_int_equal(wait_exit(pid), 0);
    assert_int_equal(spawned_end(other), 0);
    assert_string_equal(trail, "p");
}

static int deadlock_after_fork(void *arg)
{
    (void)arg;
    /* the one that the parent would wake is not here, and nothing else is */
    CHECK_INT(thrum_sleep(THRUM_FOREVER), -EDEADLK);
    return 0;
}

TEST(S17_a_child_that_waits_for_ever_is_told)
{
    TEST_SKIP_EMULATED(MORE_THREADS);

    SKIP_UNDER_TSAN;

    int rc = 1;
    thrum_future *sleeper = spawn(sleep_long, &rc);

    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(in_child(deadlock_after_fork, NULL), 0);
    assert_int_equal(thrum_future_kill(sleeper, THRUM_FOREVER), 0);
    thrum_future_unref(sleeper);
}

static void *spawns_child_greenlets(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10; i++)
        in_greenlet(mark_fn, "x");
    return NULL;
}

static int child_uses_threads(void *arg)
{
    (void)arg;
    join_thread(spawn_thread(spawns_child_greenlets, NULL));
    in_greenlet(spawns_child_greenlets, NULL);
    return 0;
}

TEST(S17_threads_of_the_child_have_hubs_too)
{
    TEST_SKIP_EMULATED(NO_THREADS_IN_CHILD);

    SKIP_UNDER_TSAN;

    in_greenlet(mark_fn, "x");
    assert_int_equal(in_child(child_uses_threads, NULL), 0);
}

static void *fork_in_task(void *ret_pid)
{
    thrum_future *future = spawn(forks, ret_pid);

    CHECK_INT(spawned_end(future), 0);
    return NULL;
}

TEST(S17_a_fork_in_a_greenlet_of_a_pools_task)
{
    SKIP_UNDER_TSAN;

    thrum_executor *pool = pool_of(1);
    pid_t pid = 0;
    thrum_future *future = submit(pool, fork_in_task, &pid);

    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    assert_int_equal(wait_exit(pid), 0);
    thrum_future_unref(future);
    executor_end(pool);
}

/* ---- what the child has inherited of waits ---- */

static int sets_inherited_promise(void *promise)
{
    trail_clear();
    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(thrum_promise_set_result(promise, NULL), 0);
    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(thrum_sleep(thrum_in_ms(1)), 0);
    CHECK(trail[0] == '\0');
    return WENT_ON;
}

static void *waits_for_and_marks(void *future)
{
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    trail_add("w");
    return NULL;
}

TEST(S17_who_settles_an_inherited_promise_in_the_child_wakes_nobody_there)
{
    SKIP_UNDER_TSAN;

    struct deal deal = deal_new();
    thrum_future *future = spawn(waits_for_and_marks, deal.future);

    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(in_child(sets_inherited_promise, deal.promise), WENT_ON);
    assert_int_equal(thrum_promise_set_result(deal.promise, NULL), 0);
    assert_int_equal(spawned_end(future), 0);
    deal_end(&deal);
}

static int first_awaits(void *inherited)
{
    CHECK_INT(thrum_future_result(inherited, THRUM_FOREVER, NULL), -ECHILD);
    CHECK(trail[0] == '\0');
    return WENT_ON;
}

static int sets_inherited_event(void *event)
{
    CHECK_INT(thrum_pass(), 0);
    thrum_event_set(event);
    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(thrum_sleep(thrum_in_ms(1)), 0);
    CHECK(trail[0] == '\0');
    return WENT_ON;
}

static void *waits_for_event(void *event)
{
    CHECK_INT(thrum_event_wait(event, THRUM_FOREVER), 0);
    trail_add("e");
    return NULL;
}

TEST(S17_an_event_set_in_the_child_wakes_nobody_of_the_parent)
{
    SKIP_UNDER_TSAN;

    thrum_event event = THRUM_EVENT_INIT;
    thrum_future *future = spawn(waits_for_event, &event);

    trail_clear();
    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(in_child(sets_inherited_event, &event), WENT_ON);
    thrum_event_set(&event);
    assert_int_equal(spawned_end(future), 0);
}

static int kills_inherited(void *inherited)
{
    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(thrum_future_kill(inherited, THRUM_FOREVER), -ECHILD);
    CHECK_INT(thrum_future_request_cancel(inherited), 0);
    CHECK_INT(thrum_pass(), 0);
    return WENT_ON;
}

TEST(S17_an_inherited_greenlet_cannot_be_killed_in_the_child)
{
    SKIP_UNDER_TSAN;

    int rc = 1;
    thrum_future *sleeper = spawn(sleep_long, &rc);

    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(in_child(kills_inherited, sleeper), WENT_ON);
    assert_int_equal(thrum_future_kill(sleeper, THRUM_FOREVER), 0);
    assert_int_equal(rc, -ECANCELED);
    thrum_future_unref(sleeper);
}

TEST(S17_the_childs_first_wait_may_be_for_an_inherited_one)
{
    SKIP_UNDER_TSAN;

    thrum_future *queued = spawn(mark_fn, "p");

    trail_clear();
    assert_int_equal(in_child(first_awaits, queued), WENT_ON);
    assert_int_equal(spawned_end(queued), 0);
}

TEST_MAIN("hub-fork")
