/* SPDX-License-Identifier: MIT */
/*
 * test/unit/monitor_test.c - who holds a hub is told of, and nobody else.
 *
 * The hubs here do nothing but count, so that each case can be had. None of the
 * tests measures time: what is to happen is waited for; what is not to happen
 * would have been told before something that is.
 */
#include "hub/monitor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <thrum/greenlet.h>
#include <thrum/monitor.h>

#include "hub/watch.h"
#include "sys/clock.h"
#include "sys/look.h"
#include "thrum_test.h"

#define SHORT 2000000 /* ns; the limit in these tests */

/* ---- what is told ---- */

struct told {
    atomic_uint count; /* of `name`, if that is set */
    const char *only;  /* the name to be counted; NULL: all */
    bool stop;         /* what stop says, is in stopped */
    int stopped;
    /* the first: */
    char name[24];
    char call[32];
    thrum_fn *fn;
    int64_t ns;
    int thread;
    int frames;
    bool exact;
};

static void on_hold(const thrum_hold *hold, void *arg)
{
    struct told *told = arg;

    if (told->only != NULL && strcmp(told->only, hold->name) != 0)
        return;
    if (told->stop)
        told->stopped = thrum_monitor_stop();
    if (atomic_load_explicit(&told->count, memory_order_relaxed) == 0) {
        snprintf(told->name, sizeof(told->name), "%s", hold->name);
        snprintf(told->call, sizeof(told->call), "%s",
                 hold->call == NULL ? "" : hold->call);
        told->fn = hold->fn;
        told->ns = hold->ns;
        told->thread = hold->thread;
        told->frames = hold->frame_count;
        told->exact = hold->exact;
    }
    atomic_fetch_add_explicit(&told->count, 1, memory_order_release);
}

static unsigned count_of(struct told *told)
{
    return atomic_load_explicit(&told->count, memory_order_acquire);
}

static void start(struct told *told, int signal)
{
    thrum_monitor_options options = THRUM_MONITOR_OPTIONS;

    options.limit_ns = SHORT;
    options.fn = on_hold;
    options.arg = told;
    options.signal = signal;
    assert_int_equal(thrum_monitor_start(&options), 0);
}

static void stop(void)
{
    assert_int_equal(thrum_monitor_stop(), 0);
}

/* ---- hubs ---- */

struct fake {
    struct thrumi_watch watch;
    int ends[2];     /* of a pipe, which `blocks` reads */
    atomic_bool end; /* for `spins` */
    atomic_int thread;
    thrum_fn *fn;
};

static void *blocks(void *arg)
{
    struct fake *fake = arg;
    char byte;

    CHECK_INT(read(fake->ends[0], &byte, 1), 1);
    return NULL;
}

static void *spins(void *arg)
{
    struct fake *fake = arg;

    while (!atomic_load_explicit(&fake->end, memory_order_relaxed))
        ;
    return NULL;
}

static void *runs_hub(void *arg)
{
    struct fake *fake = arg;
    thrum_stack_options options = THRUM_STACK_OPTIONS;
    thrum_greenlet *g = NULL;

    options.name = "hog";
    CHECK_INT(thrum_greenlet_new(fake->fn, NULL, &options, &g), 0);
    thrumi_watch_begin(&fake->watch);
    thrumi_count(&fake->watch.spawned, 1);
    atomic_store_explicit(&fake->thread, thrumi_thread_number(),
                          memory_order_relaxed);
    CHECK_INT(thrum_greenlet_switch(g, fake, NULL), 0);
    thrumi_watch_end(&fake->watch);
    thrum_greenlet_unref(g);
    return NULL;
}

static struct fake *fake_new(thrum_fn *fn)
{
    struct fake *fake = calloc(1, sizeof(*fake));

    assert_non_null(fake);
    fake->fn = fn;
    assert_int_equal(pipe(fake->ends), 0);
    return fake;
}

static void fake_end(struct fake *fake, struct test_thread *thread)
{
    atomic_store_explicit(&fake->end, true, memory_order_relaxed);
    assert_int_equal(write(fake->ends[1], "x", 1), 1);
    join_thread(thread);
    close(fake->ends[0]);
    close(fake->ends[1]);
    free(fake);
}

/* ---- who is told of ---- */

TEST(one_that_blocks_is_told_of_with_its_call_and_frames)
{
    TEST_SKIP_EMULATED(OTHER_CALLS);

    struct fake *fake = fake_new(blocks);
    struct test_thread *thread = spawn_thread(runs_hub, fake);
    struct told told = {.count = 0};

    thread_await_sleep(thread);
    start(&told, 0);
    WAIT_UNTIL(count_of(&told) > 0);
    stop();
    assert_string_equal(told.name, "hog");
    assert_true(told.fn == blocks);
    assert_true(told.ns >= SHORT);
    assert_int_equal(told.thread,
                     atomic_load_explicit(&fake->thread, memory_order_relaxed));
    if (told.call[0] != '\0') {
        assert_string_equal(told.call, "read");
        assert_true(told.frames >= 1);
    }
    assert_false(told.exact);
    fake_end(fake, thread);
}

TEST(one_that_computes_is_told_of)
{
    TEST_SKIP_EMULATED(SLOW_AT_TIMES);

    struct fake *fake = fake_new(spins);
    struct test_thread *thread = spawn_thread(runs_hub, fake);
    struct told told = {.count = 0};

    start(&told, 0);
    WAIT_UNTIL(count_of(&told) > 0);
    stop();
    assert_string_equal(told.name, "hog");
    assert_true(told.fn == spins);
    assert_string_equal(told.call, "");
    fake_end(fake, thread);
}

TEST(one_that_computes_tells_its_frames_when_there_is_a_signal)
{
    struct fake *fake = fake_new(spins);
    struct test_thread *thread = spawn_thread(runs_hub, fake);
    struct told told = {.count = 0};

    /* on a busy machine it may not answer in time, so others get a turn */
    do {
        atomic_store_explicit(&told.count, 0, memory_order_relaxed);
        start(&told, SIGRTMIN + 1);
        WAIT_UNTIL(count_of(&told) > 0);
        stop();
    } while (!told.exact);
    assert_true(told.frames >= 2);
    fake_end(fake, thread);
}

static bool count_told(struct thrumi_watch *watch, void *arg)
{
    *(unsigned *)arg += watch->told;
    return true;
}

/* A second hub that is held is told of each time, the first only once. */
TEST(each_hold_is_told_of_once)
{
    TEST_SKIP_EMULATED(SLOW_AT_TIMES);

    struct fake *fake = fake_new(blocks);
    struct test_thread *thread = spawn_thread(runs_hub, fake);
    struct told told = {.count = 0};
    unsigned holds = 0;

    start(&told, 0);
    WAIT_UNTIL(count_of(&told) == 1);
    for (unsigned i = 2; i < 5; i++) {
        thrumi_count(&fake->watch.switches, 1); /* it has let others go on */
        WAIT_UNTIL(count_of(&told) == i);
    }
    stop();
    thrumi_watch_each(count_told, &holds);
    assert_int_equal(holds, 1);
    assert_int_equal(count_of(&told), 4);
    fake_end(fake, thread);
}

/* ---- who is not ---- */

/* Waits until a hub that is held has been told of. */
static void let_the_monitor_look(void)
{
    struct fake *fake = fake_new(blocks);
    struct test_thread *thread = spawn_thread(runs_hub, fake);
    struct told told = {.count = 0};

    start(&told, 0);
    WAIT_UNTIL(count_of(&told) > 0);
    stop();
    assert_string_equal(told.name, "hog");
    assert_int_equal(told.thread,
                     atomic_load_explicit(&fake->thread, memory_order_relaxed));
    assert_int_equal(count_of(&told), 1);
    fake_end(fake, thread);
}

TEST(a_hub_that_sleeps_is_not_held)
{
    struct thrumi_watch watch;

    thrumi_watch_begin(&watch);
    thrumi_count(&watch.spawned, 1);
    thrumi_watch_look(&watch, 1);
    thrumi_watch_sleep(&watch);
    let_the_monitor_look();
    thrumi_watch_end(&watch);
}

/* The program computes, and there is nobody whom it could hold up. */
TEST(a_hub_without_greenlets_is_not_held)
{
    struct thrumi_watch watch;

    thrumi_watch_begin(&watch);
    thrumi_count(&watch.spawned, 7);
    thrumi_count(&watch.ended, 7);
    let_the_monitor_look();
    thrumi_watch_end(&watch);
}

/* ---- starting and stopping ---- */

TEST(there_is_one_monitor)
{
    assert_int_equal(thrum_monitor_stop(), -ESRCH);
    assert_int_equal(thrum_monitor_start(NULL), 0);
    assert_int_equal(thrum_monitor_start(NULL), -EALREADY);
    stop();
    assert_int_equal(thrum_monitor_stop(), -ESRCH);
}

TEST(bad_options_are_refused)
{
    thrum_monitor_options options = THRUM_MONITOR_OPTIONS;

    options.size--;
    assert_int_equal(thrum_monitor_start(&options), -EINVAL);
    options.size++;
    options.limit_ns = -1;
    assert_int_equal(thrum_monitor_start(&options), -EINVAL);
    options.limit_ns = 0;
    options.signal = -1;
    assert_int_equal(thrum_monitor_start(&options), -EINVAL);
    options.signal = SIGKILL;
    assert_int_equal(thrum_monitor_start(&options), -EINVAL);
    assert_int_equal(thrum_monitor_stop(), -ESRCH);
}

TEST(its_callback_cannot_stop_it)
{
    struct fake *fake = fake_new(blocks);
    struct test_thread *thread = spawn_thread(runs_hub, fake);
    struct told told = {.stop = true};

    start(&told, 0);
    WAIT_UNTIL(count_of(&told) > 0);
    stop();
    assert_int_equal(told.stopped, THRUM_ECONTEXT);
    fake_end(fake, thread);
}

TEST(without_memory_it_does_not_start)
{
    int rc;

    FOR_EACH_FAILURE(n)
    {
        rc = thrum_monitor_start(NULL);
        if (rc == 0)
            stop();
        else
            assert_int_equal(rc, -ENOMEM);
    }
}

static int starts_its_own(void *arg)
{
    (void)arg;
    CHECK_INT(thrum_monitor_stop(), -ESRCH);
    CHECK_INT(thrum_monitor_start(NULL), 0);
    CHECK_INT(thrum_monitor_stop(), 0);
    return 0;
}

TEST(a_forked_child_has_none_and_may_start_its_own)
{
    TEST_SKIP_EMULATED(NO_THREADS_IN_CHILD);
    assert_int_equal(thrum_monitor_start(NULL), 0);
    assert_int_equal(in_child(starts_its_own, NULL), 0);
    stop();
}

/* ---- the environment ---- */

/* With stderr in a pipe: reads the first line of a report. */
static int watched_by_environment(void *arg)
{
    struct fake *fake = fake_new(blocks);
    struct test_thread *thread;
    int ends[2];
    char text[512] = "";
    size_t n = 0;

    CHECK_INT(setenv("THRUM_MONITOR_MS", arg, 1), 0);
    CHECK_INT(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    thrumi_monitor_at_first_hub();
    thrumi_monitor_at_first_hub();
    thread = spawn_thread(runs_hub, fake);
    while (strchr(text, '\n') == NULL && read(ends[0], text + n, 1) == 1)
        n++;
    CHECK_INT(thrum_monitor_stop(), 0);
    CHECK(strstr(text, "thrum: greenlet 'hog' has held the hub of thread ") ==
          text);
    fake_end(fake, thread);
    return 0;
}

TEST(the_environment_starts_it)
{
    TEST_SKIP_EMULATED(NO_THREADS_IN_CHILD);
    char ms[] = "2";

    assert_int_equal(in_child(watched_by_environment, ms), 0);
}

static int not_watched(void *arg)
{
    CHECK_INT(setenv("THRUM_MONITOR_MS", arg, 1), 0);
    thrumi_monitor_at_first_hub();
    CHECK_INT(thrum_monitor_stop(), -ESRCH);
    return 0;
}

TEST(what_is_no_number_does_not)
{
    char none[][24] = {"", "0", "-5", "ten", "5x", "99999999999999999999"};

    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(in_child(not_watched, none[i]), 0);
}

TEST_MAIN("monitor")
