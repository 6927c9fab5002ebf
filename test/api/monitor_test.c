/* SPDX-License-Identifier: MIT */
/*
 * test/api/monitor_test.c - a greenlet that holds its hub is told of.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <thrum.h>

#include "thrum_test.h"

struct told {
    atomic_uint count;
    char name[24];
    char call[32];
    thrum_fn *fn;
    int frames;
    bool exact;
    int end; /* of a pipe: a byte is put into it */
};

static void on_hold(const thrum_hold *hold, void *arg)
{
    struct told *told = arg;

    if (strcmp(hold->name, "hog") != 0)
        return;
    snprintf(told->name, sizeof(told->name), "%s", hold->name);
    snprintf(told->call, sizeof(told->call), "%s",
             hold->call == NULL ? "" : hold->call);
    told->fn = hold->fn;
    told->frames = hold->frame_count;
    told->exact = hold->exact;
    atomic_fetch_add_explicit(&told->count, 1, memory_order_release);
}

static unsigned count_of(struct told *told)
{
    return atomic_load_explicit(&told->count, memory_order_acquire);
}

static void start(struct told *told, int signal)
{
    thrum_monitor_options options = THRUM_MONITOR_OPTIONS;

    options.limit_ns = 5000000;
    options.fn = on_hold;
    options.arg = told;
    options.signal = signal;
    assert_int_equal(thrum_monitor_start(&options), 0);
}

static void run(thrum_fn *fn, void *arg)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;
    thrum_future *future;

    options.name = "hog";
    assert_int_equal(thrum_spawn_with(fn, arg, 0, &options, &future), 0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
}

/* ---- holding ---- */

static void *computes(void *told)
{
    while (count_of(told) == 0)
        ;
    return NULL;
}

static void *blocks(void *told)
{
    int ends[2];
    char byte;

    CHECK_INT(pipe(ends), 0);
    while (count_of(told) == 0) {
        struct timespec ms = {0, 30 * 1000000};

        nanosleep(&ms, NULL); /* what the test is about */
    }
    CHECK_INT(write(ends[1], "x", 1), 1);
    CHECK_INT(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
    return NULL;
}

TEST(one_that_computes_is_told_of)
{
    struct told told = {.count = 0};

    start(&told, 0);
    run(computes, &told);
    assert_int_equal(thrum_monitor_stop(), 0);
    assert_string_equal(told.name, "hog");
    assert_true(told.fn == computes || told.fn == NULL); /* refused */
}

TEST(one_that_blocks_is_told_of_with_its_call)
{
    TEST_SKIP_EMULATED(OTHER_CALLS);

    struct told told = {.count = 0};

    start(&told, 0);
    run(blocks, &told);
    assert_int_equal(thrum_monitor_stop(), 0);
    if (told.call[0] != '\0')
        assert_string_equal(told.call, "clock_nanosleep");
}

/* ---- system calls ---- */

static void on_call(const thrum_hold *hold, void *arg)
{
    struct told *told = arg;

    on_hold(hold, told);
    if (count_of(told) == 1)
        CHECK_INT(write(told->end, "x", 1), 1);
}

static int start_calls(struct told *told, int signal)
{
    thrum_monitor_options options = THRUM_MONITOR_OPTIONS;

    options.limit_ns = 5000000;
    options.fn = on_call;
    options.arg = told;
    options.signal = signal;
    return thrum_monitor_start_calls(&options);
}

/* Nobody but the monitor ends this wait. */
static void *reads(void *arg)
{
    struct told *told = arg;
    int ends[2];
    char byte;

    CHECK_INT(pipe(ends), 0);
    told->end = ends[1];
    CHECK_INT(start_calls(told, 0), 0);
    CHECK_INT(read(ends[0], &byte, 1), 1);
    CHECK_INT(thrum_monitor_stop_calls(), 0);
    close(ends[0]);
    close(ends[1]);
    return NULL;
}

TEST(a_system_call_is_told_of_once_while_it_lasts)
{
    TEST_SKIP_EMULATED(OTHER_CALLS);

    struct told told = {.count = 0};

    run(reads, &told);
    assert_int_equal(count_of(&told), 1);
    assert_string_equal(told.call, "read");
    assert_true(told.fn == reads || told.fn == NULL); /* refused */
}

/* Two monitors; each with a stop of its own. */
TEST(the_monitor_of_system_calls_is_another_one)
{
    struct told told = {.count = 0};
    struct told told_calls = {.count = 0};

    assert_int_equal(thrum_monitor_stop_calls(), -ESRCH);
    start(&told, 0);
    assert_int_equal(start_calls(&told_calls, 0), 0);
    assert_int_equal(start_calls(&told_calls, 0), -EALREADY);
    run(computes, &told);
    assert_int_equal(thrum_monitor_stop(), 0);
    assert_int_equal(thrum_monitor_stop_calls(), 0);
    assert_int_equal(thrum_monitor_stop_calls(), -ESRCH);
    assert_int_equal(count_of(&told), 1);
}

TEST(one_that_is_asked_tells_where_it_is)
{
    struct told told;

    do {
        told = (struct told){.count = 0};
        start(&told, SIGRTMIN + 2);
        run(computes, &told);
        assert_int_equal(thrum_monitor_stop(), 0);
    } while (!told.exact); /* it may have been too slow to answer */
    assert_true(told.frames >= 2);
}

/* ---- not holding ---- */

static void *passes(void *arg)
{
    for (int i = 0; i < 1000; i++)
        CHECK_INT(thrum_pass(), 0);
    return arg;
}

/* Whatever the others do, only the hog is told of, and once. */
TEST(those_that_let_others_go_on_are_not_told_of)
{
    struct told told = {.count = 0};
    thrum_future *future;

    start(&told, 0);
    assert_int_equal(thrum_spawn(passes, NULL, 0, &future), 0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    assert_int_equal(thrum_sleep(thrum_in_ms(10)), 0);
    run(computes, &told);
    assert_int_equal(thrum_monitor_stop(), 0);
    assert_int_equal(count_of(&told), 1);
    thrum_future_unref(future);
}

/* The monitors' own threads are nobody who could wake a greenlet. In a child,
 * for it has no other. */
static int deadlocks(void *arg)
{
    struct told told = {.count = 0};
    thrum_event event;

    (void)arg;
    thrum_event_init(&event);
    start(&told, 0);
    CHECK_INT(start_calls(&told, 0), 0);
    CHECK_INT(thrum_hub_open(NULL), 0);
    CHECK_INT(thrum_event_wait(&event, THRUM_FOREVER), -EDEADLK);
    CHECK_INT(thrum_monitor_stop(), 0);
    CHECK_INT(thrum_monitor_stop_calls(), 0);
    return 0;
}

TEST(S5_a_deadlock_is_found_with_the_monitor_running)
{
    TEST_SKIP_EMULATED(MORE_THREADS);
    assert_int_equal(in_child(deadlocks, NULL), 0);
}

TEST_MAIN("monitor")
