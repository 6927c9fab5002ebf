/* SPDX-License-Identifier: MIT */
/*
 * test/api/item_queue_test.c - queues: order, limits, waiting, closing, joining.
 * Those of a pool's tasks are in queue_test.c, channels in channel_test.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "actors.h"

static int cells[64]; /* items are their addresses */

static thrum_queue *make(thrum_queue_kind kind, size_t limit)
{
    thrum_queue_options options = THRUM_QUEUE_OPTIONS;
    thrum_queue *queue = NULL;

    options.kind = kind;
    options.limit = limit;
    assert_int_equal(thrum_queue_new(&options, &queue), 0);
    return queue;
}

static void put(thrum_queue *queue, int cell)
{
    assert_int_equal(thrum_queue_put(queue, &cells[cell], THRUM_NOW), 0);
}

/* The index of what is got at once, or the code. */
static int got(thrum_queue *queue)
{
    void *item = NULL;
    int rc = thrum_queue_get(queue, THRUM_NOW, &item);

    return rc == 0 ? (int)((int *)item - cells) : rc;
}

/* ---- making ---- */

static int64_t by_value(const void *item, void *arg)
{
    (void)arg;
    return *(const int *)item;
}

TEST(options_are_checked)
{
    thrum_queue_options options = THRUM_QUEUE_OPTIONS;
    thrum_queue *queue = NULL;

    options.size--;
    assert_int_equal(thrum_queue_new(&options, &queue), -EINVAL);
    options.size++;
    options.kind = (thrum_queue_kind)4;
    assert_int_equal(thrum_queue_new(&options, &queue), -EINVAL);
    options.kind = THRUM_QUEUE_PRIORITY;
    assert_int_equal(thrum_queue_new(&options, &queue), -EINVAL);
    options.kind = THRUM_QUEUE_CHANNEL;
    options.limit = 1;
    assert_int_equal(thrum_queue_new(&options, &queue), -EINVAL);
    assert_null(queue);
}

TEST(a_queue_may_be_null_when_it_is_freed)
{
    THRUM_AUTO(thrum_queue) none = NULL;

    thrum_queue_free(none);
}

/* ---- order ---- */

TEST(the_oldest_is_got_first)
{
    thrum_queue *queue = NULL;

    assert_int_equal(thrum_queue_new(NULL, &queue), 0);
    for (int i = 0; i < 40; i++) {
        put(queue, i);
        assert_int_equal(thrum_queue_len(queue), i + 1);
    }
    for (int i = 0; i < 40; i++)
        assert_int_equal(got(queue), i);
    assert_int_equal(got(queue), -ETIMEDOUT);
    thrum_queue_free(queue);
}

TEST(the_newest_is_got_first_of_a_lifo)
{
    thrum_queue *queue = make(THRUM_QUEUE_LIFO, 0);

    for (int i = 0; i < 40; i++)
        put(queue, i);
    for (int i = 39; i >= 0; i--)
        assert_int_equal(got(queue), i);
    thrum_queue_free(queue);
}

static thrum_queue *make_priority(size_t limit)
{
    thrum_queue_options options = THRUM_QUEUE_OPTIONS;
    thrum_queue *queue = NULL;

    options.kind = THRUM_QUEUE_PRIORITY;
    options.priority = by_value;
    options.limit = limit;
    assert_int_equal(thrum_queue_new(&options, &queue), 0);
    return queue;
}

TEST(the_lowest_priority_is_got_first_and_equals_as_they_came)
{
    thrum_queue *queue = make_priority(0);
    int before = -1;

    for (int i = 0; i < 64; i++)
        cells[i] = (i * 37) % 8;
    for (int i = 0; i < 64; i++)
        put(queue, i);
    for (int i = 0; i < 64; i++) {
        int index = got(queue);

        assert_in_range(index, 0, 63);
        if (before >= 0) {
            assert_true(cells[before] <= cells[index]);
            if (cells[before] == cells[index])
                assert_true(before < index);
        }
        before = index;
    }
    thrum_queue_free(queue);
}

static void come_and_go(thrum_queue *queue, bool in_order)
{
    size_t in = 0, out = 0;

    for (size_t round = 0; round < 1000; round++) {
        for (size_t i = round % 7; i > 0; i--, in++)
            put(queue, (int)(in % 64));
        for (size_t i = round % 5; i > 0 && out < in; i--, out++) {
            int index = got(queue);

            assert_in_range(index, 0, 63);
            assert_true(!in_order || index == (int)(out % 64));
        }
        assert_int_equal(thrum_queue_len(queue), in - out);
    }
}

TEST(items_come_and_go_in_any_rhythm)
{
    thrum_queue *fifo = make(THRUM_QUEUE_FIFO, 0);
    thrum_queue *lifo = make(THRUM_QUEUE_LIFO, 0);

    come_and_go(fifo, true);
    come_and_go(lifo, false);
    thrum_queue_free(fifo);
    thrum_queue_free(lifo);
}

TEST(null_is_an_item)
{
    thrum_queue *queue = make(THRUM_QUEUE_FIFO, 0);
    void *item = cells;

    assert_int_equal(thrum_queue_put(queue, NULL, THRUM_NOW), 0);
    assert_int_equal(thrum_queue_get(queue, THRUM_NOW, &item), 0);
    assert_null(item);
    thrum_queue_free(queue);
}

/* ---- limits, looking, what is left ---- */

TEST(S15_without_a_limit_it_is_unbounded)
{
    thrum_queue *queue = make(THRUM_QUEUE_FIFO, 0);

    for (int i = 0; i < 100000; i++)
        put(queue, i % 64);
    assert_int_equal(thrum_queue_len(queue), 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(got(queue), i % 64);
    thrum_queue_free(queue);
}

TEST(a_full_one_takes_no_more)
{
    thrum_queue *queue = make(THRUM_QUEUE_FIFO, 2);

    put(queue, 0);
    put(queue, 1);
    assert_int_equal(thrum_queue_put(queue, &cells[2], THRUM_NOW), -ETIMEDOUT);
    assert_int_equal(thrum_queue_put(queue, &cells[2], thrum_in_ms(1)),
                     -ETIMEDOUT);
    assert_int_equal(thrum_queue_len(queue), 2);
    assert_int_equal(got(queue), 0);
    put(queue, 2);
    assert_int_equal(got(queue), 1);
    assert_int_equal(got(queue), 2);
    thrum_queue_free(queue);
}

TEST(a_wait_ends_at_its_deadline)
{
    thrum_queue *queue = make(THRUM_QUEUE_FIFO, 0);
    void *item = cells;

    assert_int_equal(thrum_queue_get(queue, thrum_in_ms(1), &item), -ETIMEDOUT);
    assert_int_equal(thrum_queue_peek(queue, thrum_in_ms(1), &item),
                     -ETIMEDOUT);
    assert_ptr_equal(item, cells);
    put(queue, 3); /* nobody is there to whom it would go */
    assert_int_equal(thrum_queue_join(queue, thrum_in_ms(1)), -ETIMEDOUT);
    assert_int_equal(got(queue), 3);
    thrum_queue_free(queue);
}

TEST(peek_leaves_the_item)
{
    thrum_queue *fifo = make(THRUM_QUEUE_FIFO, 0);
    thrum_queue *lifo = make(THRUM_QUEUE_LIFO, 0);
    thrum_queue *lowest = make_priority(0);
    void *item = NULL;

    for (int i = 0; i < 3; i++) {
        cells[i] = (i + 1) % 3; /* 1 2 0 */
        put(fifo, i);
        put(lifo, i);
        put(lowest, i);
    }
    assert_int_equal(thrum_queue_peek(fifo, THRUM_NOW, &item), 0);
    assert_ptr_equal(item, &cells[0]);
    assert_int_equal(thrum_queue_peek(lifo, THRUM_FOREVER, &item), 0);
    assert_ptr_equal(item, &cells[2]);
    assert_int_equal(thrum_queue_peek(lowest, THRUM_NOW, &item), 0);
    assert_ptr_equal(item, &cells[2]);
    assert_int_equal(thrum_queue_len(fifo), 3);
    assert_int_equal(got(fifo), 0);
    thrum_queue_free(fifo);
    thrum_queue_free(lifo);
    thrum_queue_free(lowest);
}

TEST(what_is_left_is_freed_by_free_item)
{
    thrum_queue_options options = THRUM_QUEUE_OPTIONS;
    thrum_queue *queue = NULL;

    options.free_item = free;
    assert_int_equal(thrum_queue_new(&options, &queue), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(thrum_queue_put(queue, malloc(8), THRUM_NOW), 0);
    thrum_queue_close(queue);
    thrum_queue_free(queue);
}

TEST(without_memory_the_item_stays_with_the_caller)
{
    FOR_EACH_FAILURE(n)
    {
        thrum_queue *queue = NULL;
        int rc = thrum_queue_new(NULL, &queue);

        if (rc != 0) {
            assert_int_equal(rc, -ENOMEM);
            continue;
        }
        for (int i = 0; i < 40; i++) {
            rc = thrum_queue_put(queue, &cells[i], THRUM_NOW);
            if (rc == -ENOMEM)
                rc = thrum_queue_put(queue, &cells[i], THRUM_NOW);
            assert_int_equal(rc, 0);
        }
        for (int i = 0; i < 40; i++)
            assert_int_equal(got(queue), i);
        thrum_queue_free(queue);
    }
}

/* ---- closing ---- */

TEST(a_closed_one_gives_what_is_left)
{
    thrum_queue *queue = make(THRUM_QUEUE_FIFO, 2);
    void *item = NULL;

    put(queue, 0);
    put(queue, 1);
    assert_false(thrum_queue_closed(queue));
    thrum_queue_close(queue);
    thrum_queue_close(queue);
    assert_true(thrum_queue_closed(queue));
    assert_int_equal(thrum_queue_put(queue, &cells[2], THRUM_FOREVER),
                     THRUM_ECLOSED);
    assert_int_equal(thrum_queue_peek(queue, THRUM_FOREVER, &item), 0);
    assert_int_equal(got(queue), 0);
    assert_int_equal(got(queue), 1);
    assert_int_equal(got(queue), THRUM_ECLOSED);
    assert_int_equal(thrum_queue_peek(queue, THRUM_FOREVER, &item),
                     THRUM_ECLOSED);
    assert_int_equal(thrum_queue_get(queue, THRUM_FOREVER, &item),
                     THRUM_ECLOSED);
    thrum_queue_free(queue);
}

/* ---- those who wait ---- */

/* One call, made by an actor. */
struct call {
    struct actor actor;
    thrum_queue *queue;
    thrum_time deadline;
    void *item;
    int rc;
    atomic_uint *order; /* counts those who are done */
    unsigned place;
};

static void call_ends(struct call *call, int rc)
{
    call->rc = rc;
    if (call->order != NULL)
        call->place = atomic_fetch_add(call->order, 1);
}

static void *call_put(void *arg)
{
    struct call *call = arg;

    call_ends(call, thrum_queue_put(call->queue, call->item, call->deadline));
    return NULL;
}

static void *call_get(void *arg)
{
    struct call *call = arg;

    call_ends(call, thrum_queue_get(call->queue, call->deadline, &call->item));
    return NULL;
}

static void *call_peek(void *arg)
{
    struct call *call = arg;

    call_ends(call, thrum_queue_peek(call->queue, call->deadline, &call->item));
    return NULL;
}

static void *call_join(void *arg)
{
    struct call *call = arg;

    call_ends(call, thrum_queue_join(call->queue, call->deadline));
    return NULL;
}

/* Starts it, and lets it get to where it waits. */
static void call_start(struct call *call, struct cast *cast,
                       void *(*fn)(void *), thrum_queue *queue, void *item)
{
    *call = (struct call){
        .queue = queue, .deadline = THRUM_FOREVER, .item = item, .rc = 1};
    actor_start(&call->actor, cast, fn, call);
    actor_await_sleep(&call->actor);
}

static int call_end(struct call *call)
{
    actor_join(&call->actor);
    return call->rc;
}

TEST(S15_those_who_wait_to_get_are_served_in_order)
{
    for_each_cast(cast)
    {
        thrum_queue *queue = make(THRUM_QUEUE_FIFO, 0);
        struct call calls[4];

        for (int i = 0; i < 4; i++)
            call_start(&calls[i], &cast, call_get, queue, NULL);
        for (int i = 0; i < 4; i++)
            put(queue, i);
        assert_int_equal(thrum_queue_len(queue), 0);
        assert_int_equal(got(queue), -ETIMEDOUT);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(call_end(&calls[i]), 0);
            assert_ptr_equal(calls[i].item, &cells[i]);
        }
        thrum_queue_free(queue);
    }
}

TEST(S15_those_who_wait_to_put_are_served_in_order)
{
    for_each_cast(cast)
    {
        thrum_queue *queue = make(THRUM_QUEUE_FIFO, 1);
        struct call calls[4];

        put(queue, 0);
        for (int i = 0; i < 4; i++)
            call_start(&calls[i], &cast, call_put, queue, &cells[i + 1]);
        for (int i = 0; i < 5; i++) {
            /* room that is made is given away at once */
            assert_int_equal(thrum_queue_put(queue, NULL, THRUM_NOW),
                             -ETIMEDOUT);
            assert_int_equal(got(queue), i);
        }
        for (int i = 0; i < 4; i++)
            assert_int_equal(call_end(&calls[i]), 0);
        thrum_queue_free(queue);
    }
}

TEST(an_item_that_waits_to_be_put_is_in_no_order_yet)
{
    for_each_cast(cast)
    {
        thrum_queue *queue = make_priority(2);
        struct call call;

        cells[0] = 5;
        cells[1] = 3;
        cells[2] = 1;
        put(queue, 0);
        put(queue, 1);
        call_start(&call, &cast, call_put, queue, &cells[2]);
        assert_int_equal(got(queue), 1); /* not the one that waits */
        assert_int_equal(got(queue), 2); /* which has its place now */
        assert_int_equal(got(queue), 0);
        assert_int_equal(call_end(&call), 0);
        thrum_queue_free(queue);
    }
}

TEST(those_who_look_see_it_and_who_gets_takes_it)
{
    for_each_cast(cast)
    {
        thrum_queue *queue = make(THRUM_QUEUE_FIFO, 0);
        struct call look[3], get;

        call_start(&look[0], &cast, call_peek, queue, NULL);
        call_start(&look[1], &cast, call_peek, queue, NULL);
        call_start(&get, &cast, call_get, queue, NULL);
        call_start(&look[2], &cast, call_peek, queue, NULL);
        put(queue, 5);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(call_end(&look[i]), 0);
            assert_ptr_equal(look[i].item, &cells[5]);
        }
        assert_int_equal(call_end(&get), 0);
        assert_ptr_equal(get.item, &cells[5]);
        put(queue, 6);
        assert_int_equal(call_end(&look[2]), 0);
        assert_ptr_equal(look[2].item, &cells[6]);
        assert_int_equal(got(queue), 6);
        thrum_queue_free(queue);
    }
}

TEST(close_tells_those_who_wait)
{
    for_each_cast(cast)
    {
        thrum_queue *empty = make(THRUM_QUEUE_FIFO, 0);
        thrum_queue *full = make(THRUM_QUEUE_FIFO, 1);
        struct call get, look, putters[2];

        put(full, 0);
        call_start(&get, &cast, call_get, empty, NULL);
        call_start(&look, &cast, call_peek, empty, NULL);
        for (int i = 0; i < 2; i++)
            call_start(&putters[i], &cast, call_put, full, &cells[i + 1]);
        thrum_queue_close(empty);
        thrum_queue_close(full);
        assert_int_equal(call_end(&get), THRUM_ECLOSED);
        assert_int_equal(call_end(&look), THRUM_ECLOSED);
        for (int i = 0; i < 2; i++)
            assert_int_equal(call_end(&putters[i]), THRUM_ECLOSED);
        assert_int_equal(got(full), 0);
        assert_int_equal(got(full), THRUM_ECLOSED);
        thrum_queue_free(empty);
        thrum_queue_free(full);
    }
}

/* ---- joining ---- */

TEST(S15_task_done_too_often_is_an_error)
{
    thrum_queue *queue = make(THRUM_QUEUE_FIFO, 0);

    assert_int_equal(thrum_queue_task_done(queue), -EINVAL);
    put(queue, 0);
    put(queue, 1);
    assert_int_equal(thrum_queue_task_done(queue), 0);
    assert_int_equal(thrum_queue_task_done(queue), 0);
    assert_int_equal(thrum_queue_task_done(queue), -EINVAL);
    assert_int_equal(got(queue), 0); /* it counts calls, not items */
    thrum_queue_free(queue);
}

TEST(join_ends_when_all_is_done)
{
    for_each_cast(cast)
    {
        thrum_queue *queue = make(THRUM_QUEUE_FIFO, 0);
        struct call joins[2];

        assert_int_equal(thrum_queue_join(queue, THRUM_FOREVER), 0);
        put(queue, 0);
        put(queue, 1);
        for (int i = 0; i < 2; i++)
            call_start(&joins[i], &cast, call_join, queue, NULL);
        assert_int_equal(got(queue), 0);
        assert_int_equal(got(queue), 1);
        assert_int_equal(thrum_queue_task_done(queue), 0);
        assert_int_equal(thrum_queue_join(queue, THRUM_NOW), -ETIMEDOUT);
        assert_int_equal(thrum_queue_task_done(queue), 0);
        for (int i = 0; i < 2; i++)
            assert_int_equal(call_end(&joins[i]), 0);
        assert_int_equal(thrum_queue_join(queue, THRUM_NOW), 0);
        thrum_queue_free(queue);
    }
}

TEST(an_item_that_waited_to_be_put_counts_when_it_is_in)
{
    for_each_cast(cast)
    {
        thrum_queue *queue = make(THRUM_QUEUE_FIFO, 1);
        struct call more;

        put(queue, 0);
        call_start(&more, &cast, call_put, queue, &cells[1]);
        assert_int_equal(thrum_queue_task_done(queue), 0);
        assert_int_equal(thrum_queue_join(queue, THRUM_NOW), 0);
        assert_int_equal(got(queue), 0);
        assert_int_equal(call_end(&more), 0);
        assert_int_equal(thrum_queue_join(queue, THRUM_NOW), -ETIMEDOUT);
        assert_int_equal(thrum_queue_task_done(queue), 0);
        thrum_queue_free(queue);
    }
}

/* ---- in a callback, in a child ---- */

struct tries {
    thrum_queue *queue;
    int put;
    int get;
    int wait;
};

static void try_all(thrum_future *done, void *arg)
{
    struct tries *tries = arg;
    void *item = NULL;

    tries->put = thrum_queue_put(tries->queue, done, THRUM_NOW);
    tries->get = thrum_queue_get(tries->queue, THRUM_NOW, &item);
    tries->wait = thrum_queue_get(tries->queue, THRUM_FOREVER, &item);
}

TEST(a_callback_may_try_and_must_not_wait)
{
    struct tries tries = {make(THRUM_QUEUE_FIFO, 0), 1, 1, 1};
    thrum_promise *promise = NULL;
    thrum_future *future = NULL;

    assert_int_equal(thrum_promise_new(&promise, &future), 0);
    assert_int_equal(thrum_future_add_done_callback(future, try_all, &tries),
                     0);
    assert_int_equal(thrum_promise_set_result(promise, NULL), 0);
    assert_int_equal(tries.put, 0);
    assert_int_equal(tries.get, 0);
    assert_int_equal(tries.wait, THRUM_ECONTEXT);
    put(tries.queue, 1); /* it is not listed any more */
    assert_int_equal(got(tries.queue), 1);
    thrum_promise_free(promise);
    thrum_future_unref(future);
    thrum_queue_free(tries.queue);
}

static int use_inherited(void *arg)
{
    thrum_queue *queue = arg;
    thrum_queue *own = NULL;
    void *item = NULL;

    CHECK_INT(thrum_queue_put(queue, NULL, THRUM_NOW), -ECHILD);
    CHECK_INT(thrum_queue_get(queue, THRUM_FOREVER, &item), -ECHILD);
    CHECK_INT(thrum_queue_peek(queue, THRUM_FOREVER, &item), -ECHILD);
    CHECK_INT(thrum_queue_join(queue, THRUM_FOREVER), -ECHILD);
    CHECK_INT(thrum_queue_task_done(queue), -ECHILD);
    thrum_queue_close(queue);
    CHECK(!thrum_queue_closed(queue));
    CHECK_INT((long)thrum_queue_len(queue), 1);
    thrum_queue_free(queue);
    CHECK_INT(thrum_queue_new(NULL, &own), 0);
    CHECK_INT(thrum_queue_put(own, cells, THRUM_NOW), 0);
    CHECK_INT(thrum_queue_get(own, THRUM_FOREVER, &item), 0);
    thrum_queue_free(own);
    return 0;
}

TEST(a_child_makes_its_own)
{
    thrum_queue *queue = make(THRUM_QUEUE_FIFO, 0);

    put(queue, 0);
    assert_int_equal(in_child(use_inherited, queue), 0);
    assert_int_equal(got(queue), 0);
    thrum_queue_free(queue);
}

TEST_MAIN("item-queue")
