/* SPDX-License-Identifier: MIT */
/*
 * test/unit/stack_memory_test.c - the memory of stacks: how deep they were, and
 * that it goes back to the system.
 *
 * Whether a page is in memory is asked of the kernel. When it is time for a
 * sweep the test says: each stack that is put in a slab is followed by one if
 * the call "sweep" fails.
 */
#include "stacks.h"

/* No more than a thread keeps: none goes to its slab, where the clock might
 * say that it is time for a sweep. */
#define COUNT 60u

/* What this thread keeps. Empty at the beginning and the end of each test. */
static struct thrumi_stack_cache cache;

/* Stacks that were touched at their lowest byte; where that is, since a slab
 * may go. */
struct touched {
    struct thrumi_stack stacks[COUNT];
    char *lows[COUNT];
    bool held[COUNT];
};

static void touch_one(struct touched *touched, unsigned i)
{
    touched->stacks[i] = stack_of(&cache, 16 * KIB);
    touched->lows[i] = thrumi_stack_low(&touched->stacks[i]);
    *touched->lows[i] = 1;
}

/* Gets and touches all, and puts them but for one of each slab, so that the
 * slabs stay. */
static void touched_begin(struct touched *touched)
{
    for (unsigned i = 0; i < COUNT; i++)
        touch_one(touched, i);
    for (unsigned i = 0; i < COUNT; i++) {
        touched->held[i] =
            i == 0 || touched->stacks[i].slab != touched->stacks[i - 1].slab;
        if (!touched->held[i])
            thrumi_stack_put(&cache, &touched->stacks[i]);
    }
}

static void touched_end(struct touched *touched)
{
    for (unsigned i = 0; i < COUNT; i++)
        if (touched->held[i])
            thrumi_stack_put(&cache, &touched->stacks[i]);
    thrumi_stack_flush(&cache);
}

/* How many of those that are held, or not, have their lowest page. */
static unsigned resident_of(const struct touched *touched, bool held)
{
    unsigned count = 0;

    for (unsigned i = 0; i < COUNT; i++)
        if (touched->held[i] == held && resident(touched->lows[i]))
            count++;
    return count;
}

static unsigned count_of(const struct touched *touched, bool held)
{
    unsigned count = 0;

    for (unsigned i = 0; i < COUNT; i++)
        count += touched->held[i] == held;
    return count;
}

#define assert_resident(touched, held, expected) \
 assert_int_equal(resident_of((touched), (held)), (expected))

/* The time of a sweep has come: one that is not kept goes to its slab. */
static void sweep(void)
{
    struct thrumi_stack stack = stack_of(&cache, 16 * MIB);

    fail_calls(" sweep ");
    thrumi_stack_put(&cache, &stack);
    fail_calls(NULL);
}

/* ---- giving back ---- */

TEST(trim_gives_the_memory_of_all_free_stacks_back)
{
    struct touched touched;

    touched_begin(&touched);
    assert_resident(&touched, false, count_of(&touched, false));
    thrumi_stack_trim(&cache);
    assert_resident(&touched, false, 0);
    assert_resident(&touched, true, count_of(&touched, true));
    touched_end(&touched);
}

TEST(a_trim_without_what_the_thread_keeps_is_of_the_slabs)
{
    struct thrumi_stack stack;
    struct touched touched;

    touched_begin(&touched);
    thrumi_stack_trim(NULL);
    assert_resident(&touched, false, count_of(&touched, false));
    thrumi_stack_flush(&cache);
    stack = stack_of(&cache, 16 * KIB);
    thrumi_stack_put(&cache, &stack);
    thrumi_stack_trim(NULL);
    assert_resident(&touched, false, 1);
    touched_end(&touched);
}

TEST(what_was_given_back_is_zero_and_can_be_used)
{
    struct touched touched;

    touched_begin(&touched);
    thrumi_stack_trim(&cache);
    for (unsigned i = 0; i < COUNT; i++) {
        if (touched.held[i])
            continue;
        touched.stacks[i] = stack_of(&cache, 16 * KIB);
        assert_int_equal(*thrumi_stack_low(&touched.stacks[i]), 0);
        memset(thrumi_stack_low(&touched.stacks[i]), 1, 15 * KIB);
        touched.held[i] = true;
    }
    touched_end(&touched);
    thrumi_stack_trim(&cache);
}

/* ---- sweeping ---- */

TEST(a_sweep_gives_back_what_was_not_needed_since_the_last)
{
    struct touched touched;

    touched_begin(&touched);
    thrumi_stack_flush(&cache);
    sweep(); /* perhaps the first of all, which only looks */
    sweep();
    sweep();
    assert_resident(&touched, false, 0);
    assert_resident(&touched, true, count_of(&touched, true));
    touched_end(&touched);
}

TEST(a_sweep_leaves_what_was_needed_since_the_last)
{
    enum {
        NEEDED = 10
    };
    struct thrumi_stack needed[NEEDED];
    struct touched touched;

    thrumi_stack_trim(&cache);
    sweep();
    sweep();
    touched_begin(&touched);
    thrumi_stack_flush(&cache);
    sweep(); /* up to here all were needed */
    assert_resident(&touched, false, count_of(&touched, false));
    for (int i = 0; i < NEEDED; i++)
        needed[i] = stack_of(&cache, 16 * KIB);
    for (int i = 0; i < NEEDED; i++)
        thrumi_stack_put(&cache, &needed[i]);
    thrumi_stack_flush(&cache);
    sweep();
    assert_resident(&touched, false, NEEDED);
    sweep();
    assert_resident(&touched, false, 0);
    touched_end(&touched);
}

/* ---- how deep ---- */

TEST(the_depth_of_a_renewed_stack_is_exact)
{
    static const size_t depths[] = {1, 8, 4096, 4097, 5000, 40000, 64512};
    struct thrumi_stack stack = stack_of(&cache, 64 * KIB);
    char *top = thrumi_stack_top(&stack);

    for (size_t i = 0; i < sizeof(depths) / sizeof(*depths); i++) {
        thrumi_stack_renew(&stack);
        assert_int_equal(thrumi_stack_used(&stack), 0);
        top[-(ptrdiff_t)depths[i]] = 1;
        assert_int_equal(thrumi_stack_used(&stack), depths[i]);
        top[-1] = 1;
        assert_int_equal(thrumi_stack_used(&stack), depths[i]);
    }
    thrumi_stack_renew(&stack);
    *thrumi_stack_low(&stack) = 1;
    assert_int_equal(thrumi_stack_used(&stack), top - thrumi_stack_low(&stack));
    thrumi_stack_put(&cache, &stack);
    thrumi_stack_flush(&cache);
}

TEST(without_renewing_an_earlier_user_is_seen)
{
    struct thrumi_stack stack = stack_of(&cache, 64 * KIB);

    thrumi_stack_renew(&stack);
    thrumi_stack_top(&stack)[-30000] = 1;
    thrumi_stack_put(&cache, &stack);
    stack = stack_of(&cache, 64 * KIB);
    assert_int_equal(thrumi_stack_used(&stack), 30000);
    thrumi_stack_renew(&stack);
    assert_int_equal(thrumi_stack_used(&stack), 0);
    thrumi_stack_put(&cache, &stack);
    thrumi_stack_flush(&cache);
}

/* ---- the same, of greenlets ---- */

#define DEEP 30000

/* Without a call, so that nothing is written below. */
static __attribute__((noinline)) void go_deep(void)
{
    volatile char deep[DEEP];

    for (size_t i = 0; i < DEEP; i++)
        deep[i] = 1;
    CHECK(deep[0] == 1);
}

static void *be_deep(void *arg)
{
    if (arg != NULL)
        go_deep();
    CHECK_INT(thrum_greenlet_switch(
                  thrum_greenlet_parent(thrum_greenlet_current()), NULL, NULL),
              0);
    return NULL;
}

/* What is told of one that has been deep, or has not. */
static thrum_stack_info info_of(bool measure, void *deep)
{
    thrum_stack_options options = THRUM_STACK_OPTIONS;
    thrum_stack_info info = THRUM_STACK_INFO;
    thrum_greenlet *greenlet = NULL;

    options.stack_size = 64 * KIB;
    options.measure = measure;
    assert_int_equal(thrum_greenlet_new(be_deep, NULL, &options, &greenlet), 0);
    assert_int_equal(thrum_greenlet_switch(greenlet, deep, NULL), 0);
    assert_int_equal(thrum_greenlet_stack(greenlet, &info), 0);
    assert_int_equal(thrum_greenlet_switch(greenlet, NULL, NULL), 0);
    assert_true(thrum_greenlet_dead(greenlet));
    thrum_greenlet_unref(greenlet);
    return info;
}

TEST(measured_greenlets_tell_their_own_depth)
{
    thrum_stack_info info = info_of(true, &info);

    assert_true(info.stack_size <= 64 * KIB);
    assert_true(info.stack_size > 63 * KIB);
    assert_int_equal(info.guard_size, thrumi_stack_guard());
    assert_true(info.used > 0);
    if (TEST_ASAN) /* variables are elsewhere, or have room around them */
        return;
    assert_in_range(info.used, DEEP, DEEP + 4 * KIB);
}

TEST(greenlets_that_are_not_measured_tell_that_of_the_one_before)
{
    if (TEST_ASAN)
        TEST_SKIP("a greenlet's variables may be elsewhere under ASan");
    info_of(true, &cache);
    assert_true(info_of(false, NULL).used >= DEEP);
    assert_true(info_of(true, NULL).used < DEEP + 4 * KIB);
    thrum_stack_trim();
}

TEST(trim_includes_what_the_caller_keeps)
{
    thrum_stack_info info = info_of(true, &info);

    thrum_stack_trim();
    info = info_of(false, NULL);
    assert_true(info.used < 63 * KIB);
    thrum_stack_trim();
}

TEST_MAIN("stack_memory")
