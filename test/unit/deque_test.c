/* SPDX-License-Identifier: MIT */
/*
 * test/unit/deque_test.c - the work-stealing deque, one thread and many. (Every
 * small schedule of it is tried in test/model.)
 */
#include "base/deque.h"

#include <stdlib.h>

#include "thrum_test.h"

static struct thrumi_slot slot_of(uintptr_t number)
{
    return (struct thrumi_slot){NULL, (void *)number};
}

static uintptr_t pop(struct thrumi_deque *deque, int64_t floor)
{
    struct thrumi_slot slot = {NULL, NULL};

    return thrumi_deque_pop(deque, floor, &slot) ? (uintptr_t)slot.arg : 0;
}

static uintptr_t steal(struct thrumi_deque *deque)
{
    struct thrumi_slot slot = {NULL, NULL};
    bool retry;
    bool got;

    do
        got = thrumi_deque_steal(deque, &slot, &retry);
    while (!got && retry);
    return got ? (uintptr_t)slot.arg : 0;
}

TEST(the_owner_takes_the_newest_and_a_thief_the_oldest)
{
    struct thrumi_deque deque;

    assert_true(thrumi_deque_init(&deque));
    assert_int_equal(pop(&deque, 0), 0);
    assert_int_equal(steal(&deque), 0);
    for (uintptr_t i = 1; i <= 300; i++)
        assert_true(thrumi_deque_push(&deque, slot_of(i)));
    assert_int_equal(thrumi_deque_length(&deque), 300);
    for (uintptr_t i = 0; i < 150; i++) {
        assert_int_equal(pop(&deque, 0), 300 - i);
        assert_int_equal(steal(&deque), i + 1);
    }
    assert_int_equal(pop(&deque, 0), 0);
    assert_int_equal(steal(&deque), 0);
    assert_int_equal(thrumi_deque_length(&deque), 0);
    thrumi_deque_fini(&deque);
}

TEST(nothing_below_the_floor_is_popped)
{
    struct thrumi_deque deque;
    int64_t floor;

    assert_true(thrumi_deque_init(&deque));
    for (uintptr_t i = 1; i <= 3; i++)
        assert_true(thrumi_deque_push(&deque, slot_of(i)));
    floor = thrumi_deque_mark(&deque);
    assert_int_equal(pop(&deque, floor), 0);
    assert_true(thrumi_deque_push(&deque, slot_of(4)));
    assert_int_equal(pop(&deque, floor), 4);
    assert_int_equal(pop(&deque, floor), 0);
    assert_int_equal(pop(&deque, floor - 1), 3);
    assert_int_equal(pop(&deque, 0), 2);
    thrumi_deque_fini(&deque);
}

TEST(it_grows_wherever_its_indices_are)
{
    for (uintptr_t before = 0; before < 130; before++) {
        struct thrumi_deque deque;

        assert_true(thrumi_deque_init(&deque));
        for (uintptr_t i = 1; i <= before; i++) {
            assert_true(thrumi_deque_push(&deque, slot_of(i)));
            assert_int_equal(steal(&deque), i);
        }
        for (uintptr_t i = 1; i <= 500; i++)
            assert_true(thrumi_deque_push(&deque, slot_of(i)));
        for (uintptr_t i = 1; i <= 250; i++)
            assert_int_equal(steal(&deque), i);
        for (uintptr_t i = 500; i > 250; i--)
            assert_int_equal(pop(&deque, 0), i);
        thrumi_deque_fini(&deque);
    }
}

TEST(without_memory_push_is_false_and_nothing_is_lost)
{
    FOR_EACH_FAILURE(n)
    {
        struct thrumi_deque deque;
        uintptr_t pushed = 0;

        if (!thrumi_deque_init(&deque)) {
            thrumi_deque_fini(&deque);
            continue;
        }
        while (pushed < 300 && thrumi_deque_push(&deque, slot_of(pushed + 1)))
            pushed++;
        for (uintptr_t i = pushed; i > 0; i--)
            assert_int_equal(pop(&deque, 0), i);
        thrumi_deque_fini(&deque);
    }
}

/* ---- many threads ---- */

#define THIEVES 3

struct heist {
    struct thrumi_deque deque;
    atomic_uchar *taken; /* of each item, from 1 */
    unsigned items;
    atomic_bool over;
};

static void heist_take(struct heist *heist, uintptr_t item)
{
    if (item != 0)
        CHECK_INT(atomic_fetch_add(&heist->taken[item], 1), 0);
}

static void *thief(void *arg)
{
    struct heist *heist = arg;

    while (!atomic_load(&heist->over))
        heist_take(heist, steal(&heist->deque));
    return NULL;
}

TEST(each_item_is_taken_once)
{
    struct heist heist = {.items = test_scale(200000)};
    struct test_thread *threads[THIEVES];
    unsigned seed = 1;

    heist.taken = calloc(heist.items + 1, sizeof(*heist.taken));
    assert_non_null(heist.taken);
    assert_true(thrumi_deque_init(&heist.deque));
    for (int i = 0; i < THIEVES; i++)
        threads[i] = spawn_thread(thief, &heist);
    for (uintptr_t i = 1; i <= heist.items; i++) {
        assert_true(thrumi_deque_push(&heist.deque, slot_of(i)));
        seed = seed * 1103515245 + 12345;
        for (unsigned pops = seed >> 16 & 3; pops > 1; pops--)
            heist_take(&heist, pop(&heist.deque, 0));
    }
    while (thrumi_deque_length(&heist.deque) > 0)
        heist_take(&heist, pop(&heist.deque, 0));
    atomic_store(&heist.over, true);
    for (int i = 0; i < THIEVES; i++)
        join_thread(threads[i]);
    for (unsigned i = 1; i <= heist.items; i++)
        assert_int_equal(atomic_load(&heist.taken[i]), 1);
    thrumi_deque_fini(&heist.deque);
    free(heist.taken);
}

TEST_MAIN("deque")
