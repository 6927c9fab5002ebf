/* SPDX-License-Identifier: MIT */
/*
 * planted_objects_test.c - the runner finds more bugs that were put there.
 *
 * As planted_test.c, of small objects: a stack, a settlement, a reference
 * count; and of spinning.
 */
#include "model.h"

#include <stdatomic.h>
#include <stdint.h>

#include "base/alloc.h"
#include "sys/park.h"

static atomic_uint word;
static unsigned counter;

static void count_at_once(void)
{
    atomic_fetch_add_explicit(&word, 1, memory_order_relaxed);
}

/* ---- a stack by compare-and-swap: indices 1 to 3, 0 is its end ---- */

static atomic_uint stack_head;        /* index */
static _Atomic uint64_t stack_tagged; /* count << 32 | index */
static unsigned stack_next[4];
static unsigned stack_taken[4];

static void stack_setup(void)
{
    atomic_init(&stack_head, 1);
    atomic_init(&stack_tagged, 1);
    stack_next[1] = 2;
    stack_next[2] = 3;
}

static unsigned stack_pop(void)
{
    unsigned head = atomic_load_explicit(&stack_head, memory_order_acquire);

    while (head != 0)
        if (atomic_compare_exchange_weak_explicit(
                &stack_head, &head, stack_next[head], memory_order_acq_rel,
                memory_order_acquire))
            return head;
    return 0;
}

static void stack_push(unsigned index)
{
    unsigned head = atomic_load_explicit(&stack_head, memory_order_relaxed);

    do
        stack_next[index] = head;
    while (!atomic_compare_exchange_weak_explicit(
        &stack_head, &head, index, memory_order_acq_rel, memory_order_relaxed));
}

static unsigned stack_pop_tagged(void)
{
    uint64_t head = atomic_load_explicit(&stack_tagged, memory_order_acquire);

    while ((unsigned)head != 0) {
        uint64_t next = ((head >> 32) + 1) << 32 | stack_next[(unsigned)head];

        if (atomic_compare_exchange_weak_explicit(&stack_tagged, &head, next,
                                                  memory_order_acq_rel,
                                                  memory_order_acquire))
            return (unsigned)head;
    }
    return 0;
}

static void stack_push_tagged(unsigned index)
{
    uint64_t head = atomic_load_explicit(&stack_tagged, memory_order_relaxed);
    uint64_t next;

    do {
        stack_next[index] = (unsigned)head;
        next = ((head >> 32) + 1) << 32 | index;
    } while (!atomic_compare_exchange_weak_explicit(&stack_tagged, &head, next,
                                                    memory_order_acq_rel,
                                                    memory_order_relaxed));
}

static void stack_taker(void)
{
    stack_taken[stack_pop()]++;
}

static void stack_juggler(void)
{
    unsigned first = stack_pop();

    stack_taken[stack_pop()]++;
    if (first != 0)
        stack_push(first);
}

static void stack_taker_tagged(void)
{
    stack_taken[stack_pop_tagged()]++;
}

static void stack_juggler_tagged(void)
{
    unsigned first = stack_pop_tagged();

    stack_taken[stack_pop_tagged()]++;
    if (first != 0)
        stack_push_tagged(first);
}

static void stack_check(void)
{
    unsigned index;

    while ((index = stack_pop()) != 0)
        stack_taken[index]++;
    for (unsigned i = 1; i < 4; i++)
        model_assert(stack_taken[i] == 1);
}

static void stack_check_tagged(void)
{
    unsigned index;

    while ((index = stack_pop_tagged()) != 0)
        stack_taken[index]++;
    for (unsigned i = 1; i < 4; i++)
        model_assert(stack_taken[i] == 1);
}

/* ---- one settlement ---- */

static void settle_twice(void)
{
    if (atomic_load_explicit(&word, memory_order_acquire) != 0)
        return;
    atomic_store_explicit(&word, model_thread() + 1, memory_order_release);
    counter++;
}

static void settle_once(void)
{
    unsigned pending = 0;

    if (atomic_compare_exchange_strong_explicit(
            &word, &pending, model_thread() + 1, memory_order_acq_rel,
            memory_order_relaxed))
        counter++;
}

static void settle_check(void)
{
    model_assert(counter == 1);
}

/* ---- the last reference ---- */

static struct counted {
    atomic_uint refs;
} * counted;

static void refs_setup(void)
{
    counted = thrumi_alloc_zero(sizeof(*counted));
    atomic_init(&counted->refs, 2);
}

static void refs_read_after(void)
{
    atomic_fetch_sub_explicit(&counted->refs, 1, memory_order_acq_rel);
    if (atomic_load_explicit(&counted->refs, memory_order_acquire) == 0)
        thrumi_free(counted);
}

static void refs_good(void)
{
    if (atomic_fetch_sub_explicit(&counted->refs, 1, memory_order_acq_rel) == 1)
        thrumi_free(counted);
}

static void refs_leak(void)
{
    atomic_fetch_sub_explicit(&counted->refs, 1, memory_order_acq_rel);
}

static void refs_check(void)
{
    model_assert(model_live_blocks() == 0);
}

/* ---- two that wait for each other, one way and the other ---- */

static void circle_spin(void)
{
    while (atomic_load_explicit(&word, memory_order_acquire) == 0)
        thrumi_spin(0);
    atomic_store_explicit(&word, 1, memory_order_release);
}

/* ---- a spin that is not long enough ---- */

static void spin_and_believe(void)
{
    for (unsigned step = 0; step < THRUMI_SPIN_STEPS; step++) {
        if (atomic_load_explicit(&word, memory_order_acquire) != 0)
            return;
        thrumi_spin(step);
    }
    model_assert(atomic_load_explicit(&word, memory_order_acquire) != 0);
}

/* ---- variables of a thread ---- */

static _Thread_local unsigned own;

static void own_count(void)
{
    for (unsigned i = 0; i < 2; i++) {
        own++;
        model_step("counts its own");
    }
    model_assert(own == 2);
}

static const struct model_program programs[] = {
    {.name = "stack: ABA",
     .setup = stack_setup,
     .threads = {stack_taker, stack_juggler},
     .check = stack_check,
     .preemptions = 2,
     .finds = "stack_taken[i] == 1"},
    {.name = "stack: counted heads",
     .setup = stack_setup,
     .threads = {stack_taker_tagged, stack_juggler_tagged},
     .check = stack_check_tagged,
     .preemptions = 4,
     .spurious = 1},
    {.name = "settle: twice",
     .threads = {settle_twice, settle_twice},
     .check = settle_check,
     .preemptions = 1,
     .finds = "counter == 1"},
    {.name = "settle: once",
     .threads = {settle_once, settle_once, settle_once},
     .check = settle_check,
     .preemptions = 3},
    {.name = "refs: read again after the decrement",
     .setup = refs_setup,
     .threads = {refs_read_after, refs_read_after},
     .check = refs_check,
     .preemptions = 2,
     .finds = "use after free"},
    {.name = "refs: nobody frees",
     .setup = refs_setup,
     .threads = {refs_leak, refs_leak},
     .check = refs_check,
     .finds = "model_live_blocks() == 0"},
    {.name = "refs: the last one frees",
     .setup = refs_setup,
     .threads = {refs_good, refs_good},
     .check = refs_check,
     .preemptions = 3},
    {.name = "circle: both spin",
     .threads = {circle_spin, circle_spin},
     .finds = "livelock"},
    {.name = "spin: ends before the other comes",
     .threads = {spin_and_believe, count_at_once},
     .finds = "!= 0 is false"},
    {.name = "thread-local: each thread has its own",
     .threads = {own_count, own_count, own_count},
     .preemptions = 4},
};

int main(void)
{
    return model_main(programs, sizeof(programs) / sizeof(programs[0]));
}
