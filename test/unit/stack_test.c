/* SPDX-License-Identifier: MIT */
/*
 * test/unit/stack_test.c - stacks: their guards, their places, their reuse.
 */
#include <errno.h>
#include <fcntl.h>

#include "stacks.h"

/* What this thread keeps. Empty at the beginning and the end of each test. */
static struct thrumi_stack_cache cache;

static unsigned kept(size_t size)
{
    return cache.classes[thrumi_stack_class_of(size)].count;
}

/* ---- the guard ---- */

TEST(the_guard_traps_and_the_stack_does_not)
{
    struct thrumi_stack stack = stack_of(&cache, 64 * KIB);
    char *low = thrumi_stack_low(&stack);

    assert_int_equal(in_child(write_there, low), 0);
    assert_int_equal(in_child(write_there, thrumi_stack_top(&stack) - 1), 0);
    assert_true(traps(low - 1));
    assert_true(traps(low - 40 * KIB));
    assert_true(traps(low - thrumi_stack_guard()));
    thrumi_stack_put(&cache, &stack);
    thrumi_stack_flush(&cache);
}

TEST(every_slot_of_a_slab_has_its_guard)
{
    struct thrumi_stack stacks[40];

    for (int i = 0; i < 40; i++)
        stacks[i] = stack_of(&cache, 16 * KIB);
    for (int i = 0; i < 40; i++) {
        assert_true(traps(thrumi_stack_low(&stacks[i]) - 1));
        thrumi_stack_put(&cache, &stacks[i]);
    }
    thrumi_stack_flush(&cache);
}

TEST(the_guard_stays_when_a_stack_is_used_again)
{
    struct thrumi_stack stack = stack_of(&cache, 64 * KIB);
    struct thrumi_stack again;

    memset(thrumi_stack_low(&stack), 7, 4096);
    thrumi_stack_put(&cache, &stack);
    thrumi_stack_flush(&cache); /* through the slab */
    again = stack_of(&cache, 64 * KIB);
    assert_true(same_stack(&stack, &again));
    assert_true(traps(thrumi_stack_low(&again) - 1));
    thrumi_stack_put(&cache, &again); /* through the thread */
    again = stack_of(&cache, 64 * KIB);
    assert_true(same_stack(&stack, &again));
    assert_true(traps(thrumi_stack_low(&again) - 1));
    thrumi_stack_renew(&again);
    assert_true(traps(thrumi_stack_low(&again) - 1));
    thrumi_stack_put(&cache, &again);
    thrumi_stack_trim(&cache);
    assert_true(traps(thrumi_stack_low(&again) - 1));
    again = stack_of(&cache, 64 * KIB);
    assert_true(same_stack(&stack, &again));
    assert_true(traps(thrumi_stack_low(&again) - 1));
    thrumi_stack_put(&cache, &again);
    thrumi_stack_flush(&cache);
}

/* ---- a signal handler needs no permission to look ---- */

static void assert_found(const void *address, const struct thrumi_stack *stack)
{
    struct thrumi_stack found = {NULL, 0, false};

    assert_true(thrumi_stack_find(address, &found));
    assert_true(same_stack(&found, stack));
    assert_int_equal(found.guarded, stack->guarded);
}

TEST(the_stack_of_an_address_is_found)
{
    struct thrumi_stack stacks[20];

    for (int i = 0; i < 20; i++)
        stacks[i] = stack_of(&cache, 64 * KIB);
    for (int i = 0; i < 20; i++) {
        const char *low = thrumi_stack_low(&stacks[i]);
        const char *slot = low - thrumi_stack_guard();

        assert_found(slot, &stacks[i]);
        assert_found(low - 1, &stacks[i]);
        assert_found(low, &stacks[i]);
        assert_found(low + 30 * KIB, &stacks[i]);
        assert_found(thrumi_stack_top(&stacks[i]) - 1, &stacks[i]);
        assert_found(slot + stacks[i].slab->stride - 1, &stacks[i]);
        thrumi_stack_put(&cache, &stacks[i]);
    }
    thrumi_stack_flush(&cache);
}

TEST(what_is_on_none_of_them_is_not_found)
{
    static char data;
    struct thrumi_stack found;
    char local;

    assert_false(thrumi_stack_find(NULL, &found));
    assert_false(thrumi_stack_find(&local, &found));
    assert_false(thrumi_stack_find(&data, &found));
    assert_false(thrumi_stack_find((void *)UINTPTR_MAX, &found));
}

/* ---- colours ---- */

TEST(tops_are_aligned_and_differ)
{
    struct thrumi_stack stacks[32];
    bool seen[16] = {false};

    for (int i = 0; i < 32; i++) {
        stacks[i] = stack_of(&cache, 16 * KIB);
        const char *top = thrumi_stack_top(&stacks[i]);
        const char *end = thrumi_stack_low(&stacks[i]) + 16 * KIB;

        assert_int_equal((uintptr_t)top % 64, 0);
        assert_in_range(end - top, 0, 15 * 64);
        seen[(end - top) / 64] = true;
    }
    for (int i = 0; i < 16; i++)
        assert_true(seen[i]);
    for (int i = 0; i < 32; i++)
        thrumi_stack_put(&cache, &stacks[i]);
    thrumi_stack_flush(&cache);
}

/* ---- reuse ---- */

TEST(last_in_first_out)
{
    struct thrumi_stack stacks[THRUMI_STACK_KEPT];

    for (unsigned i = 0; i < THRUMI_STACK_KEPT; i++)
        stacks[i] = stack_of(&cache, 16 * KIB);
    for (unsigned i = 0; i < THRUMI_STACK_KEPT; i++)
        thrumi_stack_put(&cache, &stacks[i]);
    assert_int_equal(kept(16 * KIB), THRUMI_STACK_KEPT);
    for (unsigned i = THRUMI_STACK_KEPT; i-- > 0;) {
        struct thrumi_stack stack = stack_of(&cache, 16 * KIB);

        assert_true(same_stack(&stack, &stacks[i]));
    }
    for (unsigned i = 0; i < THRUMI_STACK_KEPT; i++)
        thrumi_stack_put(&cache, &stacks[i]);
    thrumi_stack_flush(&cache);
}

TEST(sizes_are_kept_apart)
{
    struct thrumi_stack small = stack_of(&cache, 16 * KIB);
    struct thrumi_stack large = stack_of(&cache, 16 * KIB + 1);
    struct thrumi_stack stack;

    thrumi_stack_put(&cache, &large);
    thrumi_stack_put(&cache, &small);
    assert_int_equal(kept(16 * KIB), 1);
    assert_int_equal(kept(64 * KIB), 1);
    stack = stack_of(&cache, 64 * KIB);
    assert_true(same_stack(&stack, &large));
    thrumi_stack_put(&cache, &stack);
    thrumi_stack_flush(&cache);
}

#define ALL  (THRUMI_STACK_KEPT + 1)
#define HALF (THRUMI_STACK_KEPT / 2)

/* The 65th finds no place: half go to the slabs, those that came first. */
TEST(a_thread_keeps_64)
{
    struct thrumi_stack stacks[ALL];
    const struct thrumi_stack *kept_now =
        cache.classes[thrumi_stack_class_of(16 * KIB)].kept;

    for (unsigned i = 0; i < ALL; i++)
        stacks[i] = stack_of(&cache, 16 * KIB);
    for (unsigned i = 0; i < ALL - 1; i++)
        thrumi_stack_put(&cache, &stacks[i]);
    assert_int_equal(live_of(16 * KIB), ALL);
    thrumi_stack_put(&cache, &stacks[ALL - 1]);
    assert_int_equal(kept(16 * KIB), HALF);
    assert_int_equal(live_of(16 * KIB), HALF);
    for (unsigned i = 0; i < HALF; i++)
        assert_true(same_stack(&kept_now[i], &stacks[HALF + i]));
    thrumi_stack_flush(&cache);
    assert_int_equal(kept(16 * KIB), 0);
    assert_int_equal(live_of(16 * KIB), 0);
}

TEST(large_ones_are_not_kept)
{
    struct thrumi_stack stack = stack_of(&cache, MIB);

    thrumi_stack_put(&cache, &stack);
    assert_int_equal(kept(MIB), 1);
    thrumi_stack_flush(&cache);
    stack = stack_of(&cache, 4 * MIB);
    thrumi_stack_put(&cache, &stack);
    assert_int_equal(kept(4 * MIB), 0);
    assert_int_equal(live_of(4 * MIB), 0);
}

/* ---- slabs come and go ---- */

/* More than one slab has. */
#define MANY 1500u

static void put_all(struct thrumi_stack *stacks, unsigned count, unsigned step)
{
    for (unsigned first = 0; first < step; first++)
        for (unsigned i = first; i < count; i += step)
            thrumi_stack_put(&cache, &stacks[i]);
    thrumi_stack_flush(&cache);
}

static int by_address(const void *a, const void *b)
{
    const char *low_a = thrumi_stack_low(a);
    const char *low_b = thrumi_stack_low(b);

    return low_a < low_b ? -1 : low_a > low_b;
}

static void assert_apart(struct thrumi_stack *stacks, unsigned count)
{
    qsort(stacks, count, sizeof(*stacks), by_address);
    for (unsigned i = 1; i < count; i++)
        assert_true(thrumi_stack_low(&stacks[i]) - thrumi_stack_guard() >=
                    thrumi_stack_top(&stacks[i - 1]));
}

/* In whatever order stacks come back, all slabs go but one. */
TEST(slabs_grow_and_are_unmapped_when_empty)
{
    static const unsigned steps[] = {1, 2, 7, 100};
    struct thrumi_stack *stacks = calloc(MANY, sizeof(*stacks));

    assert_non_null(stacks);
    for (int round = 0; round < 4; round++) {
        unsigned slabs = slabs_of(16 * KIB);

        for (unsigned i = 0; i < MANY; i++)
            stacks[i] = stack_of(&cache, 16 * KIB);
        assert_int_equal(live_of(16 * KIB), MANY);
        assert_true(slabs_of(16 * KIB) > slabs);
        assert_in_range(slabs_of(16 * KIB), 2, 8); /* each larger */
        if (round % 2 == 0)
            assert_apart(stacks, MANY);
        put_all(stacks, MANY, steps[round]);
        assert_int_equal(live_of(16 * KIB), 0);
        assert_int_equal(slabs_of(16 * KIB), 1);
    }
    free(stacks);
}

TEST(an_unmapped_slab_is_found_no_more)
{
    struct thrumi_stack *stacks = calloc(MANY, sizeof(*stacks));
    const char **lows = calloc(MANY, sizeof(*lows));
    unsigned found = 0;

    assert_true(stacks != NULL && lows != NULL);
    for (unsigned i = 0; i < MANY; i++) {
        stacks[i] = stack_of(&cache, 16 * KIB);
        lows[i] = thrumi_stack_low(&stacks[i]);
    }
    put_all(stacks, MANY, 1);
    for (unsigned i = 0; i < MANY; i++)
        found += thrumi_stack_find(lows[i], &stacks[i]);
    assert_in_range(found, 1, MANY - 1);
    free(stacks);
    free(lows);
}

/* ---- threads ---- */

struct user {
    unsigned seed;
    unsigned rounds;
};

static unsigned user_random(struct user *user)
{
    user->seed = user->seed * 1103515245u + 12345u;
    return user->seed >> 16;
}

/* Marks a stack at both ends; whoever else had it would have changed that. */
static void user_mark(const struct thrumi_stack *stack, char mark)
{
    *thrumi_stack_low(stack) = mark;
    thrumi_stack_top(stack)[-1] = mark;
}

static void user_look(const struct thrumi_stack *stack, char mark)
{
    CHECK_INT(*thrumi_stack_low(stack), mark);
    CHECK_INT(thrumi_stack_top(stack)[-1], mark);
}

static void *use_stacks(void *arg)
{
    struct thrumi_stack_cache own = {0};
    struct thrumi_stack stacks[100];
    struct user *user = arg;
    char mark = (char)user->seed;

    for (unsigned round = 0; round < user->rounds; round++) {
        unsigned count = user_random(user) % 100;
        size_t size = 16 * KIB << 2 * (user_random(user) % 2);

        for (unsigned i = 0; i < count; i++) {
            CHECK_INT(thrumi_stack_get(&own, size, false, &stacks[i]), 0);
            user_mark(&stacks[i], mark);
        }
        for (unsigned i = 0; i < count; i++) {
            user_look(&stacks[i], mark);
            thrumi_stack_put(&own, &stacks[i]);
        }
        if (round % 16 == 0)
            thrumi_stack_trim(&own);
    }
    thrumi_stack_flush(&own);
    return NULL;
}

TEST(a_stack_has_one_user_at_a_time)
{
    struct test_thread *threads[4];
    struct user users[4];

    for (unsigned i = 0; i < 4; i++) {
        users[i] = (struct user){i + 1, test_scale(1000)};
        threads[i] = spawn_thread(use_stacks, &users[i]);
    }
    for (unsigned i = 0; i < 4; i++)
        join_thread(threads[i]);
    assert_int_equal(live_of(16 * KIB), 0);
    assert_int_equal(live_of(64 * KIB), 0);
    assert_in_range(slabs_of(16 * KIB), 1, 2);
    assert_in_range(slabs_of(64 * KIB), 1, 2);
}

TEST_MAIN("stack")
