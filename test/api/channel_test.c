/* SPDX-License-Identifier: MIT */
/*
 * test/api/channel_test.c - a queue that holds nothing: a put and a get meet.
 */
#include <errno.h>

#include "actors.h"

static int cells[8];

static thrum_queue *make(void)
{
    thrum_queue_options options = THRUM_QUEUE_OPTIONS;
    thrum_queue *queue = NULL;

    options.kind = THRUM_QUEUE_CHANNEL;
    assert_int_equal(thrum_queue_new(&options, &queue), 0);
    return queue;
}

struct call {
    struct actor actor;
    thrum_queue *queue;
    void *item;
    int rc;
};

static void *call_put(void *arg)
{
    struct call *call = arg;

    call->rc = thrum_queue_put(call->queue, call->item, THRUM_FOREVER);
    return NULL;
}

static void *call_get(void *arg)
{
    struct call *call = arg;

    call->rc = thrum_queue_get(call->queue, THRUM_FOREVER, &call->item);
    return NULL;
}

static void call_start(struct call *call, struct cast *cast,
                       void *(*fn)(void *), thrum_queue *queue, void *item)
{
    call->queue = queue;
    call->item = item;
    call->rc = 1;
    actor_start(&call->actor, cast, fn, call);
    actor_await_sleep(&call->actor);
}

static int call_end(struct call *call)
{
    actor_join(&call->actor);
    return call->rc;
}

TEST(S15_a_put_without_a_getter_finds_it_full)
{
    thrum_queue *queue = make();
    void *item = NULL;

    assert_int_equal(thrum_queue_put(queue, cells, THRUM_NOW), -ETIMEDOUT);
    assert_int_equal(thrum_queue_put(queue, cells, thrum_in_ms(1)), -ETIMEDOUT);
    assert_int_equal(thrum_queue_get(queue, THRUM_NOW, &item), -ETIMEDOUT);
    assert_int_equal(thrum_queue_get(queue, thrum_in_ms(1), &item), -ETIMEDOUT);
    assert_int_equal(thrum_queue_peek(queue, THRUM_NOW, &item), -ENOTSUP);
    assert_int_equal(thrum_queue_len(queue), 0);
    thrum_queue_free(queue);
}

TEST(S15_getters_of_a_channel_are_served_in_order)
{
    for_each_cast(cast)
    {
        thrum_queue *queue = make();
        struct call calls[4];

        for (int i = 0; i < 4; i++)
            call_start(&calls[i], &cast, call_get, queue, NULL);
        for (int i = 0; i < 4; i++)
            assert_int_equal(thrum_queue_put(queue, &cells[i], THRUM_NOW), 0);
        assert_int_equal(thrum_queue_put(queue, cells, THRUM_NOW), -ETIMEDOUT);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(call_end(&calls[i]), 0);
            assert_ptr_equal(calls[i].item, &cells[i]);
        }
        thrum_queue_free(queue);
    }
}

TEST(S15_putters_of_a_channel_are_served_in_order)
{
    for_each_cast(cast)
    {
        thrum_queue *queue = make();
        struct call calls[4];
        void *item = NULL;

        for (int i = 0; i < 4; i++)
            call_start(&calls[i], &cast, call_put, queue, &cells[i]);
        assert_int_equal(thrum_queue_len(queue), 0);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(thrum_queue_get(queue, THRUM_NOW, &item), 0);
            assert_ptr_equal(item, &cells[i]);
            assert_int_equal(call_end(&calls[i]), 0);
        }
        assert_int_equal(thrum_queue_get(queue, THRUM_NOW, &item), -ETIMEDOUT);
        thrum_queue_free(queue);
    }
}

TEST(an_item_that_was_not_got_stays_with_its_putter)
{
    for_each_cast(cast)
    {
        thrum_queue *queue = make();
        struct call put, get;

        call_start(&put, &cast, call_put, queue, &cells[1]);
        thrum_queue_close(queue);
        assert_int_equal(call_end(&put), THRUM_ECLOSED);
        call_start(&get, &cast, call_get, queue, NULL);
        assert_int_equal(call_end(&get), THRUM_ECLOSED);
        thrum_queue_free(queue);
    }
}

TEST(a_channel_can_be_joined)
{
    for_each_cast(cast)
    {
        thrum_queue *queue = make();
        struct call put;
        void *item = NULL;

        call_start(&put, &cast, call_put, queue, &cells[1]);
        assert_int_equal(thrum_queue_join(queue, THRUM_NOW), 0);
        assert_int_equal(thrum_queue_get(queue, THRUM_NOW, &item), 0);
        assert_int_equal(call_end(&put), 0);
        assert_int_equal(thrum_queue_join(queue, THRUM_NOW), -ETIMEDOUT);
        assert_int_equal(thrum_queue_task_done(queue), 0);
        assert_int_equal(thrum_queue_join(queue, THRUM_NOW), 0);
        thrum_queue_free(queue);
    }
}

TEST_MAIN("channel")
