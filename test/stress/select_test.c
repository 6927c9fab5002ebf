/* SPDX-License-Identifier: MIT */
/*
 * test/stress/select_test.c - threads, and greenlets of several threads, that
 * put, get and select at a few queues with deadlines that are about to pass,
 * and are killed meanwhile. No item is lost and none is there twice: of each,
 * what was put and what was got is counted by whoever did it, and what is left
 * is got in the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "stress.h"

enum {
    THREADS = 4,
    QUEUES = 4, /* first in first out; limited; two channels */
    GREENLETS = 12,
};

struct hall {
    thrum_queue *queues[QUEUES];
    thrum_time end;
    atomic_ulong put;     /* items */
    atomic_ulong put_sum; /* of their numbers */
    atomic_ulong got;
    atomic_ulong got_sum;
    atomic_ulong number;
    thrum_promise *promise; /* never kept */
    thrum_future *future;
    thrum_event event;
    int quiet[2]; /* a pipe into which nobody writes */
};

struct guest {
    struct hall *hall;
    uint64_t random;
    bool polls; /* selects descriptors too */
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

/* False: the guest was killed. */
static bool check_code(int rc)
{
    CHECK(rc == -ETIMEDOUT || rc == -ECANCELED);
    return rc != -ECANCELED;
}

static bool put_or_get(struct guest *guest)
{
    struct hall *hall = guest->hall;
    void *item = NULL;
    int rc;

    if (stress_random(&guest->random, 2) == 0) {
        uintptr_t number = atomic_fetch_add(&hall->number, 1);

        rc = thrum_queue_put(any_queue(guest), (void *)number, soon(guest));
        if (rc == 0)
            count_put(hall, number);
    } else {
        rc = thrum_queue_get(any_queue(guest), soon(guest), &item);
        if (rc == 0)
            count_got(hall, item);
    }
    return rc == 0 || check_code(rc);
}

static thrum_select_case any_case(struct guest *guest)
{
    struct hall *hall = guest->hall;

    switch (stress_random(&guest->random, 20)) {
    case 0:
        return thrum_select_timer(soon(guest));
    case 1:
        return thrum_select_future(hall->future);
    case 2:
        return thrum_select_event(&hall->event);
    case 3:
        return thrum_select_fd(hall->quiet[0], POLLIN);
    default:
        break;
    }
    if (stress_random(&guest->random, 2) == 0)
        return thrum_select_get(any_queue(guest));
    return thrum_select_put(any_queue(guest),
                            (void *)atomic_fetch_add(&hall->number, 1));
}

static bool select_some(struct guest *guest)
{
    struct hall *hall = guest->hall;
    thrum_select_case cases[10];
    size_t n = 1 + stress_random(&guest->random, 10);
    int index;

    for (size_t i = 0; i < n; i++) {
        cases[i] = any_case(guest);
        if (!guest->polls && cases[i].kind == THRUM_SELECT_FD)
            cases[i] = thrum_select_never();
    }
    index = thrum_select(cases, n, soon(guest));
    if (index < 0)
        return check_code(index);
    if (cases[index].kind == THRUM_SELECT_PUT)
        count_put(hall, (uintptr_t)cases[index].item);
    else if (cases[index].kind == THRUM_SELECT_GET)
        count_got(hall, cases[index].item);
    else
        CHECK_INT(cases[index].kind == THRUM_SELECT_FD, 0);
    return true;
}

static bool visit_once(struct guest *guest)
{
    if (stress_random(&guest->random, 50) == 0)
        thrum_event_set(&guest->hall->event);
    else if (stress_random(&guest->random, 3) == 0)
        return put_or_get(guest);
    thrum_event_clear(&guest->hall->event);
    return select_some(guest);
}

static void *visit(void *arg)
{
    struct guest *guest = arg;

    while (!stress_is_over(guest->hall->end))
        for (unsigned i = 0; i < 50; i++)
            if (!visit_once(guest))
                return NULL;
    return NULL;
}

/* A thread whose guests are greenlets, of which one after the other is killed
 * and replaced. */
static void *visit_by_greenlets(void *arg)
{
    struct guest *host = arg;
    struct guest guests[GREENLETS];
    thrum_future *futures[GREENLETS] = {NULL};

    for (unsigned i = 0; !stress_is_over(host->hall->end); i++) {
        unsigned one = i % GREENLETS;

        if (futures[one] != NULL) {
            CHECK_INT(thrum_future_kill(futures[one], THRUM_FOREVER), 0);
            thrum_future_unref(futures[one]);
        }
        guests[one] = (struct guest){host->hall, host->random + i, true};
        CHECK_INT(thrum_spawn(visit, &guests[one], 0, &futures[one]), 0);
        CHECK_INT(thrum_sleep(thrum_in_us(stress_random(&host->random, 200))),
                  0);
    }
    for (unsigned i = 0; i < GREENLETS; i++)
        if (futures[i] != NULL) {
            CHECK(thrum_future_kill(futures[i], THRUM_FOREVER) == 0);
            thrum_future_unref(futures[i]);
        }
    return NULL;
}

static void hall_open(struct hall *hall)
{
    *hall = (struct hall){{make(THRUM_QUEUE_FIFO, 0), make(THRUM_QUEUE_FIFO, 2),
                           make(THRUM_QUEUE_CHANNEL, 0),
                           make(THRUM_QUEUE_CHANNEL, 0)},
                          .end = stress_end(3)};
    thrum_event_init(&hall->event);
    assert_int_equal(thrum_promise_new(&hall->promise, &hall->future), 0);
    assert_int_equal(pipe2(hall->quiet, O_CLOEXEC), 0);
}

/* Everybody has gone. */
static void hall_close(struct hall *hall)
{
    void *item = NULL;

    for (unsigned i = 0; i < QUEUES; i++) {
        while (thrum_queue_get(hall->queues[i], THRUM_NOW, &item) == 0)
            count_got(hall, item);
        thrum_queue_free(hall->queues[i]);
    }
    assert_int_equal(atomic_load(&hall->put), atomic_load(&hall->got));
    assert_int_equal(atomic_load(&hall->put_sum), atomic_load(&hall->got_sum));
    assert_true(atomic_load(&hall->put) > 0);
    fprintf(stderr, "# %lu items\n", (unsigned long)atomic_load(&hall->put));
    thrum_event_fini(&hall->event);
    thrum_promise_free(hall->promise);
    thrum_future_unref(hall->future);
    close(hall->quiet[0]);
    close(hall->quiet[1]);
}

static void run(unsigned threads, void *(*const fns[])(void *), size_t fn_count)
{
    struct test_thread *handles[THREADS];
    struct guest guests[THREADS];
    uint64_t seed = stress_seed();
    struct hall hall;

    hall_open(&hall);
    for (unsigned i = 0; i < threads; i++) {
        guests[i] = (struct guest){&hall, (seed + i) | 1, false};
        guests[i].random *= 2685821657736338717ull;
        handles[i] = spawn_thread(fns[i % fn_count], &guests[i]);
    }
    for (unsigned i = 0; i < threads; i++)
        join_thread(handles[i]);
    hall_close(&hall);
}

TEST(threads_put_and_get_each_item_once)
{
    void *(*const fns[])(void *) = {visit};

    run(THREADS, fns, 1);
}

TEST(threads_and_greenlets_that_are_killed_do_so_too)
{
    void *(*const fns[])(void *) = {visit, visit_by_greenlets,
                                    visit_by_greenlets};

    run(3, fns, 3);
}

TEST_MAIN("stress-select")
