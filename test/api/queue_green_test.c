/* SPDX-License-Identifier: MIT */
/*
 * test/api/queue_green_test.c - queues and selects among greenlets: who is
 * killed while it waits, who works on and on, and queues that join hubs with
 * threads and pools.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <thrum.h>

#include "thrum_test.h"

static int cells[8];

static thrum_queue *make(thrum_queue_kind kind, size_t limit)
{
    thrum_queue_options options = THRUM_QUEUE_OPTIONS;
    thrum_queue *queue = NULL;

    options.kind = kind;
    options.limit = limit;
    assert_int_equal(thrum_queue_new(&options, &queue), 0);
    return queue;
}

static thrum_future *spawn(thrum_fn *fn, void *arg)
{
    thrum_future *future = NULL;

    assert_int_equal(thrum_spawn(fn, arg, 0, &future), 0);
    return future;
}

/* Lets it begin, up to where it waits. */
static thrum_future *spawn_to_wait(thrum_fn *fn, void *arg)
{
    thrum_future *future = spawn(fn, arg);

    assert_int_equal(thrum_pass(), 0);
    return future;
}

static void join(thrum_future *future)
{
    int rc = thrum_future_result(future, THRUM_FOREVER, NULL);

    assert_true(rc == 0 || rc == THRUM_ECANCELLED);
    thrum_future_unref(future);
}

/* ---- killed ---- */

struct call {
    thrum_queue *queue;
    void *item;
    int rc;
};

static void *call_get(void *arg)
{
    struct call *call = arg;

    call->rc = thrum_queue_get(call->queue, THRUM_FOREVER, &call->item);
    return call;
}

static void *call_put(void *arg)
{
    struct call *call = arg;

    call->rc = thrum_queue_put(call->queue, call->item, THRUM_FOREVER);
    return call;
}

static void *call_join(void *arg)
{
    struct call *call = arg;

    call->rc = thrum_queue_join(call->queue, THRUM_FOREVER);
    return call;
}

static void *call_select(void *arg)
{
    struct call *call = arg;
    thrum_select_case cases[] = {thrum_select_put(call->queue, call->item),
                                 thrum_select_get(call->queue)};

    call->rc = thrum_select(cases, 2, THRUM_FOREVER);
    return call;
}

TEST(S7_a_kill_ends_a_wait_and_moves_nothing)
{
    thrum_fn *const fns[] = {call_get, call_put, call_select};

    for (size_t i = 0; i < 3; i++) {
        struct call call = {make(THRUM_QUEUE_CHANNEL, 0), &cells[1], 1};
        thrum_future *future = spawn_to_wait(fns[i], &call);
        void *item = NULL;

        assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
        assert_int_equal(call.rc, -ECANCELED);
        assert_int_equal(thrum_queue_put(call.queue, cells, THRUM_NOW),
                         -ETIMEDOUT);
        assert_int_equal(thrum_queue_get(call.queue, THRUM_NOW, &item),
                         -ETIMEDOUT);
        join(future);
        thrum_queue_free(call.queue);
    }
}

static void *call_select_fd(void *arg)
{
    struct call *call = arg;
    thrum_select_case cases[] = {thrum_select_get(call->queue),
                                 thrum_select_fd(*(int *)call->item, POLLIN)};

    call->rc = thrum_select(cases, 2, THRUM_FOREVER);
    return call;
}

TEST(S7_a_kill_ends_a_select_of_a_descriptor)
{
    int ends[2];
    struct call call = {make(THRUM_QUEUE_FIFO, 0), ends, 1};
    thrum_future *future;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    future = spawn_to_wait(call_select_fd, &call);
    assert_int_equal(thrum_pass(), 0); /* somebody waits in its place */
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    assert_int_equal(call.rc, -ECANCELED);
    join(future);
    close(ends[0]);
    close(ends[1]);
    thrum_queue_free(call.queue);
    assert_int_equal(thrum_hub_close(THRUM_FOREVER), 0);
}

static void *call_select_closed(void *arg)
{
    struct call *call = arg;
    thrum_select_case cases[] = {thrum_select_fd(*(int *)call->item, POLLIN),
                                 thrum_select_get(call->queue)};

    CHECK_INT(thrum_select(cases, 2, THRUM_FOREVER), 0);
    call->rc = cases[0].rc;
    return call;
}

TEST(S12_a_select_of_a_descriptor_that_is_closed_says_so)
{
    int ends[2];
    struct call call = {make(THRUM_QUEUE_FIFO, 0), ends, 1};
    thrum_future *future;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    future = spawn_to_wait(call_select_closed, &call);
    assert_int_equal(thrum_pass(), 0); /* somebody waits in its place */
    assert_int_equal(thrum_close(ends[0]), 0);
    join(future);
    assert_int_equal(call.rc, -EBADF);
    assert_int_equal(thrum_close(ends[1]), 0);
    thrum_queue_free(call.queue);
    assert_int_equal(thrum_hub_close(THRUM_FOREVER), 0);
}

TEST(S7_a_kill_ends_a_join)
{
    struct call call = {make(THRUM_QUEUE_FIFO, 0), NULL, 1};
    thrum_future *future;

    assert_int_equal(thrum_queue_put(call.queue, cells, THRUM_NOW), 0);
    future = spawn_to_wait(call_join, &call);
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    assert_int_equal(call.rc, -ECANCELED);
    join(future);
    thrum_queue_free(call.queue);
}

/* The hand-over came first, so the wait has succeeded. */
TEST(S7_what_was_handed_over_before_a_kill_has_arrived)
{
    thrum_fn *const fns[] = {call_get, call_select};

    for (size_t i = 0; i < 2; i++) {
        struct call call = {make(THRUM_QUEUE_CHANNEL, 0), &cells[1], -1};
        thrum_future *future = spawn_to_wait(fns[i], &call);

        assert_int_equal(thrum_queue_put(call.queue, &cells[2], THRUM_NOW), 0);
        assert_int_equal(thrum_future_kill(future, THRUM_NOW), -ETIMEDOUT);
        join(future);
        assert_int_equal(call.rc, i); /* 0; or the index of its get */
        thrum_queue_free(call.queue);
    }
}

TEST(S10_a_block_with_a_deadline_ends_a_wait)
{
    thrum_queue *queue = make(THRUM_QUEUE_FIFO, 0);
    thrum_select_case cases[] = {thrum_select_get(queue),
                                 thrum_select_timer(THRUM_FOREVER)};
    void *item = NULL;

    THRUM_WITH_DEADLINE(limit, thrum_in_ms(1)) {
        assert_int_equal(thrum_queue_get(queue, THRUM_FOREVER, &item),
                         -ETIMEDOUT);
        assert_int_equal(thrum_select(cases, 2, THRUM_FOREVER), -ETIMEDOUT);
        assert_true(thrum_expired(&limit));
    }
    thrum_queue_free(queue);
}

/* In a child, which has no other thread that could do it. */
static int wait_for_nobody(void *arg)
{
    struct call call = {NULL, NULL, 1};
    thrum_future *future = NULL;
    void *item = NULL;

    CHECK_INT(thrum_queue_new(NULL, &call.queue), 0);
    CHECK_INT(thrum_spawn(call_get, &call, 0, &future), 0);
    CHECK_INT(thrum_queue_get(call.queue, THRUM_FOREVER, &item), -EDEADLK);
    {
        thrum_select_case cases[] = {thrum_select_get(call.queue),
                                     thrum_select_never()};

        CHECK_INT(thrum_select(cases, 2, THRUM_FOREVER), -EDEADLK);
    }
    CHECK_INT(call.rc, 1); /* that one waits on: main can mend it */
    CHECK_INT(thrum_queue_put(call.queue, cells, THRUM_NOW), 0);
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    CHECK_INT(call.rc, 0);
    thrum_future_unref(future);
    thrum_queue_free(call.queue);
    return 0;
}

TEST(S5_a_wait_that_nobody_can_end_is_told_so)
{
    TEST_SKIP_EMULATED(MORE_THREADS);
    if (TEST_TSAN) /* as hub_fork_test.c says */
        TEST_SKIP("its runtime ignores synchronisation in such a child");
    assert_int_equal(in_child(wait_for_nobody, NULL), 0);
}

/* ---- turns ---- */

struct busy {
    thrum_queue *there;
    thrum_queue *back;
    bool stop;
    unsigned rounds;
};

/* Never has to wait. */
static void *put_and_get(void *arg)
{
    struct busy *busy = arg;
    void *item = NULL;

    while (!busy->stop) {
        CHECK_INT(thrum_queue_put(busy->there, busy, THRUM_FOREVER), 0);
        CHECK_INT(thrum_queue_get(busy->there, THRUM_FOREVER, &item), 0);
        busy->rounds++;
    }
    return NULL;
}

static void *select_ready(void *arg)
{
    struct busy *busy = arg;

    while (!busy->stop) {
        thrum_select_case cases[] = {thrum_select_put(busy->there, busy),
                                     thrum_select_timer(THRUM_NOW)};

        CHECK(thrum_select(cases, 2, THRUM_FOREVER) >= 0);
        busy->rounds++;
    }
    return NULL;
}

static void *stop_it(void *arg)
{
    struct busy *busy = arg;

    busy->stop = true;
    return NULL;
}

TEST(who_never_waits_starves_nobody)
{
    thrum_fn *const fns[] = {put_and_get, select_ready};

    for (size_t i = 0; i < 2; i++) {
        struct busy busy = {.there = make(THRUM_QUEUE_FIFO, 0)};
        thrum_future *works = spawn(fns[i], &busy);
        thrum_future *stops = spawn(stop_it, &busy);

        join(works);
        join(stops);
        assert_true(busy.rounds > 0);
        thrum_queue_free(busy.there);
    }
}

static void *send_there(void *arg)
{
    struct busy *busy = arg;
    void *item = NULL;

    for (intptr_t i = 0; i < 1000; i++) {
        CHECK_INT(thrum_queue_put(busy->there, (void *)i, THRUM_FOREVER), 0);
        CHECK_INT(thrum_queue_get(busy->back, THRUM_FOREVER, &item), 0);
        CHECK_INT((intptr_t)item, i);
    }
    thrum_queue_close(busy->there);
    return NULL;
}

static void *send_back(void *arg)
{
    struct busy *busy = arg;
    void *item = NULL;

    while (thrum_queue_get(busy->there, THRUM_FOREVER, &item) == 0)
        CHECK_INT(thrum_queue_put(busy->back, item, THRUM_FOREVER), 0);
    return NULL;
}

TEST(items_go_there_and_back_through_any_queue)
{
    for (int kind = THRUM_QUEUE_FIFO; kind < 4; kind++) {
        thrum_queue_kind queue_kind = kind == THRUM_QUEUE_PRIORITY
                                          ? THRUM_QUEUE_FIFO
                                          : (thrum_queue_kind)kind;
        struct busy busy = {.there = make(queue_kind, 0),
                            .back = make(queue_kind, 0)};
        struct test_thread *thread;
        thrum_future *a, *b;

        a = spawn(send_there, &busy); /* greenlets of one thread */
        b = spawn(send_back, &busy);
        join(a);
        join(b);
        thrum_queue_free(busy.there);
        busy.there = make(queue_kind, 0);
        thread = spawn_thread(send_there, &busy); /* a thread and a greenlet */
        join(spawn(send_back, &busy));
        join_thread(thread);
        thrum_queue_free(busy.there);
        thrum_queue_free(busy.back);
    }
}

/* ---- a queue of futures, between a hub, a thread and a pool ---- */

struct bridge {
    thrum_queue *results; /* futures that have settled */
    thrum_queue *orders;  /* numbers to be doubled by a greenlet */
    thrum_executor *pool;
};

static void *twice(void *arg)
{
    return (void *)((intptr_t)arg * 2);
}

static void post(thrum_future *done, void *queue)
{
    CHECK_INT(thrum_queue_put(queue, thrum_future_ref(done), THRUM_NOW), 0);
}

/* In a greenlet: what is ordered goes to the pool; who is done comes back. */
static void *broker(void *arg)
{
    struct bridge *bridge = arg;
    void *number = NULL;

    while (thrum_queue_get(bridge->orders, THRUM_FOREVER, &number) == 0) {
        thrum_future *future = NULL;

        CHECK_INT(
            thrum_executor_submit(bridge->pool, twice, number, 0, &future), 0);
        CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
        CHECK_INT(thrum_future_add_done_callback(future, post, bridge->results),
                  0);
        thrum_future_unref(future);
    }
    thrum_queue_close(bridge->results);
    return NULL;
}

/* In a thread: orders, and waits for the greenlet and for all results. */
struct customer {
    struct bridge *bridge;
    thrum_future *broker;
    intptr_t sum;
};

static void *order(void *arg)
{
    struct customer *customer = arg;
    struct bridge *bridge = customer->bridge;
    void *future = NULL, *result = NULL;

    for (intptr_t i = 1; i <= 100; i++)
        CHECK_INT(thrum_queue_put(bridge->orders, (void *)i, THRUM_FOREVER), 0);
    thrum_queue_close(bridge->orders);
    CHECK_INT(thrum_future_result(customer->broker, THRUM_FOREVER, NULL), 0);
    while (thrum_queue_get(bridge->results, THRUM_FOREVER, &future) == 0) {
        CHECK_INT(thrum_future_result(future, THRUM_NOW, &result), 0);
        customer->sum += (intptr_t)result;
        thrum_future_unref(future);
    }
    return NULL;
}

TEST(a_greenlet_a_thread_and_a_pool_share_one_queue)
{
    struct bridge bridge = {make(THRUM_QUEUE_FIFO, 0),
                            make(THRUM_QUEUE_FIFO, 3), NULL};
    struct customer customer = {&bridge, NULL, 0};
    struct test_thread *thread;

    assert_int_equal(thrum_thread_pool_new(NULL, &bridge.pool), 0);
    customer.broker = spawn(broker, &bridge);
    thread = spawn_thread(order, &customer);
    join(thrum_future_ref(customer.broker));
    join_thread(thread);
    assert_int_equal(customer.sum, 100 * 101);
    thrum_future_unref(customer.broker);
    assert_int_equal(
        thrum_executor_shutdown(bridge.pool, THRUM_WAIT, THRUM_FOREVER), 0);
    thrum_executor_unref(bridge.pool);
    thrum_queue_free(bridge.orders);
    thrum_queue_free(bridge.results);
}

TEST_MAIN("queue-green")
