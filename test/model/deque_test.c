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

static void push(void)
{
    model_assert(thrumi_deque_push(&deque, (void *)++pushed));
}

static void take(void *item)
{
    if (item != NULL)
        taken[(uintptr_t)item]++;
}

static void pop(void)
{
    take(thrumi_deque_pop(&deque, 0));
}

/* A thief whose compare-and-swap fails tries once more. */
static void steal(void)
{
    bool retry = true;

    for (unsigned i = 0; i < 2 && retry; i++)
        take(thrumi_deque_steal(&deque, &retry));
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

static void owner_floor(void)
{
    int64_t floor = thrumi_deque_mark(&deque);
    void *item;

    push();
    item = thrumi_deque_pop(&deque, floor);
    model_assert(item == NULL || (uintptr_t)item == pushed);
    take(item);
    /* nothing of what was there before is given */
    model_assert(thrumi_deque_pop(&deque, floor) == NULL);
}

static void owner_peek(void)
{
    void *item;

    push();
    item = thrumi_deque_peek(&deque, 0);
    if (item != NULL && thrumi_deque_pop(&deque, 0) == item)
        take(item);
}

static void check(void)
{
    bool retry;

    while (thrumi_deque_length(&deque) > 0)
        take(thrumi_deque_steal(&deque, &retry));
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
     .threads = {owner_grow, steal},
     .check = check,
     .preemptions = 1},
    {.name = "deque: pop to a floor",
     .setup = setup_two,
     .threads = {owner_floor, steal_two, steal_two},
     .check = check,
     .preemptions = 3,
     .delays = 1},
    {.name = "deque: peek, then pop",
     .setup = setup,
     .threads = {owner_peek, steal, steal},
     .check = check,
     .preemptions = 4,
     .delays = 1},
};

int main(void)
{
    return model_main(programs, sizeof(programs) / sizeof(programs[0]));
}
