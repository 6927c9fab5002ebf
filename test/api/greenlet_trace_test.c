/* SPDX-License-Identifier: MIT */
/*
 * test/api/greenlet_trace_test.c - the switch hook: L25 to L27.
 */
#include "greenlets.h"

struct event {
    thrum_greenlet_event event;
    thrum_greenlet *origin;
    thrum_greenlet *target;
};

struct record {
    struct event events[64];
    unsigned count;
    int fail_at;            /* the hook fails at this call, from 1; 0: never */
    int code;               /* with this */
    thrum_greenlet *detour; /* the hook switches to it, unless NULL */
};

static int record_event(thrum_greenlet_event event, thrum_greenlet *origin,
                        thrum_greenlet *target, void *arg)
{
    struct record *record = arg;
    thrum_greenlet *detour = record->detour;

    CHECK(thrum_greenlet_current() == target);
    if (record->count < 64)
        record->events[record->count] = (struct event){event, origin, target};
    record->count++;
    if (detour != NULL) { /* it comes back to its parent */
        CHECK_INT(thrum_greenlet_set_parent(detour, target), 0);
        CHECK(pass(detour, word(5)) == word(5));
    }
    return (int)record->count == record->fail_at ? record->code : 0;
}

static void record_begin(struct record *record)
{
    memset(record, 0, sizeof(*record));
    assert_null(thrum_greenlet_set_trace(record_event, record, NULL));
}

static void record_end(void)
{
    assert_true(thrum_greenlet_set_trace(NULL, NULL, NULL) == record_event);
}

static void assert_event(const struct record *record, unsigned i,
                         thrum_greenlet_event event, thrum_greenlet *origin,
                         thrum_greenlet *target)
{
    assert_true(i < record->count);
    assert_int_equal(record->events[i].event, event);
    assert_ptr_equal(record->events[i].origin, origin);
    assert_ptr_equal(record->events[i].target, target);
}

/* ---- L25 ---- */

TEST(L25_a_life_as_the_hook_sees_it)
{
    thrum_greenlet *main = thrum_greenlet_current();
    thrum_greenlet *greenlet = greenlet_of(echo_forever, NULL);
    struct record record;

    record_begin(&record);
    pass(greenlet, word(1));
    pass(greenlet, word(2));
    assert_int_equal(thrum_greenlet_throw(greenlet, -EIO, NULL), -EIO);
    record_end();
    assert_event(&record, 0, THRUM_GREENLET_SWITCH, main, greenlet);
    assert_event(&record, 1, THRUM_GREENLET_START, main, greenlet);
    assert_event(&record, 2, THRUM_GREENLET_SWITCH, greenlet, main);
    assert_event(&record, 3, THRUM_GREENLET_SWITCH, main, greenlet);
    assert_event(&record, 4, THRUM_GREENLET_SWITCH, greenlet, main);
    assert_event(&record, 5, THRUM_GREENLET_THROW, main, greenlet);
    assert_event(&record, 6, THRUM_GREENLET_EXIT, greenlet, main);
    assert_event(&record, 7, THRUM_GREENLET_THROW, greenlet, main);
    assert_int_equal(record.count, 8);
    thrum_greenlet_unref(greenlet);
}

TEST(L25_an_end_by_return_or_cancellation_is_a_switch)
{
    thrum_greenlet *main = thrum_greenlet_current();
    thrum_greenlet *returns = greenlet_of(echo, NULL);
    thrum_greenlet *cancelled = greenlet_of(echo_forever, NULL);
    struct record record;

    pass(cancelled, NULL);
    record_begin(&record);
    pass(returns, NULL);
    assert_int_equal(thrum_greenlet_throw(cancelled, -ECANCELED, NULL), 0);
    record_end();
    assert_event(&record, 2, THRUM_GREENLET_EXIT, returns, main);
    assert_event(&record, 3, THRUM_GREENLET_SWITCH, returns, main);
    assert_event(&record, 4, THRUM_GREENLET_THROW, main, cancelled);
    assert_event(&record, 5, THRUM_GREENLET_EXIT, cancelled, main);
    assert_event(&record, 6, THRUM_GREENLET_SWITCH, cancelled, main);
    assert_int_equal(record.count, 7);
    thrum_greenlet_unref(returns);
    thrum_greenlet_unref(cancelled);
}

TEST(L25_one_that_dies_unstarted_neither_starts_nor_exits)
{
    thrum_greenlet *greenlet = greenlet_of(echo, NULL);
    struct record record;

    record_begin(&record);
    assert_int_equal(thrum_greenlet_throw(greenlet, -EIO, NULL), -EIO);
    record_end();
    for (unsigned i = 0; i < record.count; i++)
        assert_int_equal(record.events[i].event, THRUM_GREENLET_THROW);
    thrum_greenlet_unref(greenlet);
}

static int ignore_event(thrum_greenlet_event event, thrum_greenlet *origin,
                        thrum_greenlet *target, void *arg)
{
    return 0;
}

TEST(L25_setting_the_hook_returns_the_previous_one)
{
    void *old = &old;
    int here;

    assert_null(thrum_greenlet_set_trace(ignore_event, &here, &old));
    assert_null(old);
    assert_true(thrum_greenlet_set_trace(record_event, NULL, &old) ==
                ignore_event);
    assert_ptr_equal(old, &here);
    assert_true(thrum_greenlet_set_trace(NULL, NULL, &old) == record_event);
    assert_null(old);
}

static void *switch_untraced(void *arg)
{
    thrum_greenlet *greenlet = greenlet_of(echo, NULL);
    void *old = NULL;

    pass(greenlet, NULL);
    CHECK(thrum_greenlet_set_trace(NULL, NULL, &old) == NULL);
    CHECK(old == NULL);
    thrum_greenlet_unref(greenlet);
    return NULL;
}

TEST(L25_the_hook_is_the_threads_own)
{
    struct record record;

    record_begin(&record);
    join_thread(spawn_thread(switch_untraced, NULL));
    record_end();
    assert_int_equal(record.count, 0);
}

/* Sets the hook, or takes it away, in the middle. */
static void *set_and_yield(void *arg)
{
    thrum_greenlet_set_trace(record_event, arg, NULL);
    yield_up(NULL, NULL);
    thrum_greenlet_set_trace(NULL, NULL, NULL);
    yield_up(NULL, NULL);
    return NULL;
}

TEST(L25_the_hook_may_be_set_in_any_greenlet)
{
    thrum_greenlet *main = thrum_greenlet_current();
    thrum_greenlet *greenlet = greenlet_of(set_and_yield, NULL);
    thrum_greenlet *other = greenlet_of(echo_forever, NULL);
    struct record record = {.count = 0};

    pass(other, NULL);
    pass(greenlet, &record);
    assert_int_equal(record.count, 1);
    assert_event(&record, 0, THRUM_GREENLET_SWITCH, greenlet, main);
    pass(other, NULL);
    assert_int_equal(record.count, 3);
    pass(greenlet, NULL); /* told of the way there, not of the way back */
    assert_int_equal(record.count, 4);
    pass(other, NULL);
    assert_int_equal(record.count, 4);
    thrum_greenlet_unref(greenlet);
    thrum_greenlet_unref(other);
}

static void *set_at_second(void *arg)
{
    yield_up(NULL, NULL);
    thrum_greenlet_set_trace(record_event, arg, NULL);
    yield_up(NULL, NULL);
    return NULL;
}

TEST(L25_a_switch_made_before_the_hook_was_set_arrives_with_it)
{
    thrum_greenlet *main = thrum_greenlet_current();
    thrum_greenlet *greenlet = greenlet_of(set_at_second, NULL);
    struct record record = {.count = 0};

    pass(greenlet, &record);
    pass(greenlet, NULL);
    record_end();
    assert_int_equal(record.count, 1);
    assert_event(&record, 0, THRUM_GREENLET_SWITCH, greenlet, main);
    thrum_greenlet_unref(greenlet);
}

TEST(L25_a_destruction_is_a_throw)
{
    thrum_greenlet *main = thrum_greenlet_current();
    thrum_greenlet *greenlet = greenlet_of(echo_forever, NULL);
    struct record record;

    pass(greenlet, NULL);
    record_begin(&record);
    thrum_greenlet_unref(greenlet);
    record_end();
    assert_event(&record, 0, THRUM_GREENLET_THROW, main, greenlet);
    assert_int_equal(record.events[1].event, THRUM_GREENLET_EXIT);
    assert_int_equal(record.events[2].event, THRUM_GREENLET_SWITCH);
    assert_int_equal(record.count, 3);
}

/* ---- L26: the hook fails ---- */

TEST(L26_a_hook_that_fails_ends_the_tracing)
{
    thrum_greenlet *greenlet = greenlet_of(echo_forever, NULL);
    struct record record;
    void *back = &back;

    pass(greenlet, NULL);
    record_begin(&record);
    record.fail_at = 2; /* on the way back */
    record.code = -EXDEV;
    assert_int_equal(thrum_greenlet_switch(greenlet, word(1), &back), -EXDEV);
    assert_ptr_equal(back, &back);
    assert_int_equal(record.count, 2);
    assert_ptr_equal(pass(greenlet, word(2)), word(2));
    assert_int_equal(record.count, 2);
    assert_null(thrum_greenlet_set_trace(NULL, NULL, NULL));
    thrum_greenlet_unref(greenlet);
}

TEST(L26_its_error_replaces_the_one_in_flight)
{
    for (int at = 3; at <= 4; at++) { /* EXIT, THROW */
        thrum_greenlet *greenlet = greenlet_of(fail_with, NULL);
        struct record record;

        record_begin(&record);
        record.fail_at = at;
        record.code = -EXDEV;
        assert_int_equal(thrum_greenlet_switch(greenlet, word(-EIO), NULL),
                         -EXDEV);
        assert_int_equal(thrum_greenlet_error(greenlet)->code, -EIO);
        assert_null(thrum_greenlet_set_trace(NULL, NULL, NULL));
        thrum_greenlet_unref(greenlet);
    }
}

static void *never_runs(void *arg)
{
    test_check_failed(__FILE__, __LINE__, "it ran");
    return NULL;
}

TEST(L26_a_failure_at_the_start_ends_it_without_running)
{
    for (int at = 1; at <= 2; at++) { /* SWITCH, START */
        thrum_greenlet *greenlet = greenlet_of(never_runs, NULL);
        struct record record;

        record_begin(&record);
        record.fail_at = at;
        record.code = -EXDEV;
        assert_int_equal(thrum_greenlet_switch(greenlet, NULL, NULL), -EXDEV);
        assert_int_equal(thrum_greenlet_get_state(greenlet),
                         THRUM_GREENLET_FAILED);
        assert_null(thrum_greenlet_set_trace(NULL, NULL, NULL));
        thrum_greenlet_unref(greenlet);
    }
}

/* The error is delivered where the target stands. */
static void *tell_code(void *arg)
{
    return word(yield_up(NULL, NULL));
}

TEST(L26_the_error_is_delivered_at_the_switch_point)
{
    thrum_greenlet *greenlet = greenlet_of(tell_code, NULL);
    struct record record;

    pass(greenlet, NULL);
    record_begin(&record);
    record.fail_at = 1;
    record.code = -EXDEV;
    assert_ptr_equal(pass(greenlet, NULL), word(-EXDEV));
    thrum_greenlet_unref(greenlet);
}

/* ---- L27: the hook switches ---- */

TEST(L27_the_hook_may_switch_and_is_not_called_meanwhile)
{
    thrum_greenlet *detour = greenlet_of(echo_forever, NULL);
    thrum_greenlet *greenlet = greenlet_of(echo_forever, NULL);
    struct record record;

    pass(detour, NULL);
    record_begin(&record);
    record.detour = detour;
    assert_ptr_equal(pass(greenlet, word(1)), word(1));
    assert_ptr_equal(pass(greenlet, word(2)), word(2));
    record_end();
    assert_int_equal(record.count, 5);
    thrum_greenlet_unref(detour);
    thrum_greenlet_unref(greenlet);
}

/* From the hook to a greenlet, which goes on elsewhere before the hook does. */
static int switch_once(thrum_greenlet_event event, thrum_greenlet *origin,
                       thrum_greenlet *target, void *arg)
{
    thrum_greenlet **away = arg;
    thrum_greenlet *to = *away;

    *away = NULL;
    if (to != NULL)
        CHECK_INT(thrum_greenlet_switch(to, word(9), NULL), 0);
    return 0;
}

TEST(L27_the_hook_may_be_left_standing)
{
    thrum_greenlet *greenlet = greenlet_of(echo, NULL);
    thrum_greenlet *away = thrum_greenlet_current();

    thrum_greenlet_set_trace(switch_once, &away, NULL);
    /* the hook is called in the greenlet, and comes straight back here */
    assert_ptr_equal(pass(greenlet, word(1)), word(9));
    assert_true(thrum_greenlet_active(greenlet));
    assert_ptr_equal(pass(greenlet, word(2)), word(1));
    assert_true(thrum_greenlet_dead(greenlet));
    thrum_greenlet_set_trace(NULL, NULL, NULL);
    thrum_greenlet_unref(greenlet);
}

/* The hook ends the very greenlet that it was called in. */
static int drop_target(thrum_greenlet_event event, thrum_greenlet *origin,
                       thrum_greenlet *target, void *arg)
{
    thrum_greenlet **held = arg;
    thrum_greenlet *drop = *held;

    if (event != THRUM_GREENLET_START)
        return 0;
    *held = NULL;
    thrum_greenlet_unref(drop);
    return 0;
}

TEST(L27_the_hook_may_drop_what_runs)
{
    thrum_greenlet *held = greenlet_of(echo, NULL);

    thrum_greenlet_set_trace(drop_target, &held, NULL);
    assert_ptr_equal(pass(held, word(4)), word(4));
    assert_null(held);
    thrum_greenlet_set_trace(NULL, NULL, NULL);
}

/* The hook makes, switches to and ends greenlets at each event. */
static int busy_hook(thrum_greenlet_event event, thrum_greenlet *origin,
                     thrum_greenlet *target, void *arg)
{
    thrum_greenlet *greenlet = greenlet_of(echo_forever, NULL);

    CHECK(pass(greenlet, word(1)) == word(1));
    CHECK(pass(greenlet, word(2)) == word(2));
    thrum_greenlet_unref(greenlet);
    ++*(unsigned *)arg;
    return 0;
}

TEST(L27_a_busy_hook_loses_no_value)
{
    thrum_greenlet *greenlet = greenlet_of(echo_forever, NULL);
    unsigned calls = 0;

    thrum_greenlet_set_trace(busy_hook, &calls, NULL);
    for (int i = 0; i < 10; i++)
        assert_ptr_equal(pass(greenlet, word(i)), word(i));
    thrum_greenlet_unref(greenlet);
    thrum_greenlet_set_trace(NULL, NULL, NULL);
    assert_int_equal(calls, 21 + 3);
}

TEST_MAIN("greenlet-trace")
