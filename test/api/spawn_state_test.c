/* SPDX-License-Identifier: MIT */
/*
 * spawn_state_test.c - what a spawned greenlet is at each time of its life.
 */
#include <errno.h>
#include <stdlib.h>

#include "greens.h"

/* ---- S1: a hub for each thread ---- */

static void *parent_is_main(void *main)
{
    CHECK(thrum_greenlet_parent(thrum_greenlet_current()) == main);
    CHECK(thrum_greenlet_current() != main);
    return NULL;
}

TEST(S1_the_main_greenlet_is_the_parent_of_what_is_spawned)
{
    in_greenlet(parent_is_main, thrum_greenlet_current());
}

static void *own_hub(void *other)
{
    CHECK(thrum_future_greenlet(other) == NULL);
    in_greenlet(parent_is_main, thrum_greenlet_current());
    return NULL;
}

TEST(S1_each_thread_has_a_hub_of_its_own)
{
    int rc = 1;
    thrum_future *future = spawn(sleep_long, &rc);

    assert_int_equal(thrum_pass(), 0);
    assert_non_null(thrum_future_greenlet(future));
    join_thread(spawn_thread(own_hub, future));
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    thrum_future_unref(future);
}

/* ---- S4: errors ---- */

static void *fail_with(void *code)
{
    return thrum_raise((int)(intptr_t)code, "it went wrong");
}

static int handled;

static void note_error(const thrum_error *error, void *arg)
{
    (void)arg;
    handled = error->code;
}

TEST(S4_an_error_is_stored_and_one_that_nobody_can_ask_for_is_reported)
{
    thrum_future *future = spawn(fail_with, (void *)(intptr_t)-EIO);

    handled = 0;
    thrum_set_error_handler(note_error, NULL);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL),
                     THRUM_EFAILED);
    assert_int_equal(error_code_of(future), -EIO);
    thrum_future_unref(future);
    assert_int_equal(handled, 0);
    assert_int_equal(thrum_spawn(fail_with, (void *)(intptr_t)-EIO, 0, NULL),
                     0);
    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(handled, -EIO);
    thrum_set_error_handler(NULL, NULL);
}

static void *raise_cancelled(void *arg)
{
    (void)arg;
    if (thrum_sleep(THRUM_FOREVER) == -ECANCELED)
        return thrum_raise(-ECANCELED, "passed on");
    return arg;
}

TEST(S4_a_cancellation_is_not_reported_also_when_it_is_raised)
{
    thrum_future *future = spawn(raise_cancelled, NULL);

    handled = 0;
    thrum_set_error_handler(note_error, NULL);
    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    assert_true(thrum_future_cancelled(future));
    assert_int_equal(handled, 0);
    thrum_future_unref(future);
    thrum_set_error_handler(NULL, NULL);
}

/* ---- S6: states ---- */

static void *running_here(void *future)
{
    CHECK(thrum_future_running(*(thrum_future **)future));
    CHECK(thrum_greenlet_active(thrum_greenlet_current()));
    return NULL;
}

TEST(S6_new_running_done)
{
    thrum_future *future = spawn(running_here, &future);

    assert_false(thrum_future_running(future));
    assert_false(thrum_future_done(future));
    assert_null(thrum_future_greenlet(future));
    assert_int_equal(thrum_join_all(&future, 1, THRUM_FOREVER), 0);
    assert_true(thrum_future_done(future));
    assert_false(thrum_future_cancelled(future));
    assert_null(thrum_future_greenlet(future));
    thrum_future_unref(future);
}

TEST(S6_a_parked_one_is_running_and_cannot_be_switched_to)
{
    int rc = 1;
    thrum_future *future = spawn(sleep_long, &rc);
    thrum_greenlet *greenlet;

    assert_int_equal(thrum_pass(), 0);
    greenlet = thrum_future_greenlet(future);
    assert_true(thrum_future_running(future));
    assert_int_equal(thrum_greenlet_get_state(greenlet), THRUM_GREENLET_ACTIVE);
    assert_int_equal(thrum_greenlet_switch(greenlet, NULL, NULL), -EBUSY);
    assert_int_equal(thrum_greenlet_throw(greenlet, -EIO, NULL), -EBUSY);
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    thrum_future_unref(future);
}

static void *value_all_the_same(void *arg)
{
    CHECK_INT(thrum_sleep(THRUM_FOREVER), -ECANCELED);
    CHECK_INT(thrum_sleep(THRUM_FOREVER), -ECANCELED);
    return arg;
}

TEST(S6_a_killed_one_is_cancelled_but_a_value_stands)
{
    int rc = 1;
    thrum_future *killed = spawn(sleep_long, &rc);
    thrum_future *valued = spawn(value_all_the_same, &rc);
    void *result = NULL;

    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(thrum_future_kill(killed, THRUM_FOREVER), 0);
    assert_int_equal(thrum_future_kill(valued, THRUM_FOREVER), 0);
    assert_true(thrum_future_cancelled(killed));
    assert_int_equal(thrum_future_result(valued, THRUM_NOW, &result), 0);
    assert_ptr_equal(result, &rc);
    thrum_future_unref(killed);
    thrum_future_unref(valued);
}

static void *fail_when_killed(void *arg)
{
    (void)arg;
    return thrum_raise(-EPIPE, "%s",
                       thrum_strerror(thrum_sleep(THRUM_FOREVER)));
}

TEST(S6_one_that_fails_when_killed_has_failed)
{
    thrum_future *future = spawn(fail_when_killed, NULL);

    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    assert_int_equal(error_code_of(future), -EPIPE);
    thrum_future_unref(future);
}

/* ---- S7: kill ---- */

static void *swallow(void *arg)
{
    struct deal *deal = arg;

    CHECK_INT(thrum_sleep(THRUM_FOREVER), -ECANCELED);
    THRUM_SHIELD
    {
        CHECK_INT(thrum_future_result(deal->future, THRUM_FOREVER, NULL), 0);
    }
    return arg;
}

TEST(S7_a_kill_with_a_deadline_may_find_it_alive)
{
    struct deal deal = deal_new();
    thrum_future *future = spawn(swallow, &deal);

    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(thrum_future_kill(future, THRUM_NOW), -ETIMEDOUT);
    assert_int_equal(thrum_kill_all(&future, 1, thrum_in_ms(1)), -ETIMEDOUT);
    assert_int_equal(thrum_promise_set_result(deal.promise, NULL), 0);
    assert_int_equal(thrum_kill_all(&future, 1, THRUM_FOREVER), 0);
    assert_false(thrum_future_cancelled(future));
    thrum_future_unref(future);
    deal_end(&deal);
}

static void *shielded(void *arg)
{
    int *codes = arg;

    THRUM_SHIELD
    {
        codes[0] = thrum_sleep(thrum_in_ms(1));
    }
    codes[1] = thrum_sleep(THRUM_FOREVER);
    return NULL;
}

TEST(S7_a_shield_holds_a_kill_back_and_it_is_delivered_after_it)
{
    int codes[2] = {1, 1};
    thrum_future *future = spawn(shielded, codes);

    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    assert_int_equal(codes[0], 0);
    assert_int_equal(codes[1], -ECANCELED);
    assert_true(thrum_future_cancelled(future));
    thrum_future_unref(future);
}

static void *kill_itself(void *self)
{
    CHECK_INT(thrum_future_kill(*(thrum_future **)self, THRUM_FOREVER),
              -ECANCELED);
    CHECK_INT(thrum_pass(), -ECANCELED);
    return NULL;
}

TEST(S7_one_may_kill_itself)
{
    thrum_future *future = spawn(kill_itself, &future);

    assert_int_equal(thrum_join_all(&future, 1, THRUM_FOREVER), 0);
    assert_true(thrum_future_cancelled(future));
    thrum_future_unref(future);
}

static void *retry(void *arg)
{
    int *tries = arg;

    while (thrum_sleep(THRUM_FOREVER) == -ECANCELED && ++*tries < 100)
        ;
    trail_add("r");
    return NULL;
}

TEST(S7_a_loop_that_tries_again_starves_nobody)
{
    int tries = 0;
    thrum_future *future = spawn(retry, &tries);
    thrum_future *other;

    trail_clear();
    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(thrum_future_kill(future, THRUM_NOW), -ETIMEDOUT);
    other = spawn(mark_fn, "o");
    assert_int_equal(thrum_join_all(&other, 1, THRUM_FOREVER), 0);
    assert_int_equal(thrum_join_all(&future, 1, THRUM_FOREVER), 0);
    assert_string_equal(trail, "or");
    thrum_future_unref(future);
    thrum_future_unref(other);
}

/* ---- S8: results ---- */

TEST(S8_a_wait_past_its_deadline_is_told_from_the_tasks_error)
{
    thrum_future *future = spawn(fail_with, (void *)(intptr_t)-ETIMEDOUT);

    assert_int_equal(thrum_future_result(future, THRUM_NOW, NULL), -ETIMEDOUT);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL),
                     THRUM_EFAILED);
    assert_int_equal(error_code_of(future), -ETIMEDOUT);
    thrum_future_unref(future);
}

/* ---- S9: callbacks ---- */

static void mark_callback(thrum_future *future, void *mark)
{
    (void)future;
    CHECK_INT(thrum_pass(), THRUM_ECONTEXT);
    CHECK_INT(thrum_sleep(thrum_in_ms(1)), THRUM_ECONTEXT);
    trail_add(mark);
}

TEST(S9_callbacks_run_in_order_also_after_death_and_may_not_wait)
{
    thrum_future *future = spawn(mark_fn, "x");

    trail_clear();
    assert_int_equal(thrum_future_add_done_callback(future, mark_callback,
                                                    (void *)(uintptr_t) "1"),
                     0);
    assert_int_equal(thrum_future_add_done_callback(future, mark_callback,
                                                    (void *)(uintptr_t) "2"),
                     0);
    assert_int_equal(thrum_join_all(&future, 1, THRUM_FOREVER), 0);
    assert_int_equal(thrum_future_add_done_callback(future, mark_callback,
                                                    (void *)(uintptr_t) "3"),
                     0);
    assert_string_equal(trail, "x123");
    thrum_future_unref(future);
}

TEST(S7_one_that_never_ran_still_calls_back)
{
    thrum_future *future = spawn(mark_fn, "x");

    trail_clear();
    assert_int_equal(thrum_future_add_done_callback(future, mark_callback,
                                                    (void *)(uintptr_t) "1"),
                     0);
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    assert_string_equal(trail, "1");
    thrum_future_unref(future);
}

static void spawn_callback(thrum_future *future, void *arg)
{
    (void)future;
    CHECK_INT(thrum_spawn(mark_fn, arg, 0, NULL), 0);
}

TEST(S9_a_callback_may_spawn)
{
    thrum_future *future = spawn(mark_fn, "x");

    trail_clear();
    assert_int_equal(thrum_future_add_done_callback(future, spawn_callback,
                                                    (void *)(uintptr_t) "s"),
                     0);
    assert_int_equal(thrum_join_all(&future, 1, THRUM_FOREVER), 0);
    assert_int_equal(thrum_pass(), 0);
    assert_string_equal(trail, "xs");
    thrum_future_unref(future);
}

/* ---- S10: deadlines of blocks, in greenlets ---- */

static void *bounded(void *arg)
{
    int *codes = arg;

    THRUM_WITH_DEADLINE(limit, thrum_in_ms(1)) {
        codes[0] = thrum_sleep(THRUM_FOREVER);
        codes[1] = thrum_sleep(THRUM_FOREVER);
        codes[2] = thrum_pass();
    }
    codes[3] = thrum_sleep(thrum_in_ms(1));
    codes[4] = thrum_expired(&limit);
    return arg;
}

TEST(S10_expiry_ends_every_wait_of_the_block_and_none_after_it)
{
    int codes[5] = {1, 1, 1, 1, 0};

    in_greenlet(bounded, codes);
    assert_int_equal(codes[0], -ETIMEDOUT);
    assert_int_equal(codes[1], -ETIMEDOUT);
    assert_int_equal(codes[2], -ETIMEDOUT);
    assert_int_equal(codes[3], 0);
    assert_int_equal(codes[4], 1);
}

static void *bounded_alone(void *arg)
{
    THRUM_WITH_DEADLINE(limit, thrum_in_ms(1)) {
        CHECK_INT(thrum_sleep(THRUM_FOREVER), -ETIMEDOUT);
    }
    return arg;
}

static void *unbounded(void *arg)
{
    CHECK_INT(thrum_sleep(thrum_in_ms(3)), 0);
    return arg;
}

TEST(S10_a_block_bounds_its_own_greenlet_and_no_other)
{
    thrum_future *futures[2] = {spawn(bounded_alone, NULL),
                                spawn(unbounded, NULL)};

    assert_int_equal(thrum_join_all(futures, 2, THRUM_FOREVER), 0);
    thrum_future_unref(futures[0]);
    thrum_future_unref(futures[1]);
}

/* ---- options ---- */

static void *name_is(void *name)
{
    CHECK(strcmp(thrum_greenlet_name(thrum_greenlet_current()), name) == 0);
    return NULL;
}

TEST(a_name_is_the_greenlets_and_not_the_next_ones)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;
    thrum_future *future = NULL;

    options.name = "fetcher";
    assert_int_equal(thrum_spawn_with(name_is, "fetcher", 0, &options, &future),
                     0);
    assert_int_equal(spawned_end(future), 0);
    in_greenlet(name_is, "");
}

static void *uses_stack(void *arg)
{
    thrum_stack_info info = THRUM_STACK_INFO;

    CHECK_INT(thrum_greenlet_stack(thrum_greenlet_current(), &info), 0);
    CHECK(info.stack_size >= *(size_t *)arg / 2);
    return NULL;
}

TEST(a_greenlet_gets_the_stack_that_it_was_promised)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;
    thrum_future *future = NULL;
    size_t size = (size_t)1024 * 1024;

    options.stack_size = size;
    assert_int_equal(thrum_spawn_with(uses_stack, &size, 0, &options, &future),
                     0);
    assert_int_equal(spawned_end(future), 0);
    options.stack_size = 1;
    assert_int_equal(thrum_spawn_with(uses_stack, &size, 0, &options, &future),
                     -EINVAL);
    options.stack_size = SIZE_MAX;
    assert_int_equal(thrum_spawn_with(uses_stack, &size, 0, &options, &future),
                     -EINVAL);
}

TEST(a_delayed_one_begins_later_and_can_be_cancelled_before)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;
    thrum_future *soon = NULL;
    thrum_future *never = NULL;

    trail_clear();
    options.delay_ns = 1000000;
    assert_int_equal(thrum_spawn_with(mark_fn, "l", 0, &options, &soon), 0);
    options.delay_ns = INT64_MAX / 2;
    assert_int_equal(thrum_spawn_with(mark_fn, "n", 0, &options, &never), 0);
    in_greenlet(mark_fn, "f");
    assert_true(thrum_future_cancel(never));
    assert_int_equal(spawned_end(soon), 0);
    assert_int_equal(spawned_end(never), THRUM_ECANCELLED);
    assert_string_equal(trail, "fl");
    options.delay_ns = -1;
    assert_int_equal(thrum_spawn_with(mark_fn, "n", 0, &options, &never),
                     -EINVAL);
    assert_int_equal(thrum_hub_close(THRUM_NOW), -ETIMEDOUT);
}

static int freed;

static void note_free(void *arg)
{
    CHECK_INT(*(int *)arg, 7);
    freed++;
}

TEST(an_argument_is_copied_and_freed_once)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;
    thrum_future *future = NULL;
    int seven = 7;

    freed = 0;
    options.free_arg = note_free;
    assert_int_equal(
        thrum_spawn_with(mark_fn, &seven, sizeof(seven), &options, &future), 0);
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    thrum_future_unref(future);
    assert_int_equal(freed, 1);
    assert_int_equal(thrum_pass(), 0); /* the queue lets it go */
}

static void wait_free(void *arg)
{
    (void)arg;
    CHECK_INT(thrum_sleep(thrum_in_ms(1)), THRUM_ECONTEXT);
    freed++;
}

static void *leaves_one_queued(void *arg)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;

    options.free_arg = wait_free;
    CHECK_INT(thrum_spawn_with(mark_fn, arg, 0, &options, NULL), 0);
    return NULL;
}

TEST(what_frees_an_argument_may_not_wait_when_the_task_is_dropped)
{
    freed = 0;
    trail_clear();
    join_thread(spawn_thread(leaves_one_queued, (void *)(uintptr_t) "never"));
    assert_int_equal(freed, 1);
    assert_string_equal(trail, "");
}

static void *kill_all_of_us(void *arg)
{
    thrum_future **both = arg;

    CHECK_INT(thrum_kill_all(both, 2, THRUM_FOREVER), -ECANCELED);
    return NULL;
}

TEST(S7_one_of_those_that_are_killed_may_be_the_caller)
{
    thrum_future *both[2] = {NULL, NULL};
    int rc = 1;

    both[0] = spawn(kill_all_of_us, both);
    both[1] = spawn(sleep_long, &rc);
    assert_int_equal(thrum_join_all(both, 2, THRUM_FOREVER), 0);
    assert_true(thrum_future_cancelled(both[0]));
    assert_true(thrum_future_cancelled(both[1]));
    thrum_future_unref(both[0]);
    thrum_future_unref(both[1]);
}

TEST_MAIN("spawn-state")
