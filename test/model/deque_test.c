/* SPDX-License-Identifier: MIT */
/*
 * deque_test.c - every item of the deque is taken exactly once.
 *
 * The owner pushes and pops while one or two thieves steal. What is left at
 * the end is taken by the check.
 */
#include "model.h"

#include <stdint.h>

#include "base/deque.h"

#define ITEMS 80

static struct thrumi_deque deque;
static unsigned char taken[ITEMS + 1];
static uintptr_t pushed;

static void *call_a(void *arg)
{
    return arg;
}

static void *call_b(void *arg)
{
    return arg;
}

/* Slots that lie in one place of the array, 64 apart, have different calls. */
static struct thrumi_slot slot_of(uintptr_t item)
{
    static thrum_fn *const calls[] = {NULL, call_a, call_b};

    return (struct thrumi_slot){calls[item % 3], (void *)item};
}

static void push(void)
{
    model_assert(thrumi_deque_push(&deque, slot_of(++pushed)));
}

/* Both halves of what is taken are of the same slot. */
static void take(struct thrumi_slot slot)
{
    uintptr_t item = (uintptr_t)slot.arg;

    model_assert(item >= 1 && item <= pushed);
    model_assert(slot.fn == slot_of(item).fn);
    taken[item]++;
}

static void pop(void)
{
    struct thrumi_slot slot;

    if (thrumi_deque_pop(&deque, 0, &slot))
        take(slot);
}

/* A thief whose compare-and-swap fails tries once more. */
static void steal(void)
{
    struct thrumi_slot slot;
    bool retry = true;

    for (unsigned i = 0; i < 2 && retry; i++)
        if (thrumi_deque_steal(&deque, &slot, &retry))
            take(slot);
}

static void steal_two(void)
{
    steal();
    steal();
}

static void setup(void)
{
    model_assert(thrumi_deque_init(&deque));
}

static void setup_two(void)
{
    setup();
    push();
    push();
}

/* One more push finds the array full; its top is not at its beginning. */
static void setup_full(void)
{
    setup();
    for (unsigned i = 0; i < 3; i++)
        push();
    steal_two();
    while (pushed < 64 + 2)
        push();
}

static void owner_push_pop(void)
{
    push();
    push();
    pop();
    push();
    pop();
    pop();
}

static void owner_pop_two(void)
{
    pop();
    pop();
}

static void owner_grow(void)
{
    push();
    pop();
    pop();
    push();
}

/* The place of the oldest slot is written anew as soon as that is stolen. */
static void owner_wrap(void)
{
    push();
    push();
}

static void owner_floor(void)
{
    int64_t floor = thrumi_deque_mark(&deque);
    struct thrumi_slot slot;

    push();
    if (thrumi_deque_pop(&deque, floor, &slot)) {
        model_assert((uintptr_t)slot.arg == pushed);
        take(slot);
    }
    /* nothing of what was there before is given */
    model_assert(!thrumi_deque_pop(&deque, floor, &slot));
}

static void owner_top(void)
{
    struct thrumi_slot slot;

    push();
    push();
    push(); /* item 3 has no function: it is a task */
    if (thrumi_deque_is_top(&deque, 0, (void *)pushed) &&
        thrumi_deque_pop(&deque, 0, &slot)) {
        model_assert((uintptr_t)slot.arg == pushed);
        take(slot);
    }
}

static void check(void)
{
    struct thrumi_slot slot;
    bool retry;

    while (thrumi_deque_steal(&deque, &slot, &retry))
        take(slot);
    for (uintptr_t i = 1; i <= pushed; i++)
        model_assert(taken[i] == 1);
    thrumi_deque_fini(&deque);
    model_assert(model_live_blocks() == 0);
}

static const struct model_program programs[] = {
    {.name = "deque: push and pop against a thief",
     .setup = setup,
     .threads = {owner_push_pop, steal_two},
     .check = check,
     .preemptions = 4,
     .delays = 2},
    {.name = "deque: pop against a thief",
     .setup = setup_two,
     .threads = {owner_pop_two, steal_two},
     .check = check,
     .preemptions = 5,
     .delays = 2},
    {.name = "deque: push and pop against two thieves",
     .setup = setup,
     .threads = {owner_push_pop, steal, steal},
     .check = check,
     .preemptions = 3,
     .delays = 1},
    {.name = "deque: pop against two thieves",
     .setup = setup_two,
     .threads = {owner_pop_two, steal_two, steal},
     .check = check,
     .preemptions = 4,
     .delays = 1},
    {.name = "deque: grows while two steal",
     .setup = setup_full,
     .threads = {owner_grow, steal_two, steal},
     .check = check,
     .preemptions = 3},
    {.name = "deque: grows while one steals, stores delayed",
     .setup = setup_full,
     .threads = {owner_grow, steal},
     .check = check,
     .preemptions = 1,
     .delays = 1},
    {.name = "deque: places are used again while two steal",
     .setup = setup_full,
     .threads = {owner_wrap, steal, steal},
     .check = check,
     .preemptions = 4},
    {.name = "deque: pop to a floor",
     .setup = setup_two,
     .threads = {owner_floor, steal_two, steal_two},
     .check = check,
     .preemptions = 3,
     .delays = 1},
    {.name = "deque: the top, then pop",
     .setup = setup,
     .threads = {owner_top, steal, steal},
     .check = check,
     .preemptions = 4,
     .delays = 1},
};

int main(void)
{
    return model_main(programs, sizeof(programs) / sizeof(programs[0]));
}
