/* SPDX-License-Identifier: MIT */
/*
 * test/api/select_test.c - waiting for the first of several things.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "actors.h"
#include "futures.h"

static int cells[16];

static thrum_queue *make(thrum_queue_kind kind, size_t limit)
{
    thrum_queue_options options = THRUM_QUEUE_OPTIONS;
    thrum_queue *queue = NULL;

    options.kind = kind;
    options.limit = limit;
    assert_int_equal(thrum_queue_new(&options, &queue), 0);
    return queue;
}

#define SELECT(cases, deadline) \
 thrum_select(cases, sizeof(cases) / sizeof((cases)[0]), deadline)

/* ---- one look ---- */

TEST(with_now_it_only_looks)
{
    struct deal deal = deal_new();
    thrum_queue *empty = make(THRUM_QUEUE_FIFO, 0);
    thrum_queue *channel = make(THRUM_QUEUE_CHANNEL, 0);
    thrum_select_case cases[] = {
        thrum_select_never(),
        thrum_select_get(empty),
        thrum_select_put(channel, cells),
        thrum_select_get(channel),
        thrum_select_future(deal.future),
        thrum_select_timer(thrum_in_s(1000)),
    };

    assert_int_equal(SELECT(cases, THRUM_NOW), -ETIMEDOUT);
    assert_int_equal(SELECT(cases, thrum_in_ms(1)), -ETIMEDOUT);
    assert_int_equal(thrum_queue_put(channel, cells, THRUM_NOW), -ETIMEDOUT);
    assert_int_equal(thrum_queue_put(empty, cells, THRUM_NOW), 0);
    assert_int_equal(SELECT(cases, THRUM_NOW), 1);
    assert_int_equal(cases[1].rc, 0);
    assert_ptr_equal(cases[1].item, cells);
    assert_int_equal(thrum_queue_len(empty), 0);
    deal_end(&deal);
    thrum_queue_free(empty);
    thrum_queue_free(channel);
}

TEST(without_cases_it_waits_for_its_deadline)
{
    assert_int_equal(thrum_select(NULL, 0, THRUM_NOW), -ETIMEDOUT);
    assert_int_equal(thrum_select(NULL, 0, thrum_in_ms(1)), -ETIMEDOUT);
}

TEST(what_cannot_be_is_refused)
{
    thrum_select_case cases[] = {thrum_select_never()};

    cases[0].kind = (thrum_select_kind)-1;
    assert_int_equal(SELECT(cases, THRUM_NOW), -EINVAL);
    cases[0] = thrum_select_never();
    assert_int_equal(thrum_select(cases, (size_t)-1, THRUM_NOW), -EINVAL);
}

TEST(one_case_is_done_and_no_other)
{
    thrum_queue *in = make(THRUM_QUEUE_FIFO, 0);
    thrum_queue *out = make(THRUM_QUEUE_FIFO, 1);
    unsigned gets = 0, puts = 0;

    for (unsigned i = 0; i < 100; i++) {
        thrum_select_case cases[] = {
            thrum_select_get(in),
            thrum_select_put(out, &cells[1]),
        };
        void *item = NULL;
        int index;

        if (thrum_queue_len(in) == 0)
            assert_int_equal(thrum_queue_put(in, &cells[0], THRUM_NOW), 0);
        index = SELECT(cases, THRUM_FOREVER);
        assert_in_range(index, 0, 1);
        assert_int_equal(cases[index].rc, 0);
        assert_int_equal(thrum_queue_len(in), index == 0 ? 0 : 1);
        assert_int_equal(thrum_queue_len(out), index == 0 ? 0 : 1);
        if (index == 1)
            assert_int_equal(thrum_queue_get(out, THRUM_NOW, &item), 0);
        gets += index == 0;
        puts += index == 1;
    }
    assert_in_range(gets, 40, 60); /* each has its turn */
    assert_in_range(puts, 40, 60);
    thrum_queue_free(in);
    thrum_queue_free(out);
}

TEST(each_that_is_ready_has_its_turn)
{
    thrum_future *ready = future_with(NULL);
    thrum_select_case cases[12];
    unsigned counts[12] = {0};

    for (unsigned i = 0; i < 12; i++)
        cases[i] = i % 2 ? thrum_select_future(ready)
                         : thrum_select_timer(thrum_now());
    for (unsigned i = 0; i < 1200; i++) {
        assert_int_equal(thrum_select(cases, 2, THRUM_NOW) < 0, false);
        counts[SELECT(cases, THRUM_FOREVER)]++; /* others in between */
    }
    for (unsigned i = 0; i < 12; i++)
        assert_in_range(counts[i], 80, 120);
    thrum_future_unref(ready);
}

TEST(a_closed_queue_is_ready)
{
    thrum_queue *queue = make(THRUM_QUEUE_FIFO, 1);
    thrum_select_case gets[] = {thrum_select_never(), thrum_select_get(queue)};
    thrum_select_case puts[] = {thrum_select_put(queue, &cells[1])};

    assert_int_equal(thrum_queue_put(queue, &cells[0], THRUM_NOW), 0);
    thrum_queue_close(queue);
    assert_int_equal(SELECT(puts, THRUM_FOREVER), 0);
    assert_int_equal(puts[0].rc, THRUM_ECLOSED);
    assert_int_equal(SELECT(gets, THRUM_FOREVER), 1);
    assert_int_equal(gets[1].rc, 0);
    assert_ptr_equal(gets[1].item, &cells[0]);
    assert_int_equal(SELECT(gets, THRUM_FOREVER), 1);
    assert_int_equal(gets[1].rc, THRUM_ECLOSED);
    thrum_queue_free(queue);
}

TEST(the_first_timer_ends_it)
{
    thrum_queue *queue = make(THRUM_QUEUE_FIFO, 0);
    thrum_select_case cases[] = {
        thrum_select_get(queue),
        thrum_select_timer(thrum_in_s(1000)),
        thrum_select_timer(thrum_in_ms(2)),
        thrum_select_timer(THRUM_FOREVER),
    };

    assert_int_equal(SELECT(cases, THRUM_FOREVER), 2);
    assert_int_equal(cases[2].rc, 0);
    cases[2] = thrum_select_never();
    assert_int_equal(SELECT(cases, thrum_in_ms(1)), -ETIMEDOUT);
    thrum_queue_free(queue);
}

TEST(without_memory_nothing_is_done)
{
    thrum_queue *queue = make(THRUM_QUEUE_FIFO, 0);
    thrum_select_case cases[20];
    void *item = NULL;

    for (unsigned i = 0; i < 20; i++)
        cases[i] = thrum_select_put(queue, &cells[i % 16]);
    FOR_EACH_FAILURE(n)
    {
        int index = SELECT(cases, THRUM_FOREVER);

        if (index == -ENOMEM || cases[index].rc == -ENOMEM) {
            assert_int_equal(thrum_queue_len(queue), 0);
            continue;
        }
        assert_int_equal(cases[index].rc, 0);
        assert_int_equal(thrum_queue_get(queue, THRUM_NOW, &item), 0);
        assert_ptr_equal(item, &cells[index % 16]);
    }
    thrum_queue_free(queue);
}

/* ---- waits ---- */

/* A select made by an actor. */
struct waiting {
    struct actor actor;
    thrum_select_case *cases;
    size_t n;
    thrum_time deadline;
    int index;
};

static void *waiting_run(void *arg)
{
    struct waiting *waiting = arg;

    waiting->index =
        thrum_select(waiting->cases, waiting->n, waiting->deadline);
    return NULL;
}

static void waiting_start(struct waiting *waiting, struct cast *cast,
                          thrum_select_case *cases, size_t n)
{
    *waiting = (struct waiting){.cases = cases, .n = n, .index = -1};
    waiting->deadline = THRUM_FOREVER;
    actor_start(&waiting->actor, cast, waiting_run, waiting);
    actor_await_sleep(&waiting->actor);
}

static int waiting_end(struct waiting *waiting)
{
    actor_join(&waiting->actor);
    return waiting->index;
}

TEST(an_item_that_comes_ends_it)
{
    for_each_cast(cast)
    {
        thrum_queue *first = make(THRUM_QUEUE_FIFO, 0);
        thrum_queue *second = make(THRUM_QUEUE_CHANNEL, 0);
        thrum_select_case cases[] = {thrum_select_get(second),
                                     thrum_select_get(first)};
        struct waiting waiting;

        waiting_start(&waiting, &cast, cases, 2);
        assert_int_equal(thrum_queue_put(first, &cells[3], THRUM_NOW), 0);
        assert_int_equal(thrum_queue_len(first), 0);
        /* whoever comes second is not served by it */
        assert_int_equal(thrum_queue_put(second, &cells[4], THRUM_NOW),
                         -ETIMEDOUT);
        assert_int_equal(waiting_end(&waiting), 1);
        assert_int_equal(cases[1].rc, 0);
        assert_ptr_equal(cases[1].item, &cells[3]);
        thrum_queue_free(first);
        thrum_queue_free(second);
    }
}

TEST(room_that_comes_ends_it)
{
    for_each_cast(cast)
    {
        thrum_queue *full = make(THRUM_QUEUE_FIFO, 1);
        thrum_queue *channel = make(THRUM_QUEUE_CHANNEL, 0);
        thrum_select_case cases[] = {thrum_select_put(full, &cells[1]),
                                     thrum_select_put(channel, &cells[2])};
        struct waiting waiting;
        void *item = NULL;

        assert_int_equal(thrum_queue_put(full, &cells[0], THRUM_NOW), 0);
        waiting_start(&waiting, &cast, cases, 2);
        assert_int_equal(thrum_queue_get(full, THRUM_NOW, &item), 0);
        assert_ptr_equal(item, &cells[0]);
        assert_int_equal(thrum_queue_get(channel, THRUM_NOW, &item),
                         -ETIMEDOUT);
        assert_int_equal(waiting_end(&waiting), 0);
        assert_int_equal(thrum_queue_get(full, THRUM_NOW, &item), 0);
        assert_ptr_equal(item, &cells[1]);
        thrum_queue_free(full);
        thrum_queue_free(channel);
    }
}

TEST(a_future_that_settles_ends_it)
{
    for_each_cast(cast)
    {
        struct deal one = deal_new(), two = deal_new();
        thrum_queue *queue = make(THRUM_QUEUE_FIFO, 0);
        thrum_select_case cases[] = {
            thrum_select_get(queue), thrum_select_future(one.future),
            thrum_select_future(two.future), thrum_select_future(two.future)};
        struct waiting waiting;

        waiting_start(&waiting, &cast, cases, 4);
        assert_int_equal(thrum_promise_set_result(two.promise, NULL), 0);
        assert_in_range(waiting_end(&waiting), 2, 3);
        assert_int_equal(thrum_queue_put(queue, cells, THRUM_NOW), 0);
        assert_int_equal(thrum_queue_len(queue), 1);
        deal_end(&one);
        deal_end(&two);
        thrum_queue_free(queue);
    }
}

TEST(an_event_that_is_set_ends_it)
{
    for_each_cast(cast)
    {
        thrum_event one = THRUM_EVENT_INIT, two = THRUM_EVENT_INIT;
        thrum_select_case cases[2][2];
        struct waiting waiting[2];

        for (int i = 0; i < 2; i++) {
            cases[i][0] = thrum_select_event(&one);
            cases[i][1] = thrum_select_event(&two);
            waiting_start(&waiting[i], &cast, cases[i], 2);
        }
        thrum_event_set(&two);
        thrum_event_clear(&two);
        for (int i = 0; i < 2; i++)
            assert_int_equal(waiting_end(&waiting[i]), 1);
        assert_int_equal(SELECT(cases[0], thrum_in_ms(1)), -ETIMEDOUT);
        thrum_event_set(&one);
        assert_int_equal(SELECT(cases[0], THRUM_FOREVER), 0);
        assert_true(thrum_event_is_set(&one));
        thrum_event_fini(&one);
        thrum_event_fini(&two);
    }
}

TEST(a_close_ends_it)
{
    for_each_cast(cast)
    {
        thrum_queue *queue = make(THRUM_QUEUE_CHANNEL, 0);
        thrum_select_case gets[] = {thrum_select_get(queue)};
        thrum_select_case puts[] = {thrum_select_never(),
                                    thrum_select_put(queue, cells)};
        struct waiting waiting;

        waiting_start(&waiting, &cast, gets, 1);
        thrum_queue_close(queue);
        assert_int_equal(waiting_end(&waiting), 0);
        assert_int_equal(gets[0].rc, THRUM_ECLOSED);
        thrum_queue_free(queue);
        queue = puts[1].on.queue = make(THRUM_QUEUE_CHANNEL, 0);
        waiting_start(&waiting, &cast, puts, 2);
        thrum_queue_close(queue);
        assert_int_equal(waiting_end(&waiting), 1);
        assert_int_equal(puts[1].rc, THRUM_ECLOSED);
        thrum_queue_free(queue);
    }
}

TEST(two_selects_meet_in_a_channel)
{
    for_each_cast(cast)
    {
        thrum_queue *channel = make(THRUM_QUEUE_CHANNEL, 0);
        thrum_queue *other = make(THRUM_QUEUE_CHANNEL, 0);
        thrum_select_case puts[] = {thrum_select_get(other),
                                    thrum_select_put(channel, &cells[7])};
        thrum_select_case gets[] = {thrum_select_get(channel),
                                    thrum_select_get(other)};
        struct waiting waiting;

        waiting_start(&waiting, &cast, puts, 2);
        assert_int_equal(SELECT(gets, THRUM_FOREVER), 0);
        assert_ptr_equal(gets[0].item, &cells[7]);
        assert_int_equal(waiting_end(&waiting), 1);
        thrum_queue_free(channel);
        thrum_queue_free(other);
    }
}

/* It puts and gets in the same channel, but does not meet itself. */
TEST(the_same_queue_may_be_there_twice)
{
    for_each_cast(cast)
    {
        thrum_queue *channel = make(THRUM_QUEUE_CHANNEL, 0);
        thrum_select_case mine[] = {thrum_select_put(channel, &cells[1]),
                                    thrum_select_get(channel),
                                    thrum_select_get(channel)};
        thrum_select_case yours[] = {thrum_select_put(channel, &cells[2]),
                                     thrum_select_get(channel)};
        struct waiting waiting;
        int index;

        assert_int_equal(SELECT(mine, THRUM_NOW), -ETIMEDOUT);
        waiting_start(&waiting, &cast, mine, 3);
        index = SELECT(yours, THRUM_FOREVER);
        assert_in_range(index, 0, 1);
        if (index == 0) {
            assert_in_range(waiting_end(&waiting), 1, 2);
            assert_ptr_equal(mine[waiting.index].item, &cells[2]);
        } else {
            assert_int_equal(waiting_end(&waiting), 0);
            assert_ptr_equal(yours[1].item, &cells[1]);
        }
        thrum_queue_free(channel);
    }
}

/* They stand in the same line as those who wait for one thing. */
TEST(S15_a_select_is_served_in_its_turn)
{
    for_each_cast(cast)
    {
        thrum_queue *queue = make(THRUM_QUEUE_FIFO, 0);
        thrum_select_case cases[3][1];
        struct waiting waiting[3];

        for (unsigned i = 0; i < 3; i++) {
            cases[i][0] = thrum_select_get(queue);
            waiting_start(&waiting[i], &cast, cases[i], 1);
        }
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(thrum_queue_put(queue, &cells[i], THRUM_NOW), 0);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(waiting_end(&waiting[i]), 0);
            assert_ptr_equal(cases[i][0].item, &cells[i]);
        }
        thrum_queue_free(queue);
    }
}

TEST(many_cases)
{
    for_each_cast(cast)
    {
        enum {
            MANY = 100
        };
        thrum_queue *queues[MANY];
        thrum_select_case cases[MANY];
        struct waiting waiting;

        for (int i = 0; i < MANY; i++) {
            queues[i] = make(THRUM_QUEUE_FIFO, 0);
            cases[MANY - 1 - i] = thrum_select_get(queues[i]);
        }
        waiting_start(&waiting, &cast, cases, MANY);
        assert_int_equal(thrum_queue_put(queues[42], cells, THRUM_NOW), 0);
        assert_int_equal(waiting_end(&waiting), MANY - 1 - 42);
        for (int i = 0; i < MANY; i++)
            thrum_queue_free(queues[i]);
    }
}

/* ---- descriptors ---- */

TEST(a_descriptor_that_is_ready)
{
    thrum_queue *queue = make(THRUM_QUEUE_FIFO, 0);
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    {
        thrum_select_case cases[] = {thrum_select_get(queue),
                                     thrum_select_fd(ends[0], POLLIN),
                                     thrum_select_fd(ends[1], POLLOUT)};

        assert_int_equal(SELECT(cases, THRUM_NOW), 2);
        assert_int_equal(cases[2].rc, POLLOUT);
        assert_int_equal(thrum_select(cases, 2, THRUM_NOW), -ETIMEDOUT);
        assert_int_equal(thrum_select(cases, 2, thrum_in_ms(1)), -ETIMEDOUT);
        assert_int_equal(write(ends[1], "x", 1), 1);
        assert_int_equal(thrum_select(cases, 2, THRUM_FOREVER), 1);
        assert_int_equal(cases[1].rc, POLLIN);
        cases[0] = thrum_select_fd(-1, POLLIN);
        assert_int_equal(thrum_select(cases, 1, THRUM_FOREVER), 0);
        assert_int_equal(cases[0].rc, -EBADF);
    }
    close(ends[0]);
    close(ends[1]);
    thrum_queue_free(queue);
    assert_int_equal(thrum_hub_close(THRUM_FOREVER), 0); /* its descriptors */
}

TEST(a_descriptor_that_becomes_ready_ends_it)
{
    for_each_cast(cast)
    {
        thrum_queue *queue = make(THRUM_QUEUE_CHANNEL, 0);
        struct waiting waiting[2];
        thrum_select_case cases[2][2];
        int ends[2];

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        for (int i = 0; i < 2; i++) {
            cases[i][0] = thrum_select_fd(ends[0], POLLIN);
            cases[i][1] = thrum_select_get(queue);
            waiting_start(&waiting[i], &cast, cases[i], 2);
        }
        /* one is served by the queue, and the other by the pipe */
        assert_int_equal(thrum_queue_put(queue, cells, THRUM_FOREVER), 0);
        assert_int_equal(waiting_end(&waiting[0]), 1);
        assert_ptr_equal(cases[0][1].item, cells);
        assert_int_equal(write(ends[1], "x", 1), 1);
        assert_int_equal(waiting_end(&waiting[1]), 0);
        assert_int_equal(cases[1][0].rc, POLLIN);
        close(ends[0]);
        close(ends[1]);
        thrum_queue_free(queue);
        assert_int_equal(thrum_hub_close(THRUM_FOREVER), 0);
    }
}

static void *write_to(void *end)
{
    CHECK_INT(write(*(int *)end, "x", 1), 1);
    return NULL;
}

TEST(without_memory_for_a_poller_the_case_says_so)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    FOR_EACH_FAILURE(n)
    {
        thrum_select_case cases[] = {thrum_select_fd(ends[0], POLLIN)};
        struct test_thread *thread = spawn_thread(write_to, &ends[1]);
        int index = SELECT(cases, THRUM_FOREVER);
        char byte;

        assert_true(index == 0 || index == -ENOMEM);
        if (index == 0)
            assert_true(cases[0].rc == POLLIN || cases[0].rc == -ENOMEM);
        join_thread(thread);
        assert_int_equal(read(ends[0], &byte, 1), 1);
        assert_int_equal(thrum_hub_close(THRUM_FOREVER), 0);
    }
    close(ends[0]);
    close(ends[1]);
}

/* ---- in a callback, in a task, in a child ---- */

static void select_in_callback(thrum_future *done, void *arg)
{
    thrum_queue *queue = arg;
    thrum_select_case cases[] = {thrum_select_get(queue)};

    CHECK_INT(SELECT(cases, THRUM_NOW), -ETIMEDOUT);
    CHECK_INT(SELECT(cases, THRUM_FOREVER), THRUM_ECONTEXT);
    cases[0] = thrum_select_put(queue, done);
    CHECK_INT(SELECT(cases, THRUM_FOREVER), 0);
}

TEST(a_callback_may_look)
{
    thrum_queue *queue = make(THRUM_QUEUE_FIFO, 0);
    struct deal deal = deal_new();
    void *item = NULL;

    assert_int_equal(
        thrum_future_add_done_callback(deal.future, select_in_callback, queue),
        0);
    assert_int_equal(thrum_promise_set_result(deal.promise, NULL), 0);
    assert_int_equal(thrum_queue_get(queue, THRUM_NOW, &item), 0);
    assert_ptr_equal(item, deal.future);
    deal_end(&deal);
    thrum_queue_free(queue);
}

static void *answer(void *arg)
{
    return arg;
}

/* The pool's only worker waits for tasks that lie behind it. */
static void *select_own(void *arg)
{
    thrum_queue *queue = arg;
    thrum_future *future = NULL;
    int index;

    if (!CHECK_INT(thrum_executor_submit(thrum_executor_current(), answer, arg,
                                         0, &future),
                   0))
        return NULL;
    {
        thrum_select_case cases[] = {thrum_select_get(queue),
                                     thrum_select_future(future)};

        index = SELECT(cases, THRUM_FOREVER);
        CHECK_INT(index, 1);
    }
    thrum_future_unref(future);
    return NULL;
}

TEST(a_worker_runs_what_it_selects)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_queue *queue = make(THRUM_QUEUE_FIFO, 0);
    thrum_executor *pool = NULL;
    thrum_future *future = NULL;

    options.max_workers = 1;
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    assert_int_equal(thrum_executor_submit(pool, select_own, queue, 0, &future),
                     0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    assert_int_equal(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER),
                     0);
    thrum_executor_unref(pool);
    thrum_queue_free(queue);
}

static int select_inherited(void *arg)
{
    thrum_select_case *cases = arg;

    CHECK_INT(thrum_select(&cases[0], 1, THRUM_NOW), -ECHILD);
    CHECK_INT(thrum_select(&cases[1], 1, THRUM_NOW), -ECHILD);
    CHECK_INT(thrum_select(&cases[2], 1, THRUM_NOW), 0);
    return 0;
}

TEST(what_a_child_inherited_is_not_waited_for)
{
    thrum_queue *queue = make(THRUM_QUEUE_FIFO, 0);
    struct deal deal = deal_new();
    thrum_future *settled = future_with(NULL);
    thrum_select_case cases[] = {thrum_select_put(queue, cells),
                                 thrum_select_future(deal.future),
                                 thrum_select_future(settled)};

    assert_int_equal(in_child(select_inherited, cases), 0);
    thrum_future_unref(settled);
    deal_end(&deal);
    thrum_queue_free(queue);
}

TEST_MAIN("select")
