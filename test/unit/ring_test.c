/* SPDX-License-Identifier: MIT */
/*
 * test/unit/ring_test.c - the growable queue of calls.
 */
#include "base/ring.h"

#include "thrum_test.h"

static struct thrumi_slot slot_of(uintptr_t number)
{
    return (struct thrumi_slot){NULL, (void *)number};
}

static void assert_pops(struct thrumi_ring *ring, uintptr_t number)
{
    struct thrumi_slot slot = {NULL, NULL};

    assert_true(thrumi_ring_pop(ring, &slot));
    assert_int_equal((uintptr_t)slot.arg, number);
}

TEST(first_in_first_out)
{
    struct thrumi_ring ring;
    struct thrumi_slot slot;

    thrumi_ring_init(&ring);
    assert_false(thrumi_ring_pop(&ring, &slot));
    for (uintptr_t i = 0; i < 1000; i++) {
        assert_true(thrumi_ring_reserve(&ring, 1));
        thrumi_ring_push(&ring, slot_of(i));
        assert_int_equal(thrumi_ring_length(&ring), i + 1);
    }
    for (uintptr_t i = 0; i < 1000; i++)
        assert_pops(&ring, i);
    assert_int_equal(thrumi_ring_length(&ring), 0);
    assert_false(thrumi_ring_pop(&ring, &slot));
    thrumi_ring_fini(&ring);
}

/* It grows at every position that its head can have. */
TEST(grows_wherever_its_head_is)
{
    for (uintptr_t head = 0; head < 130; head++) {
        struct thrumi_ring ring;

        thrumi_ring_init(&ring);
        for (uintptr_t i = 0; i < head; i++) {
            assert_true(thrumi_ring_reserve(&ring, 1));
            thrumi_ring_push(&ring, slot_of(i));
            assert_pops(&ring, i);
        }
        for (uintptr_t i = 0; i < 300; i++) {
            assert_true(thrumi_ring_reserve(&ring, 1));
            thrumi_ring_push(&ring, slot_of(i));
        }
        for (uintptr_t i = 0; i < 300; i++)
            assert_pops(&ring, i);
        thrumi_ring_fini(&ring);
    }
}

TEST(a_large_one_that_ran_empty_gives_its_memory_back)
{
    struct thrumi_ring ring;

    thrumi_ring_init(&ring);
    for (int round = 0; round < 3; round++) {
        assert_true(thrumi_ring_reserve(&ring, 100000));
        for (uintptr_t i = 0; i < 100000; i++)
            thrumi_ring_push(&ring, slot_of(i));
        for (uintptr_t i = 0; i < 100000; i++)
            assert_pops(&ring, i);
        assert_true(ring.capacity < 100000);
    }
    thrumi_ring_fini(&ring);
}

TEST(without_memory_reserve_is_false_and_nothing_is_lost)
{
    FOR_EACH_FAILURE(n)
    {
        struct thrumi_ring ring;
        uintptr_t pushed = 0;

        thrumi_ring_init(&ring);
        while (pushed < 1000 && thrumi_ring_reserve(&ring, 1))
            thrumi_ring_push(&ring, slot_of(pushed++));
        assert_int_equal(thrumi_ring_length(&ring), pushed);
        for (uintptr_t i = 0; i < pushed; i++)
            assert_pops(&ring, i);
        thrumi_ring_fini(&ring);
    }
}

TEST(more_than_there_can_be_is_refused)
{
    struct thrumi_ring ring;

    thrumi_ring_init(&ring);
    assert_false(thrumi_ring_reserve(&ring, SIZE_MAX));
    assert_false(thrumi_ring_reserve(&ring, SIZE_MAX / 2));
    assert_true(thrumi_ring_reserve(&ring, 1));
    thrumi_ring_fini(&ring);
}

TEST_MAIN("ring")
