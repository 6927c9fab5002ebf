/* SPDX-License-Identifier: MIT */
/*
 * test/api/hub_stats_test.c - what a hub counts.
 */
#include <errno.h>

#include <thrum.h>

#include "thrum_test.h"

static thrum_hub_counts counts_now(void)
{
    thrum_hub_counts counts = THRUM_HUB_COUNTS;

    CHECK_INT(thrum_hub_stats(&counts), 0);
    return counts;
}

static void *asks_without_hub(void *arg)
{
    thrum_hub_counts counts = THRUM_HUB_COUNTS;

    (void)arg;
    CHECK_INT(thrum_hub_stats(&counts), THRUM_ESTATE);
    counts.size--;
    CHECK_INT(thrum_hub_stats(&counts), -EINVAL);
    CHECK_INT(thrum_hub_stats(NULL), -EINVAL);
    return NULL;
}

TEST(a_thread_without_a_hub_has_none)
{
    join_thread(spawn_thread(asks_without_hub, NULL));
}

static void *passes(void *arg)
{
    for (int i = 0; i < 10; i++)
        CHECK_INT(thrum_pass(), 0);
    return arg;
}

TEST(greenlets_and_switches_are_counted)
{
    thrum_hub_counts before;
    thrum_hub_counts after;
    thrum_future *futures[3];

    assert_int_equal(thrum_hub_open(NULL), 0);
    before = counts_now();
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(thrum_spawn(passes, NULL, 0, &futures[i]), 0);
    assert_int_equal(counts_now().runnable, before.runnable + 3);
    assert_int_equal(thrum_pass(), 0);
    after = counts_now();
    assert_int_equal(after.spawned, before.spawned + 3);
    assert_int_equal(after.live, before.live + 3);
    assert_int_equal(after.runnable, 3);
    assert_int_equal(after.waiting, before.live);
    assert_int_equal(thrum_join_all(futures, 3, THRUM_FOREVER), 0);
    after = counts_now();
    assert_int_equal(after.live, before.live);
    assert_true(after.switches >= before.switches + 30);
    for (unsigned i = 0; i < 3; i++)
        thrum_future_unref(futures[i]);
    assert_int_equal(thrum_hub_close(THRUM_FOREVER), 0);
}

TEST(looks_at_events_are_counted_and_timed)
{
    thrum_hub_counts before;
    thrum_hub_counts after;

    assert_int_equal(thrum_hub_open(NULL), 0);
    before = counts_now();
    for (int i = 0; i < 5; i++)
        assert_int_equal(thrum_sleep(thrum_in_us(100)), 0);
    after = counts_now();
    assert_true(after.turns >= before.turns + 5);
    assert_true(after.holds.count >= before.holds.count + 4);
    assert_true(after.longest > 0);
    assert_false(after.asleep);
    assert_int_equal(thrum_hub_close(THRUM_FOREVER), 0);
}

static void is_asleep(const thrum_hub_counts *counts, void *arg)
{
    *(bool *)arg = counts->asleep;
}

static bool the_hub_is_asleep(void)
{
    bool asleep = false;

    CHECK_INT(thrum_hub_stats_all(is_asleep, &asleep), 1);
    return asleep;
}

static void *sets(void *event)
{
    WAIT_UNTIL(the_hub_is_asleep());
    thrum_event_set(event);
    return NULL;
}

TEST(what_comes_from_other_threads_is_counted)
{
    thrum_hub_counts before;
    thrum_event event;
    struct test_thread *thread;

    thrum_event_init(&event);
    assert_int_equal(thrum_hub_open(NULL), 0);
    before = counts_now();
    thread = spawn_thread(sets, &event);
    assert_int_equal(thrum_event_wait(&event, THRUM_FOREVER), 0);
    assert_int_equal(counts_now().received, before.received + 1);
    join_thread(thread);
    thrum_event_fini(&event);
    assert_int_equal(thrum_hub_close(THRUM_FOREVER), 0);
}

/* What the program's own loop does between two turns holds nobody up. */
TEST(a_hub_in_another_loop_is_asleep_between_its_turns)
{
    thrum_hub_counts before;
    thrum_time next;

    assert_int_equal(thrum_hub_open(NULL), 0);
    assert_int_equal(thrum_hub_turn(THRUM_NOW), 0);
    assert_int_equal(thrum_hub_next(&next), 0);
    before = counts_now();
    assert_true(before.asleep);
    assert_int_equal(thrum_hub_turn(THRUM_NOW), 0);
    assert_false(counts_now().asleep);
    assert_true(counts_now().turns > before.turns);
    assert_int_equal(thrum_hub_close(THRUM_FOREVER), 0);
}

/* ---- all hubs ---- */

struct seen {
    unsigned count;
    uint64_t spawned;
};

static void see(const thrum_hub_counts *counts, void *arg)
{
    struct seen *seen = arg;

    CHECK_INT(counts->size, sizeof(*counts));
    CHECK(counts->thread > 0);
    seen->count++;
    seen->spawned += counts->spawned;
}

struct other {
    struct latch ready;
    struct gate gate;
};

static void *has_a_hub(void *arg)
{
    struct other *other = arg;
    thrum_future *future;

    CHECK_INT(thrum_spawn(passes, NULL, 0, &future), 0);
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    latch_down(&other->ready);
    gate_wait(&other->gate);
    return NULL;
}

TEST(those_of_other_threads_can_be_read)
{
    struct other other = {LATCH_INIT(1), GATE_INIT};
    struct seen before = {0, 0};
    struct seen with = {0, 0};
    struct test_thread *thread;

    assert_int_equal(thrum_hub_open(NULL), 0);
    assert_int_equal(thrum_hub_stats_all(see, &before), 1);
    assert_int_equal(before.count, 1);
    thread = spawn_thread(has_a_hub, &other);
    latch_wait(&other.ready);
    assert_int_equal(thrum_hub_stats_all(see, &with), 2);
    assert_int_equal(with.spawned, before.spawned + 1);
    gate_open(&other.gate);
    join_thread(thread);
    assert_int_equal(thrum_hub_stats_all(NULL, NULL), 1);
    assert_int_equal(thrum_hub_close(THRUM_FOREVER), 0);
    assert_int_equal(thrum_hub_stats_all(NULL, NULL), 0);
}

static int child(void *arg)
{
    struct seen seen = {0, 0};

    (void)arg;
    CHECK_INT(counts_now().spawned, 0);
    CHECK_INT(thrum_hub_stats_all(see, &seen), 1);
    return 0;
}

TEST(a_forked_child_counts_anew)
{
    assert_int_equal(thrum_hub_open(NULL), 0);
    assert_int_equal(in_child(child, NULL), 0);
    assert_int_equal(thrum_hub_stats_all(NULL, NULL), 1);
    assert_int_equal(thrum_hub_close(THRUM_FOREVER), 0);
    assert_int_equal(thrum_hub_stats_all(NULL, NULL), 0);
}

TEST_MAIN("hub_stats")
