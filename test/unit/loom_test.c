/* SPDX-License-Identifier: MIT */
/*
 * test/unit/loom_test.c - what other threads leave to a loom.
 */
#include <thrum.h>

#include "coro/loom.h"
#include "thrum_test.h"

static void *yield_once(void *ended)
{
    (void)thrum_yield(ended, NULL);
    *(int *)ended += 1;
    return NULL;
}

static thrum_generator *begun(int *ended)
{
    thrum_generator *generator = NULL;
    void *value = NULL;

    assert_int_equal(
        thrum_generator_new(yield_once, ended, 0, NULL, &generator), 0);
    assert_int_equal(thrum_generator_next(generator, &value), 0);
    return generator;
}

static void *drop(void *generator)
{
    thrum_generator_unref(generator);
    return NULL;
}

TEST(the_quick_ways_are_back_once_what_others_dropped_is_destroyed)
{
    struct thrumi_loom *loom = thrumi_loom_get();
    int ended = 0;

    for (int round = 1; round <= 3; round++) {
        assert_false(thrumi_loom_attention(loom));
        join_thread(spawn_thread(drop, begun(&ended)));
        assert_true(thrumi_loom_attention(loom));
        thrumi_loom_collect(loom);
        assert_int_equal(ended, round);
    }
    assert_false(thrumi_loom_attention(loom));
}

TEST_MAIN("loom")
