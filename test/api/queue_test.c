/* SPDX-License-Identifier: MIT */
/*
 * test/api/queue_test.c - a pool whose queue has a limit (rule F45).
 */
#include "tasks.h"

static thrum_executor *bounded(size_t limit, thrum_queue_policy policy,
                               int64_t block_ns, struct gate *gate)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;

    options.queue_limit = limit;
    options.queue_policy = policy;
    options.block_ns = block_ns;
    return busy_pool(&options, gate);
}

TEST(F45_reject_refuses_what_is_above_the_limit)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = bounded(3, THRUM_QUEUE_REJECT, 0, &gate);
    struct token tokens[4];
    thrum_future *future = NULL;

    memset(tokens, 0, sizeof(tokens));
    for (int i = 0; i < 3; i++)
        assert_int_equal(token_submit(pool, &tokens[i], NULL), 0);
    assert_int_equal(token_submit(pool, &tokens[3], &future), THRUM_EFULL);
    assert_null(future);
    assert_int_equal(
        thrum_executor_submit(pool, token_task, &tokens[3], 0, NULL),
        THRUM_EFULL);
    gate_open(&gate);
    executor_end(pool);
    for (int i = 0; i < 3; i++)
        assert_token(&tokens[i], 1, 1);
    assert_token(&tokens[3], 0, 0);
}

TEST(F45_reject_takes_tasks_again_once_there_is_room)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = bounded(1, THRUM_QUEUE_REJECT, 0, &gate);
    atomic_uint ran = 0;
    thrum_future *future = submit(pool, count_task, &ran);

    gate_open(&gate);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    future = submit(pool, count_task, &ran);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), 2);
}

TEST(F45_reject_lets_submit_many_in_as_far_as_there_is_room)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = bounded(5, THRUM_QUEUE_REJECT, 0, &gate);
    atomic_uint ran = 0;
    void *args[8] = {&ran, &ran, &ran, &ran, &ran, &ran, &ran, &ran};
    thrum_future *futures[16] = {NULL};

    assert_int_equal(
        thrum_executor_submit_many(pool, count_task, args, 2, NULL), 2);
    assert_int_equal(
        thrum_executor_submit_many(pool, count_task, args, 8, futures), 3);
    assert_int_equal(
        thrum_executor_submit_many(pool, count_task, args, 8, futures + 8),
        THRUM_EFULL);
    gate_open(&gate);
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), 5);
    for (int i = 0; i < 3; i++)
        thrum_future_unref(futures[i]);
}

TEST(F45_caller_runs_runs_what_is_above_the_limit_here)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = bounded(1, THRUM_QUEUE_CALLER_RUNS, 0, &gate);
    struct token queued = {0};
    struct token mine = {0};
    thrum_future *future = NULL;

    assert_int_equal(token_submit(pool, &queued, NULL), 0);
    assert_int_equal(token_submit(pool, &mine, &future), 0);
    assert_true(thrum_future_done(future));
    assert_token(&mine, 1, 1);
    assert_int_equal(atomic_load(&mine.ran_by), token_thread());
    thrum_future_unref(future);
    mine = (struct token){0};
    assert_int_equal(token_submit(pool, &mine, NULL), 0);
    assert_token(&mine, 1, 1);
    gate_open(&gate);
    executor_end(pool);
    assert_token(&queued, 1, 1);
}

TEST(F45_caller_runs_does_not_run_after_shutdown)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = bounded(1, THRUM_QUEUE_CALLER_RUNS, 0, &gate);
    struct token token = {0};

    thrum_future_unref(submit(pool, count_task, &token.begun));
    assert_int_equal(thrum_executor_shutdown(pool, 0, THRUM_NOW), 0);
    assert_int_equal(token_submit(pool, &token, NULL), THRUM_ESHUTDOWN);
    gate_open(&gate);
    executor_end(pool);
    assert_token(&token, 0, 0);
}

TEST(F45_block_until_the_span_is_over)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = bounded(1, THRUM_QUEUE_BLOCK, 1000000, &gate);
    struct token queued = {0};
    struct token refused = {0};

    assert_int_equal(token_submit(pool, &queued, NULL), 0);
    assert_int_equal(token_submit(pool, &refused, NULL), -ETIMEDOUT);
    gate_open(&gate);
    executor_end(pool);
    assert_token(&queued, 1, 1);
    assert_token(&refused, 0, 0);
}

struct pusher {
    thrum_executor *pool;
    struct token token;
    int rc;
};

static void *push(void *arg)
{
    struct pusher *pusher = arg;

    pusher->rc = token_submit(pusher->pool, &pusher->token, NULL);
    return NULL;
}

TEST(F45_block_until_there_is_room)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = bounded(1, THRUM_QUEUE_BLOCK, 0, &gate);
    struct token queued = {0};
    struct pusher pushers[3];
    struct test_thread *threads[3];

    memset(pushers, 0, sizeof(pushers));
    assert_int_equal(token_submit(pool, &queued, NULL), 0);
    for (int i = 0; i < 3; i++) {
        pushers[i].pool = pool;
        threads[i] = spawn_thread(push, &pushers[i]);
    }
    for (int i = 0; i < 3; i++)
        thread_await_sleep(threads[i]);
    assert_int_equal(atomic_load(&pushers[0].token.begun), 0);
    gate_open(&gate);
    for (int i = 0; i < 3; i++)
        join_thread(threads[i]);
    executor_end(pool);
    assert_token(&queued, 1, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pushers[i].rc, 0);
        assert_token(&pushers[i].token, 1, 1);
    }
}

TEST(F73_a_blocked_submit_is_refused_by_shutdown)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = bounded(1, THRUM_QUEUE_BLOCK, 0, &gate);
    struct token queued = {0};
    struct pusher pusher = {pool, {0}, 0};
    struct test_thread *thread;

    assert_int_equal(token_submit(pool, &queued, NULL), 0);
    thread = spawn_thread(push, &pusher);
    thread_await_sleep(thread);
    assert_int_equal(thrum_executor_shutdown(pool, 0, THRUM_NOW), 0);
    join_thread(thread);
    assert_int_equal(pusher.rc, THRUM_ESHUTDOWN);
    gate_open(&gate);
    executor_end(pool);
    assert_token(&queued, 1, 1);
    assert_token(&pusher.token, 0, 0);
}

TEST(F45_a_cancelled_task_makes_room_at_last)
{
    struct gate gate = GATE_INIT;
    thrum_executor *pool = bounded(1, THRUM_QUEUE_REJECT, 0, &gate);
    atomic_uint ran = 0;
    thrum_future *future = submit(pool, count_task, &ran);
    thrum_future *after = NULL;

    assert_true(thrum_future_cancel(future));
    thrum_future_unref(future);
    gate_open(&gate);
    WAIT_UNTIL(thrum_executor_submit(pool, count_task, &ran, 0, &after) == 0);
    assert_int_equal(thrum_future_result(after, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(after);
    executor_end(pool);
    assert_int_equal(atomic_load(&ran), 1);
}

/* ---- tasks that submit to their own full pool ---- */

struct flood {
    thrum_executor *pool;
    atomic_uint ran;
    unsigned children;
};

static void *flood_task(void *arg)
{
    struct flood *flood = arg;

    for (unsigned i = 0; i < flood->children; i++)
        CHECK_INT(thrum_executor_submit(flood->pool, count_task, &flood->ran, 0,
                                        NULL),
                  0);
    return NULL;
}

TEST(F45_tasks_are_not_held_up_by_the_limit_of_their_own_pool)
{
    static const thrum_queue_policy policies[] = {
        THRUM_QUEUE_BLOCK, THRUM_QUEUE_REJECT, THRUM_QUEUE_CALLER_RUNS};

    for (size_t i = 0; i < 3; i++) {
        struct gate gate = GATE_INIT;
        struct flood flood = {bounded(1, policies[i], 0, &gate), 0, 100};
        thrum_future *future = submit(flood.pool, flood_task, &flood);

        gate_open(&gate);
        assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
        thrum_future_unref(future);
        executor_end(flood.pool);
        assert_int_equal(atomic_load(&flood.ran), 100);
    }
}

static void *flood_urgently(void *arg)
{
    struct flood *flood = arg;
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;

    for (unsigned i = 0; i < flood->children; i++) {
        options.priority = i % 2 == 0 ? 1 : -1;
        CHECK_INT(thrum_executor_submit_with(flood->pool, count_task,
                                             &flood->ran, 0, &options, NULL),
                  0);
    }
    return NULL;
}

/* They go past the limit, and must not count as room when they leave. */
TEST(F45_what_tasks_submit_with_a_priority_keeps_the_count)
{
    struct gate gate = GATE_INIT;
    struct flood flood = {bounded(2, THRUM_QUEUE_REJECT, 0, &gate), 0, 100};
    thrum_future *future = submit(flood.pool, flood_urgently, &flood);
    thrum_stats stats = THRUM_STATS;

    gate_open(&gate);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    thrum_future_unref(future);
    do {
        assert_int_equal(thrum_executor_stats(flood.pool, &stats), 0);
    } while (stats.done != 102);
    for (int i = 0; i < 2; i++) /* there is room for two again */
        WAIT_UNTIL(thrum_executor_submit(flood.pool, count_task, &flood.ran, 0,
                                         NULL) == 0);
    executor_end(flood.pool);
    assert_int_equal(atomic_load(&flood.ran), 102);
}

/* A limit of many submitters: nothing is lost, nothing runs twice. */
struct producer {
    thrum_executor *pool;
    atomic_uint *ran;
    unsigned tasks;
};

static void *produce(void *arg)
{
    struct producer *producer = arg;

    for (unsigned i = 0; i < producer->tasks; i++)
        CHECK_INT(thrum_executor_submit(producer->pool, count_task,
                                        producer->ran, 0, NULL),
                  0);
    return NULL;
}

TEST(F45_many_submitters_share_a_small_queue)
{
    enum {
        PRODUCERS = 4
    };
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    struct test_thread *threads[PRODUCERS];
    struct producer producer;
    atomic_uint ran = 0;

    options.max_workers = 2;
    options.queue_limit = 4;
    producer = (struct producer){NULL, &ran, test_scale(5000)};
    assert_int_equal(pool_new(&options, &producer.pool), 0);
    for (int i = 0; i < PRODUCERS; i++)
        threads[i] = spawn_thread(produce, &producer);
    for (int i = 0; i < PRODUCERS; i++)
        join_thread(threads[i]);
    executor_end(producer.pool);
    assert_int_equal(atomic_load(&ran), PRODUCERS * producer.tasks);
}

TEST_MAIN("queue")
