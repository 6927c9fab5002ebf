/* SPDX-License-Identifier: MIT */
/*
 * hub_greenlet_test.c - greenlets and generators of the program's own, with a
 * hub.
 */
#include <errno.h>

#include "greens.h"

static thrum_greenlet *greenlet_new(thrum_fn *fn)
{
    thrum_greenlet *greenlet = NULL;

    CHECK_INT(thrum_greenlet_new(fn, NULL, NULL, &greenlet), 0);
    return greenlet;
}

/* ---- greenlets ---- */

static void *sleep_and_mark(void *mark)
{
    CHECK_INT(thrum_sleep(thrum_in_ms(1)), 0);
    trail_add(mark);
    return mark;
}

TEST(a_greenlet_that_waits_lets_the_spawned_ones_go_on)
{
    thrum_greenlet *greenlet = greenlet_new(sleep_and_mark);
    thrum_future *future = spawn(mark_fn, "s");
    void *value = NULL;

    trail_clear();
    assert_int_equal(
        thrum_greenlet_switch(greenlet, (void *)(uintptr_t) "g", &value), 0);
    assert_string_equal(value, "g");
    assert_string_equal(trail, "sg");
    assert_int_equal(spawned_end(future), 0);
    thrum_greenlet_unref(greenlet);
}

static void *child_of_spawned(void *arg)
{
    thrum_greenlet *greenlet = greenlet_new(sleep_and_mark);
    void *value = NULL;

    CHECK_INT(thrum_greenlet_switch(greenlet, arg, &value), 0);
    CHECK(value == arg);
    thrum_greenlet_unref(greenlet);
    trail_add("p");
    return NULL;
}

TEST(a_spawned_one_may_have_children_that_wait)
{
    thrum_future *futures[2];

    trail_clear();
    futures[0] = spawn(child_of_spawned, "c");
    futures[1] = spawn(child_of_spawned, "c");
    assert_int_equal(thrum_join_all(futures, 2, THRUM_FOREVER), 0);
    assert_string_equal(trail, "cpcp");
    thrum_future_unref(futures[0]);
    thrum_future_unref(futures[1]);
}

static void *throw_at(void *greenlet)
{
    CHECK_INT(thrum_greenlet_throw(greenlet, -EIO, NULL), 0);
    return NULL;
}

static void *fails(void *arg)
{
    (void)arg;
    CHECK_INT(thrum_sleep(thrum_in_ms(1)), 0);
    return thrum_raise(-EPIPE, "a child's error");
}

static void *parent_of_failing(void *arg)
{
    thrum_greenlet *greenlet = greenlet_new(fails);

    (void)arg;
    CHECK_INT(thrum_greenlet_switch(greenlet, NULL, NULL), -EPIPE);
    thrum_greenlet_unref(greenlet);
    return NULL; /* with the child's error pending */
}

TEST(the_error_of_a_child_is_pending_in_a_spawned_parent)
{
    thrum_future *future = spawn(parent_of_failing, NULL);

    assert_int_equal(thrum_join_all(&future, 1, THRUM_FOREVER), 0);
    assert_int_equal(error_code_of(future), -EPIPE);
    thrum_future_unref(future);
}

static void *waits_for_throw(void *arg)
{
    void *value = NULL;

    CHECK_INT(thrum_greenlet_switch(arg, thrum_greenlet_current(), &value),
              -EIO);
    thrum_error_clear();
    return NULL;
}

TEST(a_spawned_one_may_throw_into_one_that_switched_away)
{
    thrum_greenlet *greenlet = greenlet_new(waits_for_throw);
    void *self = NULL;
    thrum_future *future;

    assert_int_equal(
        thrum_greenlet_switch(greenlet, thrum_greenlet_current(), &self), 0);
    assert_ptr_equal(self, greenlet);
    /* it ends, and leads to the main greenlet, which waits in the hub by then:
     * so the hub goes on, and the one that threw stands still for ever */
    future = spawn(throw_at, greenlet);
    assert_int_equal(thrum_future_result(future, thrum_in_ms(20), NULL),
                     -ETIMEDOUT);
    assert_true(thrum_greenlet_dead(greenlet));
    thrum_greenlet_unref(greenlet);
    thrum_future_unref(future);
}

static void *drop_and_wait(void *self)
{
    thrum_greenlet *mine = thrum_greenlet_current();

    (void)self;
    thrum_greenlet_unref(mine); /* the last one but the hub's */
    CHECK_INT(thrum_sleep(thrum_in_ms(1)), 0);
    trail_add("d");
    return NULL;
}

TEST(one_that_nobody_holds_lives_while_it_waits)
{
    thrum_greenlet *greenlet = greenlet_new(drop_and_wait);

    trail_clear();
    assert_int_equal(thrum_greenlet_switch(greenlet, NULL, NULL), 0);
    assert_string_equal(trail, "d");
}

/* ---- generators ---- */

static void *slow_numbers(void *arg)
{
    (void)arg;
    for (intptr_t i = 1; i <= 3; i++) {
        if (thrum_sleep(thrum_in_ms(1)) != 0 ||
            thrum_yield((void *)i, NULL) != 0)
            return NULL;
    }
    return NULL;
}

static void *sum_numbers(void *arg)
{
    thrum_generator *generator = NULL;
    intptr_t sum = 0;
    void *value = NULL;

    (void)arg;
    CHECK_INT(thrum_generator_new(slow_numbers, NULL, 0, NULL, &generator), 0);
    while (thrum_generator_next(generator, &value) == 0)
        sum += (intptr_t)value;
    thrum_generator_unref(generator);
    return (void *)sum;
}

TEST(a_generator_waits_as_whatever_pulls_it)
{
    thrum_future *futures[10];

    for (int i = 0; i < 10; i++)
        futures[i] = spawn(sum_numbers, NULL);
    for (int i = 0; i < 10; i++) {
        void *sum = NULL;

        assert_int_equal(thrum_future_result(futures[i], THRUM_FOREVER, &sum),
                         0);
        assert_int_equal((intptr_t)sum, 6);
        thrum_future_unref(futures[i]);
    }
    assert_int_equal((intptr_t)sum_numbers(NULL), 6);
}

static void *pull_killed(void *arg)
{
    thrum_generator *generator = NULL;
    void *value = NULL;

    CHECK_INT(thrum_generator_new(sleep_long, arg, 0, NULL, &generator), 0);
    CHECK_INT(thrum_generator_next(generator, &value), THRUM_EFAILED);
    thrum_generator_unref(generator);
    CHECK_INT(thrum_sleep(THRUM_FOREVER), -ECANCELED);
    return NULL;
}

TEST(a_kill_reaches_a_wait_inside_of_a_generator)
{
    int rc = 1;
    thrum_future *future = spawn(pull_killed, &rc);

    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    assert_int_equal(rc, -ECANCELED);
    assert_true(thrum_future_cancelled(future));
    thrum_future_unref(future);
}

static void *guards_inside(void *arg)
{
    (void)arg;
    THRUM_WITH_DEADLINE(limit, thrum_in_ms(1)) {
        if (thrum_yield(NULL, NULL) != 0)
            return NULL;
        CHECK_INT(thrum_sleep(THRUM_FOREVER), -ETIMEDOUT);
    }
    return NULL;
}

TEST(a_generators_deadline_is_not_that_of_who_pulls_it)
{
    thrum_generator *generator = NULL;

    assert_int_equal(
        thrum_generator_new(guards_inside, NULL, 0, NULL, &generator), 0);
    assert_int_equal(thrum_generator_next(generator, NULL), 0);
    assert_int_equal(thrum_sleep(thrum_in_ms(3)), 0);
    assert_int_equal(thrum_generator_next(generator, NULL), THRUM_ESTOP);
    thrum_generator_unref(generator);
}

/* ---- defers, errno, tracing ---- */

static void mark_defer(void *mark)
{
    trail_add(mark);
}

static void *defers(void *arg)
{
    CHECK_INT(thrum_defer(mark_defer, (void *)(uintptr_t) "1"), 0);
    CHECK_INT(thrum_defer(mark_defer, (void *)(uintptr_t) "2"), 0);
    CHECK_INT(thrum_sleep(THRUM_FOREVER), -ECANCELED);
    return arg;
}

TEST(what_was_deferred_runs_when_it_is_killed)
{
    thrum_future *future = spawn(defers, NULL);

    trail_clear();
    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    assert_string_equal(trail, "21");
    thrum_future_unref(future);
}

static void *keeps_errno(void *code)
{
    errno = (int)(intptr_t)code;
    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(errno, (int)(intptr_t)code);
    CHECK_INT(thrum_sleep(thrum_in_ms(1)), 0);
    CHECK_INT(errno, (int)(intptr_t)code);
    return NULL;
}

TEST(errno_is_the_greenlets_own)
{
    thrum_future *futures[2] = {spawn(keeps_errno, (void *)(intptr_t)EIO),
                                spawn(keeps_errno, (void *)(intptr_t)EPIPE)};

    assert_int_equal(thrum_join_all(futures, 2, THRUM_FOREVER), 0);
    thrum_future_unref(futures[0]);
    thrum_future_unref(futures[1]);
}

static int count_switches(thrum_greenlet_event event, thrum_greenlet *origin,
                          thrum_greenlet *target, void *arg)
{
    (void)origin;
    (void)target;
    *(int *)arg += event == THRUM_GREENLET_SWITCH;
    return 0;
}

static void *passes(void *arg)
{
    CHECK_INT(thrum_pass(), 0);
    return arg;
}

TEST(the_switch_hook_sees_the_switches_of_a_hub)
{
    int switches = 0;
    thrum_future *future;

    thrum_greenlet_set_trace(count_switches, &switches, NULL);
    future = spawn(passes, NULL);
    assert_int_equal(spawned_end(future), 0);
    thrum_greenlet_set_trace(NULL, NULL, NULL);
    assert_true(switches >= 1);
}

/* ---- a thread that ends ---- */

static void *parked_child(void *ret_rc)
{
    *(int *)ret_rc = thrum_sleep(thrum_in_s(1000));
    trail_add("k");
    return NULL;
}

static void *switch_and_stay(void *arg)
{
    thrum_greenlet *greenlet = greenlet_new(parked_child);

    int rc = thrum_greenlet_switch(greenlet, arg, NULL);

    thrum_greenlet_unref(greenlet);
    return (void *)(intptr_t)rc;
}

static void *leaves_greenlets(void *ret_rc)
{
    CHECK_INT(thrum_spawn(switch_and_stay, ret_rc, 0, NULL), 0);
    CHECK_INT(thrum_pass(), 0);
    return NULL;
}

TEST(a_thread_that_ends_cancels_parked_greenlets_of_the_program_too)
{
    int rc = 1;

    trail_clear();
    join_thread(spawn_thread(leaves_greenlets, &rc));
    assert_int_equal(rc, -ECANCELED);
    assert_string_equal(trail, "k");
}

static void *never_ends(void *arg)
{
    for (;;)
        (void)thrum_sleep(THRUM_FOREVER);
    return arg;
}

static int unended;

static void count_error(const thrum_error *error, void *arg)
{
    (void)arg;
    unended += error->code == THRUM_EIGNORED;
}

static void *leaves_one_that_never_ends(void *arg)
{
    CHECK_INT(thrum_spawn(never_ends, NULL, 0, NULL), 0);
    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(thrum_hub_close(THRUM_NOW), -EBUSY);
    return arg;
}

/* In a child: what would not end is kept for ever. */
static int end_with_one_that_never_ends(void *arg)
{
    thrum_set_error_handler(count_error, NULL);
    join_thread(spawn_thread(leaves_one_that_never_ends, arg));
    CHECK_INT(unended, 1);
    return 0;
}

TEST(one_that_will_not_end_with_its_thread_is_reported_and_kept)
{
    TEST_SKIP_EMULATED(NO_THREADS_IN_CHILD);
    assert_int_equal(in_child(end_with_one_that_never_ends, NULL), 0);
}

TEST_MAIN("hub-greenlet")
