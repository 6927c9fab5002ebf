/* SPDX-License-Identifier: MIT */
/*
 * test/stress/select_test.c - threads that put, get and select at a few queues
 * with deadlines that are about to pass. No item is lost and none is there
 * twice: of each, what was put and what was got is counted by whoever did it,
 * and what is left is got in the end.
 */
#include <errno.h>

#include "stress.h"

enum {
    THREADS = 4,
    QUEUES = 4, /* first in first out; limited; two channels */
};

struct hall {
    thrum_queue *queues[QUEUES];
    thrum_time end;
    atomic_ulong put;     /* items */
    atomic_ulong put_sum; /* of their numbers */
    atomic_ulong got;
    atomic_ulong got_sum;
    atomic_ulong number;
};

struct guest {
    struct hall *hall;
    uint64_t random;
    struct test_thread *thread;
};

static thrum_queue *make(thrum_queue_kind kind, size_t limit)
{
    thrum_queue_options options = THRUM_QUEUE_OPTIONS;
    thrum_queue *queue = NULL;

    options.kind = kind;
    options.limit = limit;
    assert_int_equal(thrum_queue_new(&options, &queue), 0);
    return queue;
}

static void count_put(struct hall *hall, uintptr_t number)
{
    atomic_fetch_add(&hall->put, 1);
    atomic_fetch_add(&hall->put_sum, number);
}

static void count_got(struct hall *hall, void *item)
{
    atomic_fetch_add(&hall->got, 1);
    atomic_fetch_add(&hall->got_sum, (uintptr_t)item);
}

/* Mostly about as long as a wait takes. */
static thrum_time soon(struct guest *guest)
{
    unsigned us = stress_random(&guest->random, 40);

    return us == 0 ? THRUM_NOW : thrum_in_us(us);
}

static thrum_queue *any_queue(struct guest *guest)
{
    return guest->hall->queues[stress_random(&guest->random, QUEUES)];
}

static void put_or_get(struct guest *guest)
{
    struct hall *hall = guest->hall;
    void *item = NULL;

    if (stress_random(&guest->random, 2) == 0) {
        uintptr_t number = atomic_fetch_add(&hall->number, 1);

        if (thrum_queue_put(any_queue(guest), (void *)number, soon(guest)) == 0)
            count_put(hall, number);
    } else if (thrum_queue_get(any_queue(guest), soon(guest), &item) == 0) {
        count_got(hall, item);
    }
}

static void select_some(struct guest *guest)
{
    struct hall *hall = guest->hall;
    thrum_select_case cases[10];
    size_t n = 1 + stress_random(&guest->random, 10);
    int index;

    for (size_t i = 0; i < n; i++)
        if (stress_random(&guest->random, 2) == 0)
            cases[i] = thrum_select_put(
                any_queue(guest), (void *)atomic_fetch_add(&hall->number, 1));
        else
            cases[i] = thrum_select_get(any_queue(guest));
    if (stress_random(&guest->random, 8) == 0)
        cases[n - 1] = thrum_select_timer(soon(guest));
    index = thrum_select(cases, n, soon(guest));
    if (index < 0)
        CHECK_INT(index, -ETIMEDOUT);
    else if (cases[index].kind == THRUM_SELECT_PUT)
        count_put(hall, (uintptr_t)cases[index].item);
    else if (cases[index].kind == THRUM_SELECT_GET)
        count_got(hall, cases[index].item);
}

static void *visit(void *arg)
{
    struct guest *guest = arg;

    while (!stress_is_over(guest->hall->end))
        for (unsigned i = 0; i < 50; i++)
            if (stress_random(&guest->random, 3) == 0)
                put_or_get(guest);
            else
                select_some(guest);
    return NULL;
}

TEST(each_item_is_put_and_got_once)
{
    struct hall hall = {{make(THRUM_QUEUE_FIFO, 0), make(THRUM_QUEUE_FIFO, 2),
                         make(THRUM_QUEUE_CHANNEL, 0),
                         make(THRUM_QUEUE_CHANNEL, 0)},
                        .end = stress_end(3)};
    struct guest guests[THREADS];
    uint64_t seed = stress_seed();
    void *item = NULL;

    for (unsigned i = 0; i < THREADS; i++) {
        guests[i] = (struct guest){&hall, (seed + i) | 1, NULL};
        guests[i].random *= 2685821657736338717ull;
        guests[i].thread = spawn_thread(visit, &guests[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        join_thread(guests[i].thread);
    for (unsigned i = 0; i < QUEUES; i++) {
        while (thrum_queue_get(hall.queues[i], THRUM_NOW, &item) == 0)
            count_got(&hall, item);
        thrum_queue_free(hall.queues[i]);
    }
    assert_int_equal(atomic_load(&hall.put), atomic_load(&hall.got));
    assert_int_equal(atomic_load(&hall.put_sum), atomic_load(&hall.got_sum));
    assert_true(atomic_load(&hall.put) > 0);
    fprintf(stderr, "# %lu items\n", (unsigned long)atomic_load(&hall.put));
}

TEST_MAIN("stress-select")
