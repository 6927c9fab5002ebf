/* SPDX-License-Identifier: MIT */
/*
 * test/support/faulty.c - an allocator that counts, and fails when told to.
 */
#include "thrum_test.h"

#include <stdio.h>
#include <stdlib.h>

#include <thrum/base.h>

#include "support.h"

/* More failing allocations than this in one test mean that it never ends. */
#define FAULTY_MOST_ROUNDS 20000u

static struct {
    atomic_size_t live;
    atomic_size_t taken;
    atomic_uint left; /* allocations up to the one that fails; 0: none */
    atomic_bool fired;
} faulty;

static bool faulty_is_due(void)
{
    unsigned left = atomic_load_explicit(&faulty.left, memory_order_relaxed);

    while (left > 0)
        if (atomic_compare_exchange_weak_explicit(&faulty.left, &left, left - 1,
                                                  memory_order_relaxed,
                                                  memory_order_relaxed))
            break;
    if (left != 1)
        return false;
    /* release: pairs with the acquire in faulty_alloc_fired() */
    atomic_store_explicit(&faulty.fired, true, memory_order_release);
    return true;
}

static void *faulty_alloc(size_t bytes, void *arg)
{
    void *memory = faulty_is_due() ? NULL : malloc(bytes);

    if (memory != NULL) {
        atomic_fetch_add_explicit(&faulty.live, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&faulty.taken, 1, memory_order_relaxed);
    }
    return memory;
}

static void faulty_free(void *memory, void *arg)
{
    atomic_fetch_sub_explicit(&faulty.live, 1, memory_order_relaxed);
    free(memory);
}

void faulty_alloc_install(void)
{
    const thrum_allocator allocator = {sizeof(allocator), faulty_alloc,
                                       faulty_free, NULL};

    if (thrum_set_allocator(&allocator) != 0) {
        fprintf(stderr, "# the library took memory before main\n");
        abort();
    }
}

size_t test_live_blocks(void)
{
    return atomic_load_explicit(&faulty.live, memory_order_relaxed);
}

size_t test_taken_blocks(void)
{
    return atomic_load_explicit(&faulty.taken, memory_order_relaxed);
}

void faulty_alloc_fail_nth(unsigned n)
{
    atomic_store_explicit(&faulty.fired, false, memory_order_relaxed);
    atomic_store_explicit(&faulty.left, n, memory_order_release);
}

bool faulty_alloc_fired(void)
{
    /* acquire: pairs with the release in faulty_is_due() */
    return atomic_load_explicit(&faulty.fired, memory_order_acquire);
}

bool faulty_alloc_step(unsigned n)
{
    bool again = n == 1 || faulty_alloc_fired();

    faulty_alloc_fail_nth(again ? n : 0);
    if (n > FAULTY_MOST_ROUNDS)
        fail_msg("still failing after %u failing allocations", n);
    return again;
}
